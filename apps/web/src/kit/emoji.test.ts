import { beforeEach, expect, test } from 'vitest';
import { emojiSections, findEmoji, nextCell, recentEmoji, rememberEmoji } from './emoji';
import { emojiTable } from './emojiTable';

beforeEach(() => localStorage.clear());

const found = (sought: string) => findEmoji(sought, 'en').map((emoji) => emoji.emoji);

test('emoji are found by either name, with or without marks, by the beginnings of words', () => {
  expect(found('thumbs up')).toEqual(['👍']);
  expect(found('palac nag')).toEqual(['👍']);
  expect(found('žaba')).toEqual(found('zaba'));
  expect(found('ZABA')[0]).toBe('🐸');
  expect(found('ograpes')).toEqual([]);
  expect(findEmoji('frog', 'sr')).toEqual([{ emoji: '🐸', name: 'žaba' }]);
});

test('who is so named comes before who is so described', () => {
  const hearts = found('love');
  expect(hearts[0]).toBe('🤟');
  expect(hearts).toContain('❤️');
});

test('every emoji is there once, is one letter to the eye, and has both names', () => {
  const rows = Object.values(emojiTable).flat();
  expect(new Set(rows.map(([emoji]) => emoji)).size).toBe(rows.length);
  expect(rows.length).toBeGreaterThan(400);
  const asPicture = new RegExp('^\\p{RGI_Emoji}$', 'v');
  const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const [emoji, english, serbian] of rows) {
    expect([...letters.segment(emoji)], emoji).toHaveLength(1);
    // Without a presentation of its own it needs the mark that asks for a picture.
    expect(emoji, english).toMatch(asPicture);
    expect(english).not.toBe('');
    expect(serbian).not.toMatch(/[\u0400-\u04ff]/u);
  }
});

test('those picked last come first, each once, and not without end', () => {
  for (const [emoji] of emojiTable.faces.slice(0, 30)) rememberEmoji(emoji);
  rememberEmoji('🐸');
  rememberEmoji('😀');
  rememberEmoji('🐸');
  expect(recentEmoji().slice(0, 2)).toEqual(['🐸', '😀']);
  expect(recentEmoji()).toHaveLength(24);
  expect(emojiSections(recentEmoji(), 'sr')[0]).toMatchObject({ title: 'emojiRecent' });
  expect(emojiSections(recentEmoji(), 'sr')[0]?.emoji[0]).toEqual({ emoji: '🐸', name: 'žaba' });
  expect(emojiSections([], 'en')[0]?.title).toBe('emojiFaces');
});

test('a store that is refused or spoilt leaves no recent emoji', () => {
  const refused = () => {
    throw new DOMException('refused', 'SecurityError');
  };
  expect(() => rememberEmoji('🐸', refused)).not.toThrow();
  expect(recentEmoji(refused)).toEqual([]);
  localStorage.setItem('veche-recent-emoji', '{"a":1}');
  expect(recentEmoji()).toEqual([]);
  localStorage.setItem('veche-recent-emoji', '["🐸",3');
  expect(recentEmoji()).toEqual([]);
});

test('arrows move in the grid and stop at its edges', () => {
  expect(nextCell('ArrowRight', 3, 20, 8, false)).toBe(4);
  expect(nextCell('ArrowRight', 3, 20, 8, true)).toBe(2);
  expect(nextCell('ArrowDown', 3, 20, 8, false)).toBe(11);
  expect(nextCell('ArrowDown', 17, 20, 8, false)).toBe(19);
  expect(nextCell('ArrowUp', 3, 20, 8, false)).toBe(0);
  expect(nextCell('End', 3, 20, 8, false)).toBe(19);
  expect(nextCell('Home', 3, 20, 8, false)).toBe(0);
  expect(nextCell('a', 3, 20, 8, false)).toBeNull();
});
