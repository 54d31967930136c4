// A picture to send, drawn here so that it is nobody else's.

import { crc32, deflateSync } from 'node:zlib';

type Colour = [number, number, number];

const EARTH: Colour = [124, 92, 66];
const PATH: Colour = [214, 205, 186];
const GREENS: Colour[] = [
  [86, 140, 72],
  [122, 168, 84],
  [64, 112, 74],
  [168, 188, 96],
];

/** A plan of beds, seen from above, as a PNG. */
export function planOfBeds(width = 480, height = 300): Buffer {
  const rows: Buffer[] = [];
  for (let y = 0; y < height; y += 1) {
    const row = Buffer.alloc(1 + width * 3);
    for (let x = 0; x < width; x += 1) row.set(colourAt(x, y), 1 + x * 3);
    rows.push(row);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits for each of three colours.
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(rows))), chunk('IEND')]);
}

function colourAt(x: number, y: number): Colour {
  const [column, row] = [Math.floor(x / 120), Math.floor(y / 100)];
  const [inX, inY] = [x % 120, y % 100];
  if (inX < 12 || inY < 12) return PATH;
  if (inX < 18 || inY < 18 || inX > 113 || inY > 93) return EARTH;
  const plants = (inX - 18) % 16 < 11 && (inY - 18) % 15 < 10;
  return plants ? (GREENS[(column * 2 + row * 3) % GREENS.length] ?? EARTH) : EARTH;
}

function chunk(name: string, content = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
