// What a hand brings into the page from outside: files that are dragged over it, and what was copied elsewhere.

import type { CDPSession, Page } from 'playwright-core';

type Drag = 'dragEnter' | 'dragOver' | 'drop';

export class Hand {
  private constructor(
    private readonly page: Page,
    private readonly browser: CDPSession,
  ) {}

  static async of(page: Page): Promise<Hand> {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    return new Hand(page, await page.context().newCDPSession(page));
  }

  /** Holds files over the open chat. */
  async drags(paths: string[]): Promise<void> {
    await this.moves('dragEnter', paths);
    await this.moves('dragOver', paths);
  }

  async drops(paths: string[]): Promise<void> {
    await this.moves('drop', paths);
  }

  async copiesWords(words: string): Promise<void> {
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), words);
  }

  /** Copies a PNG, as from a program that draws. */
  async copiesPicture(content: Buffer): Promise<void> {
    await this.page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
    }, content.toString('base64'));
  }

  private async moves(type: Drag, files: string[]): Promise<void> {
    const place = await this.page.locator('[data-test=timeline]').boundingBox();
    if (place === null) throw new Error('no chat is open');
    const [x, y] = [place.x + place.width / 2, place.y + place.height / 2];
    // 1: they may be copied.
    await this.browser.send('Input.dispatchDragEvent', { type, x, y, data: { items: [], files, dragOperationsMask: 1 } });
  }
}
