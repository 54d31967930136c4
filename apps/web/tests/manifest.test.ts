import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Manifest {
  icons: { src: string; sizes: string; type: string; purpose?: string }[];
}
const manifest = JSON.parse(readFileSync('public/manifest.webmanifest', 'utf8')) as Manifest;
const pictures = manifest.icons.filter((icon) => icon.type === 'image/png');

test.each(pictures)('$src is as large as the manifest says', ({ src, sizes }) => {
  const png = readFileSync(`public${src}`);
  expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`).toBe(sizes);
});

test('there are the icons that browsers ask for to install the page', () => {
  expect(pictures.map((icon) => icon.sizes)).toEqual(expect.arrayContaining(['192x192', '512x512']));
  expect(pictures.some((icon) => icon.purpose === 'maskable')).toBe(true);
});

test('what the page names beside its scripts is there', () => {
  const page = readFileSync('index.html', 'utf8');
  const named = [...page.matchAll(/href="(\/[^"]+)"/gu)].map((found) => found[1] ?? '');
  expect(named.length).toBeGreaterThan(2);
  for (const path of named) expect(() => readFileSync(`public${path}`)).not.toThrow();
});

test('the page has nothing inline, which the security policy forbids', () => {
  expect(readFileSync('index.html', 'utf8')).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/u);
});
