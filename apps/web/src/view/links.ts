// Links in what somebody wrote.

export type Piece = { text: string; href: string | null };

/** Cuts a text into what is a link and what is not. A link is shown as it was written, whole. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"“”]+/giu)) {
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
  for (; end > 0; end -= 1) {
    const last = link[end - 1] ?? '';
    const opened = count(link.slice(0, end), '(') >= count(link.slice(0, end), ')');
    if (!/[.,;:!?'’…\]})]/u.test(last) || (last === ')' && opened)) break;
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
