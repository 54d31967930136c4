// A name that somebody gave to a file, made harmless: the same rules as the command line's.

const BYTES_MAX = 200;
const EXTENSION_MAX = 20;
const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])$/i;

/** One component of a path: no separator, nothing unseen, not hidden, not looking like a flag, never empty. */
export function cleanName(name: string): string {
  const component = name.split(/[/\\]/u).filter((part) => part.trim() !== '').at(-1) ?? '';
  const plain = component
    // Control characters, and what steers the direction of a text or cannot be seen.
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\uFFFD]/gu, '_')
    .replace(/[:*?"<>|]/gu, '_')
    .replace(/^[.\-~\s]+/u, '')
    .replace(/[.\s]+$/u, '');
  const short = shorten(plain);
  if (short === '') return 'file';
  return RESERVED.test(short.split('.')[0]?.trimEnd() ?? '') ? `_${short}` : short;
}

function shorten(name: string): string {
  const length = (text: string) => new TextEncoder().encode(text).length;
  if (length(name) <= BYTES_MAX) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && length(name.slice(dot)) <= EXTENSION_MAX ? name.slice(dot) : '';
  const stem = [...name.slice(0, name.length - extension.length)];
  while (length(stem.join('')) + length(extension) > BYTES_MAX) stem.pop();
  return stem.join('') + extension;
}
