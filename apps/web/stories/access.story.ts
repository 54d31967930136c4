// What axe-core finds on the main screens: in both themes, on a phone and on a desk.

import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import { type BrowserPerson, DESKTOP, PHONE } from './harness/browser';

const looks = [
  { title: 'desk', name: 'ana_desk', ...DESKTOP },
  { title: 'desk, dark', name: 'ana_desk_dark', ...DESKTOP, theme: 'dark' as const },
  { title: 'phone', name: 'ana_phone', ...PHONE },
  { title: 'phone, dark', name: 'ana_phone_dark', ...PHONE, theme: 'dark' as const },
];

const PASSPHRASE = 'seven herons over the weir';

/** What is wrong on the screen as it is, of what keeps people out. */
async function wrong(person: BrowserPerson, screen: string): Promise<string[]> {
  await settles(person);
  await person.page.evaluate(axe.source);
  const { violations } = await person.page.evaluate(() => window.axe.run());
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${screen}: ${id}: ${node.html} ${node.failureSummary ?? ''}`));
}

/** Colours that are still changing are not what a person reads. */
async function settles(person: BrowserPerson): Promise<void> {
  await person.page.evaluate(async () => {
    const moves = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity);
    await Promise.allSettled(moves.map(({ finished }) => finished));
  });
}

declare global {
  interface Window {
    axe: typeof axe;
  }
}

describe.sequential('nobody is kept out', () => {
  const play = onOneStage();

  test.each(looks)('$title', async ({ name, ...look }) => {
    const cal = await play.stage.terminal(`cal_of_${name}`.slice(0, 32));
    const ana = await play.stage.visitor(name, look);
    const found = await wrong(ana, 'welcome');
    await ana.registers();
    found.push(...(await wrong(ana, 'no chats')));
    await talk(ana, cal.name);
    await cal.accepts();
    await cal.writes('Reading circle', 'Which book is next?');
    await ana.sees('Reading circle', { text: 'Which book is next?' });
    await ana.reacts('Reading circle', 'Which book is next?', 'thumbs up');
    await ana.replies('Reading circle', 'Which book is next?', 'Perhaps https://example.org/books will tell.');
    found.push(...(await wrong(ana, 'an open chat')));
    await ana.chooses('Which book is next?', 'React');
    found.push(...(await wrong(ana, 'emoji')));
    await ana.closesPanel();
    await ana.message({ text: 'Which book is next?' }).locator('[data-test=message-menu] button').first().click();
    found.push(...(await wrong(ana, 'the menu of a message')));
    await ana.page.keyboard.press('Escape');
    await ana.part('chat-info').click();
    await ana.part('member').nth(1).waitFor();
    found.push(...(await wrong(ana, 'details')));
    await ana.part('link-new').locator('button').click();
    found.push(...(await wrong(ana, 'a new link')));
    await ana.closesPanel();
    if (look.phone) await ana.part('back').locator('button').click();
    found.push(...(await wrong(ana, 'chats')));
    for (const entry of ['New chat', 'New group', 'Join by link', 'Requests', 'Contacts', 'Settings']) {
      await ana.choosesFromMenu(entry);
      found.push(...(await wrong(ana, entry)));
      await ana.closesPanel();
    }
    await ana.choosesFromMenu('Settings');
    await ana.part('passphrase-set').locator('button').click();
    found.push(...(await wrong(ana, 'a new passphrase')));
    await ana.part('passphrase-next').locator('input').fill(PASSPHRASE);
    await ana.part('passphrase-again').locator('input').fill(PASSPHRASE);
    await ana.part('passphrase-done').locator('button').click();
    await ana.part('passphrase-remove').waitFor();
    await ana.part('export-open').locator('button').click();
    found.push(...(await wrong(ana, 'export')));
    await ana.closesPanel();
    await ana.page.reload();
    await ana.part('unlock').waitFor();
    found.push(...(await wrong(ana, 'a locked history')));
    expect(found).toEqual([]);
    await ana.closes();
  });

  async function talk(ana: BrowserPerson, other: string): Promise<void> {
    await ana.makesGroup('Reading circle', [other]);
    await ana.writes('Reading circle', 'Welcome, both of us.');
  }
});
