/** What belongs to one release of the page. The build puts it into the service worker. */
export interface Release {
  /** Another one whenever any of the files is another. */
  id: string;
  /** Their paths, such as /assets/index-3f2a.js. The page itself is `/`. */
  files: string[];
  /** Those of them that the page names: by these it is known as the page of this release. */
  named: string[];
}

const prefix = 'veche-release-';

export function cacheName(release: Release): string {
  return prefix + release.id;
}

/** Whether a cache is that of another release. Caches of other names are none of ours. */
export function isOldCache(name: string, release: Release): boolean {
  return name.startsWith(prefix) && name !== cacheName(release);
}

/** Under which path the cache of the release answers a request; null for what is none of the release's. */
export function pathInCache(request: { method: string; url: string }, origin: string, release: Release): string | null {
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== origin) return null;
  const path = url.pathname === '/index.html' ? '/' : url.pathname;
  return release.files.includes(path) ? path : null;
}

/**
 * Whether a page is that of the release. While a server is given a new release it may hand out a page of one and
 * the worker of another: such a mixture is not kept.
 */
export function isPageOf(page: string, release: Release): boolean {
  return release.named.every((file) => page.includes(`"${file}"`));
}
