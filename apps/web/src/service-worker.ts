import { cacheName, isOldCache, isPageOf, pathInCache, type Release } from './bridge/releaseFiles';

/**
 * Keeps the files of one release, so that the page opens offline, and hands out nothing else: what goes to the
 * server otherwise is neither seen nor kept here. A page comes from the cache even when the server has a newer one:
 * that one waits until the page says SKIP_WAITING, as two releases must never use the database at once.
 */
declare const self: ServiceWorkerGlobalScope;
/** The build puts the list in here. */
declare const VECHE_RELEASE: Release;

const release = VECHE_RELEASE;

self.addEventListener('install', (event) => event.waitUntil(keepRelease()));
self.addEventListener('activate', (event) => event.waitUntil(takeOver()));

self.addEventListener('message', (event) => {
  if (event.data === 'SKIP_WAITING') void self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const path = pathInCache(event.request, self.location.origin, release);
  if (path !== null) event.respondWith(fromCache(path, event.request));
});

/** A press on a notification leads to the page, to one that is open where there is one. */
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(showPage(event.notification.data));
});

async function keepRelease(): Promise<void> {
  const cache = await caches.open(cacheName(release));
  await cache.addAll(release.files.map((file) => new Request(file, { cache: 'no-cache' })));
  const page = await cache.match('/');
  if (page && isPageOf(await page.text(), release)) return;
  await caches.delete(cacheName(release));
  throw new Error('the server hands out the page of another release');
}

async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => isOldCache(name, release));
  await Promise.all(old.map((name) => caches.delete(name)));
  // The tab that brought the very first release is of it: it hears of the next one, too.
  if (old.length === 0) await self.clients.claim();
}

/** The browser may have dropped the cache when it was short of space. */
async function fromCache(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName(release));
  return (await cache.match(path, { ignoreVary: true })) ?? fetch(request);
}

async function showPage(data: unknown): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = pages[0];
  if (!page) return void (await self.clients.openWindow('/'));
  page.postMessage({ notification: data });
  await page.focus();
}
