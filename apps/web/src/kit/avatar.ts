const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The first letters of the first and the last word of a name, as a person sees letters. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).map(firstLetter).filter((letter) => letter !== '');
  const [first = '?'] = words;
  const last = words.length > 1 ? (words.at(-1) ?? '') : '';
  return (first + last).toLocaleUpperCase();
}

/** Names may come with marks before them, such as the @ of a user name, which say nothing. */
function firstLetter(word: string): string {
  const seen = [...letters.segment(word)].map((part) => part.segment);
  return seen.find((letter) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(letter)) ?? '';
}

/** Which of the colours 1 to 8 is that of a seed: always the same, and the colours about equally often. */
export function colourOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < seed.length; at += 1) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (((hash ^ (hash >>> 13)) >>> 0) % 8) + 1;
}
