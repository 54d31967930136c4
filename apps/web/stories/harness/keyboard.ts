// A person without a mouse: keys alone, and what has the focus.

import type { Locator, Page } from 'playwright-core';
import { until } from './patience';

/** The longest way from one thing on a screen to another. */
const STEPS_MAX = 60;

export class Keyboard {
  constructor(private readonly page: Page) {}

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Waits until the part, or something in it, has the focus. */
  async areIn(part: Locator): Promise<void> {
    await until(`the focus in ${String(part)}`, () => hasFocus(part));
  }

  /** Goes with Tab (or another key) until the part, or something in it, has the focus. */
  async goTo(part: Locator, key = 'Tab'): Promise<void> {
    await part.first().waitFor();
    for (let step = 0; step < STEPS_MAX; step += 1) {
      if (await hasFocus(part)) return;
      await this.press(key);
    }
    throw new Error(`${key} does not lead to ${String(part)}; the focus is on ${await this.focused()}`);
  }

  private focused(): Promise<string> {
    return this.page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200) ?? 'nothing');
  }
}

function hasFocus(part: Locator): Promise<boolean> {
  return part.evaluateAll((elements) => elements.some((element) => element.contains(document.activeElement)));
}
