import { describe, expect, test } from 'vitest';
import { message } from '../bridge/fake/door';
import type { MessageView } from '../bridge/types';
import {
  append, HELD_MAX, layTail, limitFor, mayMove, openAround, openAtEnd, openAtUnread, PAGE, prepend, replace,
} from './timeline';

/** Messages of one chat, from one number up to before another. */
const from = (start: number, end: number) =>
  Array.from({ length: end - start }, (_, index) => message('c', start + index));
const numbers = (messages: MessageView[]) => messages.map(({ id }) => Number(id.slice(2)));
const span = (messages: MessageView[]) => [numbers(messages)[0], numbers(messages).at(-1), messages.length];

describe('a window', () => {
  test('knows where the chat begins', () => {
    expect(openAtEnd('c', from(0, PAGE - 1)).atStart).toBe(true);
    expect(openAtEnd('c', from(0, PAGE)).atStart).toBe(false);
  });

  test('lets go of the end when it grows at the start, and the other way round, without a gap', () => {
    let timeline = openAtEnd('c', from(900, 1000));
    for (let start = 800; start >= 400; start -= PAGE) {
      timeline = prepend(timeline, from(start, start + PAGE));
    }
    expect(span(timeline.messages)).toEqual([400, 799, HELD_MAX]);
    expect([timeline.atStart, timeline.atEnd]).toEqual([false, false]);

    timeline = append(timeline, from(800, 900));
    timeline = append(timeline, from(900, 1000));
    expect(span(timeline.messages)).toEqual([600, 999, HELD_MAX]);
    // A whole page came: there may be more.
    expect(timeline.atEnd).toBe(false);
    timeline = append(timeline, []);
    expect(timeline.atEnd).toBe(true);
  });

  test('holds nothing twice where pages overlap', () => {
    const timeline = append(prepend(openAtEnd('c', from(100, 200)), from(50, 150)), from(150, 220));
    expect(numbers(timeline.messages)).toEqual(numbers(from(50, 220)));
  });

  test('around a message knows whether it touches either end', () => {
    const [middle] = from(100, 101);
    if (middle === undefined) throw new Error('no message');
    const timeline = openAround('c', from(0, 100), middle, from(101, 110));
    expect([timeline.atStart, timeline.atEnd, timeline.focus?.message]).toEqual([false, true, 'c-100']);
  });
});

describe('what is unread', () => {
  test('is where the look falls first, with what was read before it', () => {
    const timeline = openAtUnread('c', from(880, 1000), 100);
    expect([timeline.newFrom, timeline.focus?.message]).toEqual(['c-900', 'c-900']);
    expect(timeline.atStart).toBe(false);
  });

  test('is counted without own messages and system lines', () => {
    const page = from(0, 5);
    const mixed = [...page, { ...message('c', 5), state: 'Sent' as const }, { ...message('c', 6), event: 'x' }];
    expect(openAtUnread('c', mixed, 2).newFrom).toBe('c-3');
  });

  test('of more than is held leaves the look at the end', () => {
    const timeline = openAtUnread('c', from(600, 1000), 500);
    expect([timeline.newFrom, timeline.focus?.message]).toEqual([null, null]);
    expect(limitFor(500)).toBe(HELD_MAX);
    expect(limitFor(0)).toBe(PAGE);
  });
});

describe('the tail', () => {
  test('takes the place of the end: what is new comes, what has moved stands once', () => {
    const before = from(0, 150);
    const moved = before[149];
    if (moved === undefined) throw new Error('no message');
    const timeline = append(openAtEnd('c', before), []);
    const tail = [...from(60, 149), ...from(150, 160), { ...moved, state: 'Sent' as const }];
    const laid = layTail(timeline, tail);
    expect(numbers(laid.messages)).toEqual([...numbers(from(0, 149)), ...numbers(from(150, 160)), 149]);
    expect(laid.atEnd).toBe(true);
  });

  test('holds once what has moved from further up', () => {
    const [early] = from(10, 11);
    if (early === undefined) throw new Error('no message');
    const timeline = append(prepend(openAtEnd('c', from(50, 150)), from(0, 50)), []);
    const laid = layTail(timeline, [...from(51, 150), early]);
    expect(numbers(laid.messages).filter((number) => number === 10)).toHaveLength(1);
    expect(laid.messages.at(-1)?.id).toBe('c-10');
  });

  test('lets go of the start where the window gets too long', () => {
    let timeline = openAtEnd('c', from(500, 600));
    for (const start of [400, 300, 200]) timeline = prepend(timeline, from(start, start + PAGE));
    timeline = layTail(timeline, from(550, 650));
    expect(span(timeline.messages)).toEqual([250, 649, HELD_MAX]);
    expect(timeline.atEnd).toBe(true);
  });

  test('after a gap leaves the window where it is, to be read on from', () => {
    const timeline = openAtEnd('c', from(0, 100));
    const laid = layTail(timeline, from(500, 600));
    expect(span(laid.messages)).toEqual([0, 99, 100]);
    expect(laid.atEnd).toBe(false);
  });

  test('of a short chat is the whole chat', () => {
    const laid = layTail(openAtEnd('c', []), from(0, 3));
    expect(numbers(laid.messages)).toEqual([0, 1, 2]);
    expect([laid.atStart, laid.atEnd]).toEqual([true, true]);
  });
});

test('a change of what is not held changes nothing, not even the object', () => {
  const timeline = openAtEnd('c', from(0, 10));
  expect(replace(timeline, from(20, 21))).toBe(timeline);
  const [changed] = from(3, 4);
  if (changed === undefined) throw new Error('no message');
  expect(replace(timeline, [{ ...changed, text: 'new' }]).messages[3]?.text).toBe('new');
});

test('only what waits, or is not known, may stand elsewhere later', () => {
  expect(mayMove(undefined)).toBe(true);
  expect(mayMove({ ...message('c', 1), state: 'Pending' })).toBe(true);
  expect(mayMove(message('c', 1))).toBe(false);
});
