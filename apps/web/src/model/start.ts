// What the page was opened with.

export interface Opened {
  /** The server to register at, where it is known. */
  server: string;
  /** A link to be followed once there is an account. */
  link: string | null;
}

/** Reads the part of the page's address behind the #, and what the server put into the page. */
export function readStart(fragment: string, preset: string | null): Opened {
  const text = decode(fragment.replace(/^#/u, '')).trim();
  if (text.startsWith('veche://')) {
    const [, server] = /^veche:\/\/([^/]+\/[a-z2-7]+)\//u.exec(text) ?? [];
    return { server: preset ?? server ?? '', link: text };
  }
  const isAddress = /^[^\s/]+:\d{1,5}\/[a-z2-7]+$/u.test(text);
  return { server: preset ?? (isAddress ? text : ''), link: null };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
