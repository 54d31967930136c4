import { expect, test } from 'vitest';
import { cacheName, isOldCache, isPageOf, pathInCache, type Release } from './releaseFiles';

const release: Release = {
  id: 'b2',
  files: ['/', '/assets/index-1.js', '/assets/core-2.wasm', '/icon.svg'],
  named: ['/assets/index-1.js'],
};
const origin = 'https://veche.example';
const get = (path: string) => pathInCache({ method: 'GET', url: origin + path }, origin, release);

test('only what belongs to the release comes from its cache', () => {
  expect(get('/')).toBe('/');
  expect(get('/?from=home')).toBe('/');
  expect(get('/index.html')).toBe('/');
  expect(get('/assets/core-2.wasm')).toBe('/assets/core-2.wasm');
  expect(get('/assets/core-3.wasm')).toBeNull();
  expect(get('/veche')).toBeNull();
  expect(pathInCache({ method: 'POST', url: `${origin}/` }, origin, release)).toBeNull();
  expect(pathInCache({ method: 'GET', url: 'https://other.example/' }, origin, release)).toBeNull();
});

test('the caches of other releases are old, and those of others are let be', () => {
  expect(isOldCache(cacheName(release), release)).toBe(false);
  expect(isOldCache(cacheName({ ...release, id: 'a1' }), release)).toBe(true);
  expect(isOldCache('something else', release)).toBe(false);
});

test('a page of another release is known as such', () => {
  expect(isPageOf('<script type="module" src="/assets/index-1.js"></script>', release)).toBe(true);
  expect(isPageOf('<script type="module" src="/assets/index-12.js"></script>', release)).toBe(false);
});
