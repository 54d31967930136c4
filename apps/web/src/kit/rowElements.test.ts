import { expect, test, vi } from 'vitest';
import { measureRows } from './rowElements';
import { Rows } from './virtual';

function drawn(key: string, index: number, heights: number[]): HTMLElement {
  const element = document.createElement('div');
  Object.assign(element.dataset, { key, index: String(index) });
  vi.spyOn(element, 'getClientRects').mockReturnValue(heights.map((height) => ({ height })) as unknown as DOMRectList);
  return element;
}

const list = () => new Rows(['a', 'b'], (item) => item, () => 40, new Map());

test('rows are as high as they are drawn, even when they are empty', () => {
  const rows = list();
  expect(measureRows(rows, [drawn('a', 0, [70]), drawn('b', 1, [0])])).toBe(true);
  expect(rows.heights.total).toBe(70);
  expect(measureRows(rows, [drawn('a', 0, [70])])).toBe(false);
});

test('rows of a hidden list keep their heights', () => {
  const rows = list();
  expect(measureRows(rows, [drawn('a', 0, []), drawn('b', 1, [])])).toBe(false);
  expect(rows.heights.total).toBe(80);
});
