// Links in what somebody wrote.

export type Piece = { text: string; href: string | null };

/** What is longer is no link to press. */
const LINK_MAX = 2048;

/** Cuts a text into what is a link and what is not. A link is shown as it was written, whole. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"“”]+/giu)) {
    if (match[0].length > LINK_MAX) continue;
    const written = withoutEnd(match[0]);
    const href = safe(written);
    if (href === null) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index), href: null });
    found.push({ text: written, href });
    from = match.index + written.length;
  }
  if (from < text.length) found.push({ text: text.slice(from), href: null });
  return found;
}

/** What ends the sentence and not the link; a closing bracket belongs to it where it was opened in it. */
function withoutEnd(link: string): string {
  let end = link.length;
  // Of those that close, how many more there are than of those that open.
  let tooMany = count(link, ')') - count(link, '(');
  for (; end > 0; end -= 1) {
    const last = link[end - 1] ?? '';
    if (!/[.,;:!?'’…\]})]/u.test(last) || (last === ')' && tooMany <= 0)) break;
    if (last === ')') tooMany -= 1;
  }
  return link.slice(0, end);
}

/** Nothing where a link would lead elsewhere than it seems: with a name before the host, or unseen characters. */
function safe(link: string): string | null {
  if (/[\p{Cf}\p{Cc}]/u.test(link)) return null;
  try {
    const url = new URL(link);
    const plain = url.username === '' && url.password === '';
    return plain && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null;
  } catch {
    return null;
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
