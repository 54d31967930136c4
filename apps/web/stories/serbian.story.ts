// The page in Serbian: a whole way through it, on which nothing is left in English.

import { beforeAll, describe, expect, test } from 'vitest';
import { kitEn } from '../src/text/kit.en';
import { kitSr } from '../src/text/kit.sr';
import { en } from '../src/text/en';
import { sr } from '../src/text/sr';
import type { Sentence } from '../src/text/text';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import type { TerminalPerson } from './harness/terminal';

const GROUP = 'Čitalište';
const word = (key: keyof typeof sr): string => {
  const sentence = sr[key];
  return typeof sentence === 'string' ? sentence : sentence.other;
};

describe.sequential('the page in Serbian', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let cal: TerminalPerson;

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.browser('ana');
    await cal.types('contact', 'add', '@ana');
  });

  test('begins with one choice', async () => {
    expect(await leftIn(ana)).not.toEqual([]);
    await ana.choosesFromMenu('Settings');
    await ana.part('language').locator('select').selectOption('sr');
    await ana.page.getByRole('heading', { name: word('settings') }).waitFor();
    expect(await ana.page.locator('html').getAttribute('lang')).toBe('sr-Latn');
    expect(await leftIn(ana)).toEqual([]);
    await ana.closesPanel(kitSr.close);
    expect(await leftIn(ana)).toEqual([]);
  });

  test('is so in every panel', async () => {
    for (const key of ['newChat', 'newGroup', 'joinByLink', 'requests', 'contacts', 'settings'] as const) {
      await ana.choosesFromMenu(word(key));
      await ana.page.getByRole('dialog').getByRole('heading', { name: word(key), exact: true }).waitFor();
      expect(await leftIn(ana), key).toEqual([]);
      await ana.closesPanel(kitSr.close);
    }
  });

  test('is so in a chat, its menus and its details', async () => {
    await ana.choosesFromMenu(word('newGroup'));
    await ana.part('group-title').locator('input').fill(GROUP);
    await ana.part('group-members').locator('textarea').fill('cal');
    await ana.part('group-create').locator('button').click();
    await ana.isIn(GROUP);
    await ana.writes(GROUP, 'Šta čitamo?');
    await cal.sees(GROUP, { text: 'Šta čitamo?' });
    await cal.writes(GROUP, 'Pesme, naravno.');
    await ana.sees(GROUP, { text: 'Pesme, naravno.' });
    await ana.seesSent('Šta čitamo?');
    expect(await leftIn(ana)).toEqual([]);
    await ana.message({ text: 'Šta čitamo?' }).hover();
    await ana.message({ text: 'Šta čitamo?' }).locator('[data-test=message-menu] button').first().click();
    await ana.page.getByRole('menuitem', { name: word('edit'), exact: true }).waitFor();
    expect(await leftIn(ana)).toEqual([]);
    await ana.page.getByRole('menuitem', { name: word('delete'), exact: true }).click();
    await ana.part('delete-confirm').waitFor();
    expect(await leftIn(ana)).toEqual([]);
    await ana.part('delete-confirm').locator('button').click();
    await ana.page.getByText(word('deleted')).first().waitFor();
    await ana.opensDetails(GROUP);
    await ana.part('member').nth(1).waitFor();
    await ana.part('chat-details').getByText('2 člana').waitFor();
    expect(await leftIn(ana)).toEqual([]);
    await ana.closesPanel(kitSr.close);
  });

  test('stays so when the page is loaded again, and without a connection', async () => {
    await ana.reloads();
    await ana.opensChat(GROUP);
    expect(await leftIn(ana)).toEqual([]);
    await play.stage.killServer();
    await ana.seesNoConnection();
    await ana.writes(GROUP, 'Ima li koga?');
    await ana.seesWaiting('Ima li koga?');
    expect(await leftIn(ana)).toEqual([]);
  });
});

/** English sentences of the page that a person can see, or is told, on the screen as it is. */
async function leftIn(person: BrowserPerson): Promise<string[]> {
  const said = await person.page.evaluate(() => {
    const shown = [...document.querySelectorAll<HTMLElement>('body *')].filter((element) => element.checkVisibility());
    return shown.flatMap((element) => {
      const own = [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ textContent }) => textContent ?? '');
      const named = ['aria-label', 'placeholder', 'title', 'alt'].map((name) => element.getAttribute(name) ?? '');
      return [...own, ...named];
    });
  });
  const words = said.map((text) => text.trim()).filter((text) => text !== '');
  return [...new Set(words)].filter((text) => ENGLISH.some((sentence) => sentence.test(text)) && !SERBIAN.some((sentence) => sentence.test(text)));
}

/** Every way in which the sentences of a language can come out. What is all filled in says nothing of a language. */
function patterns(...tables: Record<string, Sentence>[]): RegExp[] {
  const forms = tables.flatMap((table) => Object.values(table)).flatMap((sentence) => (typeof sentence === 'string' ? [sentence] : Object.values(sentence)));
  return forms
    .filter((form) => /\p{L}/u.test(form.replaceAll(/\{\w+\}/gu, '')))
    .map((form) => new RegExp(`^${form.split(/\{\w+\}/u).map(escaped).join('.+')}$`, 'u'));
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, '\\$&');
}

const ENGLISH = patterns(en, kitEn);
const SERBIAN = patterns(sr, kitSr);
