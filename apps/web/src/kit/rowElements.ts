import type { Rows } from './virtual';

/**
 * Measures rows that are drawn: each says its key and its index in data attributes. True where a height is news.
 * Those of a list that is hidden have no box: to take them for flat would ask for ever more rows to fill the window.
 */
export function measureRows<T>(rows: Rows<T>, elements: Element[]): boolean {
  const changed = elements.filter((element) => {
    const { key = '', index } = (element as HTMLElement).dataset;
    const box = element.getClientRects()[0];
    return box !== undefined && rows.measure(key, Number(index), box.height);
  });
  return changed.length > 0;
}

/** Gives the focus to the list when it is on a row that goes: its keys go on working. */
export function keepFocus(list: HTMLElement | undefined, keysThatStay: string[]): void {
  const row = document.activeElement?.closest<HTMLElement>('[data-index]');
  if (!row || !list?.contains(row) || keysThatStay.includes(row.dataset['key'] ?? '')) return;
  list.focus({ preventScroll: true });
}

/** Whether a key that was pressed is one for writing, or one with a meaning of its own. */
export function isForField(event: KeyboardEvent): boolean {
  const field = event.target instanceof Element && event.target.matches('input, textarea, select');
  return field || event.ctrlKey || event.altKey || event.metaKey;
}
