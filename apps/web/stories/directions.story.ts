// Words that are read from right to left, beside others.

import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import type { TerminalPerson } from './harness/terminal';

const GROUP = 'سوق الأحد';
const HEBREW = 'מתי נפגשים?';
const ARABIC = 'الساعة التاسعة، عند الجسر.';
const ENGLISH = 'Nine it is, see you there.';
const NAME = 'דנה';

describe.sequential('words that are read from right to left', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let dana: TerminalPerson;
  const message = (text: string) => ana.message({ text });

  beforeAll(async () => {
    dana = await play.stage.terminal('dana');
    ana = await play.stage.browser('ana');
    await dana.types('contact', 'add', '@ana');
    await dana.types('me', '--display-name', NAME);
    await ana.addsContact('dana');
    await ana.makesGroup(GROUP, ['dana']);
    await ana.writes(GROUP, ARABIC);
    await dana.sees(GROUP, { text: ARABIC });
    await dana.writes(GROUP, HEBREW);
    await dana.writes(GROUP, ENGLISH);
    await ana.sees(GROUP, { text: HEBREW });
    await ana.sees(GROUP, { text: ENGLISH });
  });

  test('begin at the right of their bubble, and others at the left of theirs', async () => {
    for (const [text, direction] of [[ARABIC, 'rtl'], [HEBREW, 'rtl'], [ENGLISH, 'ltr']] as const) {
      const words = message(text).locator('[data-test=message-text]');
      expect(await words.evaluate((element) => getComputedStyle(element).direction), text).toBe(direction);
      expect(await words.evaluate((element) => getComputedStyle(element).textAlign)).toBe('start');
    }
  });

  test('leave the bubbles on the side of who speaks', async () => {
    const bubble = async (text: string) => (await message(text).locator('.bubble').boundingBox())?.x ?? 0;
    expect(await bubble(ARABIC)).toBeGreaterThan(await bubble(HEBREW));
    expect(await bubble(HEBREW)).toBe(await bubble(ENGLISH));
  });

  test('turn nothing around a name', async () => {
    await ana.part('search').fill('see you');
    const found = ana.part('found-message').filter({ hasText: ENGLISH });
    await found.waitFor();
    // As a reader goes: first who says it, then what.
    const [name, said] = [await found.evaluate(leftOf, NAME), await found.evaluate(leftOf, 'Nine')];
    expect(name).toBeLessThan(said);
    await ana.part('search').fill('');
  });

  test('are typed from the right', async () => {
    const field = ana.part('composer-text');
    await field.fill(HEBREW);
    expect(await field.evaluate((element) => element.matches(':dir(rtl)'))).toBe(true);
    await field.fill(ENGLISH);
    expect(await field.evaluate((element) => element.matches(':dir(ltr)'))).toBe(true);
    await field.fill('');
  });
});

/** How far from the left the words stand. */
function leftOf(element: Element, words: string): number {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const at = node.textContent?.indexOf(words) ?? -1;
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + words.length);
    return range.getBoundingClientRect().left;
  }
  throw new Error(`${words} is not there`);
}
