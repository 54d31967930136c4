// How long a page takes, in its own time: from a press to the paint of what that brings.

import type { Locator, Page } from 'playwright-core';
import { PATIENCE_MS } from './patience';

/** What is waited for: something that is in sight, and has these words where any are named. */
export interface Sight {
  /** A selector. */
  of: string;
  words?: string;
}

/** Presses it; returns the milliseconds until what is waited for was painted. */
export function untilPainted(pressed: Locator, sight: Sight): Promise<number> {
  return pressed.evaluate((element, { of, words, patience }) => {
    const isThere = () =>
      [...document.querySelectorAll(of)].some((one) => {
        const { top, bottom } = one.getBoundingClientRect();
        return bottom > 0 && top < innerHeight && (words === undefined || one.textContent?.includes(words) === true);
      });
    return new Promise<number>((resolve, reject) => {
      const began = performance.now();
      const look = () => {
        // What is there when a frame begins is painted in it, and what was put off comes after that.
        if (isThere()) setTimeout(() => resolve(performance.now() - began));
        else if (performance.now() - began > patience) reject(new Error(`${of} was not painted: ${words ?? ''}`));
        else requestAnimationFrame(look);
      };
      if (element instanceof HTMLInputElement) element.dispatchEvent(new InputEvent('input', { bubbles: true }));
      else (element as HTMLElement).click();
      requestAnimationFrame(look);
    });
  }, { ...sight, patience: PATIENCE_MS });
}

export interface Scrolled {
  /** How long each frame took, in milliseconds. */
  frames: number[];
  /** How many messages came by. */
  messages: number;
}

/** Scrolls the open chat towards its beginning, half a window with each frame. */
export function scrollBack(page: Page, frames: number): Promise<Scrolled> {
  return page.locator('[data-test=timeline] [role=log]').evaluate(async (list, count) => {
    const seen = new Set<string>();
    const times: number[] = [];
    let last = await new Promise<number>(requestAnimationFrame);
    while (times.length < count) {
      list.scrollTop -= list.clientHeight / 2;
      const now = await new Promise<number>(requestAnimationFrame);
      times.push(now - last);
      last = now;
      for (const one of list.querySelectorAll<HTMLElement>('[data-message]')) seen.add(one.dataset['message'] ?? '');
    }
    return { frames: times, messages: seen.size };
  }, frames);
}

/** Notes from now on, in every page that is opened, what keeps its main thread busy for more than 50 ms. */
export async function noteLongTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const long: number[] = [];
    Object.assign(globalThis, { long });
    new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask', buffered: true });
  });
}

/** What was noted since the page was opened, or since this was asked last. */
export function longTasks(page: Page): Promise<number[]> {
  return page.evaluate(() => (globalThis as unknown as { long: number[] }).long.splice(0));
}
