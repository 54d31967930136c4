import { describe, expect, test } from 'vitest';
import { Heights, NearEnd, Rows, type Anchor } from './virtual';

/** A small generator with a seed, so that a failure comes again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('Heights', () => {
  test.each([0, 1, 2, 3, 7, 8, 9, 100, 1000])('of %i rows agree with plain sums', (count) => {
    const next = numbers(count + 1);
    const plain = Array.from({ length: count }, () => 1 + next(200));
    const heights = new Heights(count, (index) => plain[index] ?? 0);
    for (let round = 0; round < 20; round += 1) {
      if (count > 0) {
        const index = next(count);
        plain[index] = 1 + next(300);
        heights.set(index, plain[index] ?? 0);
      }
      let offset = 0;
      const wrong = plain.filter((height, index) => {
        const begins = offset;
        offset += height;
        const found = [heights.at(begins), heights.at(offset - 0.5)];
        return heights.offset(index) !== begins || found.some((at) => at !== index);
      });
      expect(wrong).toEqual([]);
      expect(heights.total).toBe(offset);
      expect(heights.at(offset + 1000)).toBe(Math.max(0, count - 1));
      expect(heights.at(-5)).toBe(0);
    }
  });

  test('a row without height is no place to be', () => {
    const heights = new Heights(3, (index) => (index === 1 ? 0 : 10));
    expect(heights.at(9)).toBe(0);
    expect(heights.at(10)).toBe(2);
  });

  test('ten thousand measurements among 100,000 rows leave the sum right', () => {
    const heights = new Heights(100_000, () => 50);
    for (let n = 0; n < 10_000; n += 1) {
      heights.set((n * 7919) % 100_000, 60);
      heights.at(heights.offset((n * 104_729) % 100_000));
    }
    expect(heights.total).toBe(5_100_000);
  });
});

describe('Rows', () => {
  const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `m${from + n}`);
  const rows = (items: string[], measured = new Map<string, number>()) =>
    new Rows(items, (item) => item, () => 40, measured);
  const window = 400;

  /** Where a row is seen: how far under the top of the window. */
  const seen = (list: Rows<string>, key: string, top: number) =>
    list.heights.offset(list.keys.indexOf(key)) - top;

  test('what is read stays in its place when rows come before it', () => {
    const before = rows(names(500, 1000));
    const anchor = before.anchor(4010, window);
    const after = rows(names(0, 1000));
    const top = after.top(anchor, window, 500);
    expect(seen(after, 'm600', top)).toBe(seen(before, 'm600', 4010));
    expect(top).toBe(24_010);
  });

  test('what is read stays in its place when rows come after it', () => {
    const before = rows(names(0, 100));
    expect(rows(names(0, 200)).top(before.anchor(1234, window), window, 100)).toBe(1234);
  });

  test('what is read stays in its place when a row above it turns out higher', () => {
    const list = rows(names(0, 100));
    const anchor = list.anchor(2010, window);
    expect(list.measure('m3', 3, 140)).toBe(true);
    expect(list.top(anchor, window, 100)).toBe(2110);
  });

  test('a row that is measured as it was is no news, and one that has moved is only remembered', () => {
    const measured = new Map<string, number>();
    const list = rows(names(0, 10), measured);
    expect(list.measure('m3', 3, 40.1)).toBe(false);
    expect(list.measure('m3', 7, 90)).toBe(false);
    expect(list.heights.total).toBe(400);
    expect(rows(names(0, 10), measured).heights.total).toBe(450);
  });

  test('the end stays the end', () => {
    const measured = new Map<string, number>();
    const list = rows(names(0, 100), measured);
    expect(list.top('end', window, 100)).toBe(3600);
    expect(rows(names(0, 101), measured).top('end', window, 100)).toBe(3640);
    list.measure('m99', 99, 100);
    expect(list.top('end', window, 100)).toBe(3660);
  });

  test('when the first row that is seen goes, the next one holds the place', () => {
    const before = rows(names(0, 100));
    const anchor = before.anchor(2010, window);
    const after = rows(names(0, 100).filter((name) => name !== 'm50'));
    expect(seen(after, 'm51', after.top(anchor, window, 100))).toBe(seen(before, 'm51', 2010));
  });

  test('when every row that is seen goes, the place in the list is kept', () => {
    const anchor: Anchor = rows(names(0, 100)).anchor(2000, window);
    expect(rows(names(1000, 1100)).top(anchor, window, 100)).toBe(2000);
    expect(rows(names(1000, 1005)).top(anchor, window, 100)).toBe(0);
    expect(rows([]).top(anchor, window, 100)).toBe(0);
  });

  test('the window never begins before the list or behind its last full screen', () => {
    const list = rows(names(0, 20));
    expect(list.top([{ key: 'm19', index: 19, under: 0 }], window, 20)).toBe(400);
    expect(list.top([{ key: 'm0', index: 0, under: 100 }], window, 20)).toBe(0);
  });

  test('a window at an end is anchored there where it sticks', () => {
    const list = rows(names(0, 100));
    expect(list.anchor(3599, window, { start: false, end: true })).toBe('end');
    expect(list.anchor(3590, window, { start: false, end: true })).not.toBe('end');
    expect(list.anchor(3600, window)).not.toBe('end');
    expect(list.anchor(0, window, { start: true, end: false })).toEqual([]);
    expect(list.anchor(0, window)).not.toEqual([]);
  });

  test('what is drawn is the window and one more on either side', () => {
    const list = rows(names(0, 100_000));
    const place = { at: list.anchor(2_000_000, window), count: 100_000 };
    expect(list.layout(place, window, true)).toEqual({
      top: 2_000_000, total: 4_000_000, from: 49_990, to: 50_021, before: 1_999_600, atEnd: false,
    });
  });

  test('few rows lie at the end of a window that sticks to it, and at the start of another', () => {
    const list = rows(names(0, 3));
    expect(list.layout({ at: 'end', count: 3 }, window, true)).toMatchObject({ top: 0, before: 280, atEnd: true });
    expect(list.layout({ at: [], count: 3 }, window, false)).toMatchObject({ top: 0, before: 0, atEnd: true });
  });

  test('a range holds each row that is seen, even in part', () => {
    const list = rows(names(0, 100));
    expect(list.range(79, 161)).toEqual({ from: 1, to: 5 });
    expect(list.range(-500, 10)).toEqual({ from: 0, to: 1 });
    expect(rows([]).range(0, 100)).toEqual({ from: 0, to: 0 });
  });
});

test('that an end is near is told once, and again when the list has grown there or it was left', () => {
  const end = new NearEnd();
  expect(end.comes(false, 'a')).toBe(false);
  expect(end.comes(true, 'a')).toBe(true);
  expect(end.comes(true, 'a')).toBe(false);
  expect(end.comes(true, 'b')).toBe(true);
  expect(end.comes(false, 'b')).toBe(false);
  expect(end.comes(true, 'b')).toBe(true);
  expect(end.comes(true, undefined)).toBe(false);
});
