// Where the WebSocket goes.

import type { PagePlace } from './calls';

export type Way = { url: string } | { elsewhere: string };

interface Address {
  host: string;
  port: number;
  key: string;
}

/** `HOST:PORT/KEY` in its parts. */
export function parseAddress(text: string): Address | null {
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:/?#@\s]+):(\d{1,5})\/([a-z2-7]+)$/.exec(text.trim());
  const [, host, port, key] = found ?? [];
  if (host === undefined || port === undefined || key === undefined) return null;
  return { host: host.toLowerCase(), port: Number(port), key };
}

/**
 * The way to the server at `address`. The page's rules let it speak with its own origin only; so does this,
 * where it can be said in words. A server is the page's own when it has the same key or the same place: the
 * session proves the key in any case.
 */
export function wayTo(address: string, page: PagePlace, anywhere = false): Way {
  const wanted = parseAddress(address);
  if (wanted === null) return { elsewhere: address };
  const scheme = page.secure ? 'wss' : 'ws';
  const place = `${wanted.host}:${wanted.port}`;
  const own = page.server === null ? null : parseAddress(page.server);
  if (own?.key === wanted.key || place === withPort(page)) {
    return { url: `${scheme}://${page.host}/veche` };
  }
  return anywhere ? { url: `${scheme}://${place}/veche` } : { elsewhere: place };
}

function withPort(page: PagePlace): string {
  const host = page.host.toLowerCase();
  if (/:\d+$/.test(host)) return host;
  return `${host}:${page.secure ? 443 : 80}`;
}
