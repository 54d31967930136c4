import { expect, test } from 'vitest';
import { fillIn, releaseOf } from '../vite.release';

const bytes = (text: string) => new TextEncoder().encode(text);
const files = (changes: Record<string, string> = {}) =>
  new Map(
    Object.entries({
      '/service-worker.js': 'VECHE_RELEASE',
      '/index.html': '<script src="/assets/index-1.js"></script>',
      '/assets/index-1.js': 'one',
      '/assets/core-2.wasm': 'two',
      ...changes,
    }).map(([path, text]) => [path, bytes(text)] as const),
  );

test('a release is all that was built but its service worker', () => {
  expect(releaseOf(files())).toMatchObject({
    files: ['/assets/core-2.wasm', '/assets/index-1.js', '/'],
    named: ['/assets/index-1.js'],
  });
});

test('a release has another name when a file has another content or name, and only then', () => {
  const { id } = releaseOf(files());
  expect(releaseOf(files()).id).toBe(id);
  expect(releaseOf(files({ '/service-worker.js': 'other' })).id).toBe(id);
  expect(releaseOf(files({ '/assets/core-2.wasm': 'three' })).id).not.toBe(id);
  expect(releaseOf(files({ '/icon.svg': '' })).id).not.toBe(id);
});

test('a worker that is given its release twice, never or with imports is refused', () => {
  const release = releaseOf(files());
  expect(fillIn('const release=VECHE_RELEASE;', release)).toBe(`const release=${JSON.stringify(release)};`);
  expect(() => fillIn('const release={};', release)).toThrow('0 times');
  expect(() => fillIn('VECHE_RELEASE;VECHE_RELEASE', release)).toThrow('2 times');
  expect(() => fillIn('import{a}from"./assets/a.js";VECHE_RELEASE', release)).toThrow('imports');
});
