import { expect, test } from 'vitest';
import { qrPath, readQr, scales } from './qr';

/** Draws the path as a printer would: each cell so many pixels wide. */
async function picture(text: string, cell: number): Promise<ImageData> {
  const { path, size } = await qrPath(text);
  const side = size * cell;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/gu)) {
    for (let row = 0; row < cell; row += 1) {
      const begin = ((Number(y) * cell + row) * side + Number(x) * cell) * 4;
      for (let at = begin; at < begin + Number(width) * cell * 4; at += 4) data.fill(0, at, at + 3);
    }
  }
  return { data, width: side, height: side, colorSpace: 'srgb' } as ImageData;
}

test.each([
  'veche://contact/ana@veche.example:8443/9f3c1d',
  `veche://join/${'k3'.repeat(150)}#Šumadija`,
])('a code that is drawn says %s again when it is read', async (text) => {
  expect(await readQr(await picture(text, 4))).toBe(text);
});

test('a code has four cells of paper round it, as readers ask for', async () => {
  const { path, size } = await qrPath('veche');
  const places = [...path.matchAll(/M(\d+) (\d+)h(\d+)/gu)].map((match) => match.slice(1).map(Number));
  expect(Math.min(...places.flatMap(([x = 0, y = 0]) => [x, y]))).toBe(4);
  expect(Math.max(...places.map(([x = 0, , width = 0]) => x + width))).toBe(size - 4);
});

test('a picture without a code says nothing', async () => {
  const data = new Uint8ClampedArray(100 * 100 * 4).fill(200);
  expect(await readQr({ data, width: 100, height: 100, colorSpace: 'srgb' } as ImageData)).toBeNull();
});

test('a picture is made smaller for each try, never bigger', () => {
  expect(scales(3200)).toEqual([0.5, 0.25, 0.125]);
  expect(scales(1000)).toEqual([1, 0.8, 0.4]);
  expect(scales(300)).toEqual([1]);
});
