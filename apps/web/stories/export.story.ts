// The history as a file: asked for in the settings with the keyboard, made while the talk goes on.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import type { TerminalPerson } from './harness/terminal';

interface Exported {
  format: string;
  version: number;
  account: { name: string };
  chats: { title: string; kind: string; messages: { from: string; text: string | null; file: { name: string } | null }[] }[];
}

describe.sequential('the export of the history', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let cal: TerminalPerson;

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.browser('ana');
    await ana.beginsChat('cal');
    await ana.writes('cal', 'Bring the long rope.');
    await cal.accepts();
    await cal.writes('ana', 'Both of them?');
    await ana.sees('cal', { text: 'Both of them?' });
  });

  test('a file on its way says how far it is', async () => {
    const path = join(play.stage.folder, 'ropes.bin');
    await writeFile(path, Buffer.alloc(8 * 1024 * 1024, 'rope'));
    await ana.sendsFile('cal', path, 'All of these.');
    await ana.part('file-progress').waitFor();
    await ana.seesSent('All of these.');
    await ana.part('file-progress').waitFor({ state: 'detached' });
  });

  test('has every chat, and says before that it is not encrypted', async () => {
    await ana.makesGroup('Ropes', ['cal']);
    await ana.choosesFromMenu('Settings');
    await ana.part('export-open').getByRole('button').press('Enter');
    await ana.part('export').getByText('The file is not encrypted: whoever has it reads everything.').waitFor();
    const coming = ana.page.waitForEvent('download');
    await ana.part('export-begin').getByRole('button').press('Enter');
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/^veche-history-\d{4}-\d\d-\d\d\.json$/u);
    const written = JSON.parse(await readFile(await download.path(), 'utf8')) as Exported;
    expect(written).toMatchObject({ format: 'veche-history', version: 1, account: { name: 'ana' } });
    expect(written.chats.map(({ title, kind }) => [title, kind])).toEqual([['cal', 'Direct'], ['Ropes', 'Group']]);
    const said = written.chats[0]?.messages.filter(({ text }) => text !== null);
    expect(said?.map(({ from, text, file }) => [from, text, file?.name])).toEqual([
      ['ana', 'Bring the long rope.', undefined],
      ['cal', 'Both of them?', undefined],
      ['ana', 'All of these.', 'ropes.bin'],
    ]);
    await ana.closesPanel();
  });

  test('is offered where the browser has not promised to keep the history', async () => {
    const offer = ana.part('banner-storage').getByRole('button', { name: 'Export the history' });
    await offer.press('Enter');
    await ana.part('export').waitFor();
    await ana.closesPanel();
  });
});
