import { expect, test } from 'vitest';
import { colourOf, initials } from './avatar';

test.each([
  ['Ana Petrović', 'AP'],
  ['ana', 'A'],
  ['@ben', 'B'],
  ['  Đorđe  od  Šumadije ', 'ĐŠ'],
  ['👩‍👩‍👧 Family', '👩‍👩‍👧F'],
  ['e\u0301lan', 'E\u0301'],
  ['नमस्ते', 'न'],
  ['Team (old)', 'TO'],
  ['', '?'],
  ['—', '?'],
])('the initials of %j are %j', (name, expected) => {
  expect(initials(name)).toBe(expected);
});

test('a seed keeps its colour, and every colour is used about equally', () => {
  const counts = new Map<number, number>();
  for (let n = 0; n < 8000; n += 1) {
    const colour = colourOf(`seed ${n}`);
    expect(colourOf(`seed ${n}`)).toBe(colour);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  for (const count of counts.values()) expect(count).toBeGreaterThan(800);
});
