// What others write is text: it neither runs, nor draws, nor steers.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import type { TerminalPerson } from './harness/terminal';

const RUNS = 'document.title=`taken over`';
const TEXTS = [
  `<img src=x onerror="${RUNS}">`,
  `<script>${RUNS}</script>`,
  `<svg/onload=${RUNS}><a href="javascript:${RUNS}">press</a>`,
  `[press](javascript:${RUNS}) {{constructor.constructor('${RUNS}')()}} \${${RUNS}}`,
  `</p></article><h1>Veche</h1><style>*{display:none}</style>`,
];
/** Turns the direction of what follows it. */
const TURN = '\u202e';

describe.sequential('somebody who writes to do harm', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let mal: TerminalPerson;
  const title = '<b onclick=alert(1)>Club</b>';

  beforeAll(async () => {
    mal = await play.stage.terminal('mal');
    ana = await play.stage.browser('ana');
    await ana.addsContact('mal');
    await mal.types('contact', 'add', '@ana');
    await mal.types('me', '--display-name', '<i>Mal</i><script>alert(1)</script>');
    await mal.types('group', 'new', title, 'ana');
    await mal.writes(title, 'Welcome.');
  });

  test('is read as text', async () => {
    await ana.sees(title, { text: 'Welcome.' });
    for (const text of TEXTS) {
      await mal.writes(title, text);
      await ana.sees(title, { text });
    }
    await ana.part('message').first().getByText('<i>Mal</i><script>alert(1)</script> (mal)').waitFor();
    expect(await ana.page.locator('article img, article script, article svg[onload], article h1, b[onclick]').count()).toBe(0);
    expect(await ana.page.locator('a[href^="javascript:" i]').count()).toBe(0);
  });

  test('turns nothing but their own words', async () => {
    const turned = `a${TURN}b`;
    await mal.writes(title, turned);
    await ana.sees(title, { text: turned });
    const [one, other] = await ana.page.evaluate(() => [...document.querySelectorAll('bdi, [dir=auto]')].map((element) => {
      return getComputedStyle(element).unicodeBidi;
    }));
    for (const bidi of [one, other]) expect(['isolate', 'plaintext']).toContain(bidi);
  });

  test('names files as they like, and they are saved under harmless names', async () => {
    const name = `bill${TURN}fdp.exe`;
    writeFileSync(join(mal.desk, name), 'no bill');
    await mal.writes(title, 'The bill.', '--file', name);
    const saved = await ana.savesFile(title, { text: 'The bill.' });
    expect(saved.name).not.toContain(TURN);
    expect(saved.name.endsWith('.exe')).toBe(true);
    expect(saved.content.toString()).toBe('no bill');
  });

  test('sends a picture that is none', async () => {
    writeFileSync(join(mal.desk, 'cat.svg'), `<svg xmlns="http://www.w3.org/2000/svg" onload="${RUNS}"/>`);
    await mal.writes(title, 'A cat.', '--file', 'cat.svg');
    writeFileSync(join(mal.desk, 'dog.png'), `<script>${RUNS}</script>`);
    await mal.writes(title, 'A dog.', '--file', 'dog.png');
    for (const text of ['A cat.', 'A dog.']) await ana.savesFile(title, { text });
  });

  test('has run nothing', async () => {
    expect(await ana.page.title()).toMatch(/Veche$/u);
    await ana.reloads();
    await ana.sees(title, { text: TEXTS[0] ?? '' });
    expect(await ana.page.title()).toMatch(/Veche$/u);
  });
});
