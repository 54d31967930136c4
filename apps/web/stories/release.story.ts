// A newer release comes while tabs are open: the old and the new never have the database together.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { Front } from './harness/front';
import { untilSame } from './harness/patience';
import type { Screen } from './harness/screen';
import type { TerminalPerson } from './harness/terminal';

const DRAFT = 'Half a thought, and';

describe.sequential('a newer release', () => {
  const play = onOneStage();
  let front: Front;
  let ana: BrowserPerson;
  let cal: TerminalPerson;
  let second: Screen;

  beforeAll(async () => {
    front = await Front.of(play.stage.server.page);
    cal = await play.stage.terminal('cal');
    ana = play.stage.newcomer('ana');
    await ana.opens(front.page);
    await ana.registers();
    await ana.keepsRelease();
    await cal.types('contact', 'add', '@ana');
    await ana.addsContact('cal');
    await ana.beginsChat('cal');
    await ana.writes('cal', 'Said in the old one.');
    second = await ana.opensTab(front.page);
    await second.opensChat('cal');
  });
  afterAll(() => front?.end());

  test('is told of in every tab, and nothing is taken from anybody', async () => {
    await ana.part('composer-text').fill(DRAFT);
    await front.renews();
    await looksForNews(second);
    for (const tab of [ana, second]) await tab.part('banner-release').waitFor();
    await second.writes('cal', 'Still in the old one.');
    await ana.sees('cal', { text: 'Still in the old one.' });
    await cal.sees('ana', { text: 'Still in the old one.' });
    expect(await ana.part('composer-text').inputValue()).toBe(DRAFT);
  });

  test('waits where another tab is opened: that one is of the old', async () => {
    const third = await ana.opensTab(front.page);
    await third.opensChat('cal');
    expect(await releaseOf(third)).toBe('older');
    await third.page.close();
  });

  test('takes over where the person says so, and the draft is there', async () => {
    await ana.part('banner-release').locator('button').click();
    await untilSame('the newer release', 'newer', () => releaseOf(ana).catch(() => 'between both'));
    await ana.opensChat('cal');
    await untilSame('the draft', DRAFT, () => ana.part('composer-text').inputValue());
    await ana.sees('cal', { text: 'Still in the old one.' });
  });

  test('leaves the other tab without the database until that is loaded again', async () => {
    await second.part('banner-outdated').waitFor();
    expect(await releaseOf(second)).toBe('older');
    // One tab holds the store, and nobody stands in line behind it but tabs of the same release.
    expect(await locks(ana)).toEqual({ held: 1, waiting: 0 });
    await cal.writes('ana', 'Who reads this?');
    await ana.sees('cal', { text: 'Who reads this?' });
    expect(await second.message({ text: 'Who reads this?' }).count()).toBe(0);
    await second.part('banner-outdated').locator('button').click();
    await untilSame('the newer release', 'newer', () => releaseOf(second).catch(() => 'between both'));
    await second.sees('cal', { text: 'Who reads this?' });
    expect(await locks(ana)).toEqual({ held: 1, waiting: 1 });
  });

  test('goes on with all that was', async () => {
    await ana.writes('cal', 'Said in the new one.');
    await second.sees('cal', { text: 'Said in the new one.' });
    await cal.sees('ana', { text: 'Said in the new one.' });
    await ana.sees('cal', { text: 'Said in the old one.' });
  });
});

/** What the page does by itself every hour. */
async function looksForNews({ page }: Screen): Promise<void> {
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration?.update();
  });
}

function releaseOf({ page }: Screen): Promise<string> {
  return page.evaluate(() => {
    const scripts = [...document.scripts].map(({ src }) => src);
    return scripts.some((src) => src.includes('-newer.js')) ? 'newer' : 'older';
  });
}

/** How many tabs hold the store, and how many wait for it. */
function locks({ page }: Screen): Promise<{ held: number; waiting: number }> {
  return page.evaluate(async () => {
    const { held, pending } = await navigator.locks.query();
    const ours = (all: LockInfo[] = []) => all.filter(({ name }) => name === 'veche-store').length;
    return { held: ours(held), waiting: ours(pending) };
  });
}
