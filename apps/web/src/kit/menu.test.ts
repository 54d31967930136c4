import { expect, test } from 'vitest';
import { nextItem, placeMenu, typedItem } from './menu';

const labels = ['Reply', 'Copy', 'Edit', 'Resend', 'Delete'];

test('arrows go round, and Home and End to the ends', () => {
  expect(nextItem('ArrowDown', 0, labels)).toBe(1);
  expect(nextItem('ArrowDown', 4, labels)).toBe(0);
  expect(nextItem('ArrowUp', 0, labels)).toBe(4);
  expect(nextItem('ArrowUp', -1, labels)).toBe(4);
  expect(nextItem('ArrowDown', -1, labels)).toBe(0);
  expect(nextItem('Home', 3, labels)).toBe(0);
  expect(nextItem('End', 0, labels)).toBe(4);
  expect(nextItem('x', 0, labels)).toBeNull();
  expect(nextItem('ArrowDown', 0, [])).toBeNull();
});

test('letters lead to the item that begins with them', () => {
  expect(typedItem('c', 0, labels)).toBe(1);
  expect(typedItem('r', 0, labels)).toBe(3);
  expect(typedItem('rr', 3, labels)).toBe(0);
  expect(typedItem('re', 0, labels)).toBe(0);
  expect(typedItem('RES', 0, labels)).toBe(3);
  expect(typedItem('z', 0, labels)).toBeNull();
  expect(typedItem('r', -1, labels)).toBe(0);
});

test('a menu stays on the screen', () => {
  const screen = { width: 400, height: 600 };
  const menu = { width: 150, height: 200 };
  const button = (left: number, top: number) => ({ left, top, right: left + 44, bottom: top + 44 });
  expect(placeMenu(button(10, 10), menu, screen, false)).toEqual({ left: 10, top: 54 });
  expect(placeMenu(button(350, 10), menu, screen, false)).toEqual({ left: 244, top: 54 });
  expect(placeMenu(button(200, 10), menu, screen, true)).toEqual({ left: 94, top: 54 });
  expect(placeMenu(button(10, 10), menu, screen, true)).toEqual({ left: 10, top: 54 });
  expect(placeMenu(button(10, 500), menu, screen, false)).toEqual({ left: 10, top: 300 });
  expect(placeMenu(button(10, 300), { width: 150, height: 590 }, screen, false).top).toBe(0);
});
