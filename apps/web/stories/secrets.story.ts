// Whoever copies the browser's profile reads nothing in it.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { untilSame } from './harness/patience';
import { filesWith } from './harness/profile';
import type { TerminalPerson } from './harness/terminal';

// Names that no browser has by itself.
const NAMES = { ana: 'zwertana_q', cal: 'qorvical_z' };
const SAID = {
  own: 'Pomegranates ripen behind the lighthouse.',
  answer: 'Cormorants guard the seventh jetty.',
  draft: 'Quicksilver under the windmill, perhaps.',
  changed: 'Marmalade for the astronomer.',
  display: 'Zephyrina Kvorlund',
  title: 'Lanternfish conspiracy',
  file: 'obsidian-ledger-77.txt',
  content: 'Fourteen violet umbrellas were delivered at dawn. ',
  sought: 'cormorants gua',
};

describe.sequential('the profile of a browser', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let cal: TerminalPerson;
  let phrase: string[];
  let link: string;

  beforeAll(async () => {
    cal = await play.stage.terminal(NAMES.cal);
    ana = await play.stage.visitor(NAMES.ana);
    phrase = await ana.registers();
  });

  test('has been used for everything that is secret', async () => {
    await ana.choosesFromMenu('Settings');
    await ana.part('display-name').locator('input').fill(SAID.display);
    await ana.part('display-name-save').locator('button').click();
    await ana.part('phrase-show').locator('button').click();
    await ana.part('phrase-words').getByText(phrase.join(' ')).waitFor();
    await ana.closesPanel();
    await ana.makesGroup(SAID.title, [NAMES.cal]);
    await cal.accepts();
    await ana.writes(SAID.title, SAID.own);
    await cal.sees(SAID.title, { text: SAID.own });
    await cal.writes(SAID.title, SAID.answer);
    await ana.sees(SAID.title, { text: SAID.answer });
    await ana.edits(SAID.title, SAID.own, SAID.changed);
    await ana.findsMessage(SAID.sought, SAID.answer);
    const path = join(play.stage.folder, SAID.file);
    writeFileSync(path, SAID.content.repeat(2000));
    await ana.sendsFile(SAID.title, path);
    await cal.sees(SAID.title, { text: '', file: SAID.file });
    // What was begun before was sent, and is gone.
    await untilSame('no kept drafts', 0, () => keptDrafts(ana));
    await ana.part('composer-text').fill(SAID.draft);
    await untilSame('a kept draft', 1, () => keptDrafts(ana));
  });

  test('keeps what was begun, so that it lies somewhere', async () => {
    await ana.reloads();
    await ana.opensChat(SAID.title);
    await untilSame('the draft', SAID.draft, () => ana.part('composer-text').inputValue());
  });

  test('is opened by a link that holds a secret', async () => {
    const [made] = await cal.types<{ link: string }>('contact-link');
    link = made?.link ?? '';
    expect(link).toContain('#');
    await ana.page.goto('about:blank');
    await ana.page.goto(`${play.stage.server.page}#${encodeURI(link)}`);
    await ana.isHome();
    expect(ana.page.url()).not.toContain('#');
  });

  test('has none of it in any file', async () => {
    await ana.closes();
    const secrets = [...Object.values(SAID), ...Object.values(NAMES), ...pieces(phrase)];
    expect(filesWith(ana.profile, secrets)).toEqual([]);
  });

  test('has the link only where the browser notes by itself what was opened', () => {
    const own = /(^|\/)(History|Favicons|Top Sites|Sessions\/[^/]*|ukm_db)(-wal|-journal)?$/u;
    const found = filesWith(ana.profile, [secretOf(link)]).map((line) => line.split(': ')[0] ?? '');
    expect(found.filter((file) => !own.test(file))).toEqual([]);
  });

  test('would show it: what is put there in the open is found', async () => {
    await ana.opens(play.stage.server.page);
    await ana.isHome();
    await ana.page.evaluate((text) => localStorage.setItem('planted', text), 'Nightingales in the planted row.');
    await ana.closes();
    expect(filesWith(ana.profile, ['Nightingales in the planted row.'])).not.toEqual([]);
  });

  test('has the history, though: as much as a database is long', () => {
    const files = readdirSync(ana.profile, { recursive: true, withFileTypes: true });
    const sizes = files
      .filter((entry) => entry.isFile() && entry.parentPath.includes('File System'))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)).length);
    expect(Math.max(0, ...sizes)).toBeGreaterThan(100_000);
  });
});

/** How many drafts lie in the browser's own database. */
function keptDrafts({ page }: BrowserPerson): Promise<number> {
  return page.evaluate(async () => {
    const settled = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await settled(indexedDB.open('veche'));
    const count = await settled(database.transaction('drafts').objectStore('drafts').count());
    database.close();
    return count;
  });
}

/** Three words of the phrase that follow each other say that it is that phrase; a single one is in any dictionary. */
function pieces(words: string[]): string[] {
  return words.slice(2).map((word, index) => `${words[index]} ${words[index + 1]} ${word}`);
}

/** The part of a link that nobody may see. */
function secretOf(link: string): string {
  return link.slice(link.indexOf('#') + 1).slice(-24);
}
