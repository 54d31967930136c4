// Files that are dropped on a chat, and pasted into it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { Hand } from './harness/hand';
import { planOfBeds } from './harness/picture';
import type { TerminalPerson } from './harness/terminal';

describe.sequential('files that are brought by hand', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let cal: TerminalPerson;
  let hand: Hand;

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.browser('ana');
    await cal.types('contact', 'add', '@ana');
    await ana.addsContact('cal');
    await ana.beginsChat('cal');
    hand = await Hand.of(ana.page);
  });

  test('are sent where they are dropped, all of them', async () => {
    const contents = { 'seeds.csv': Buffer.from('kind,rows\nleek,3\n'), 'plan.png': planOfBeds() };
    const paths = Object.entries(contents).map(([name, content]) => {
      const path = join(play.stage.folder, name);
      writeFileSync(path, content);
      return path;
    });
    await hand.drags(paths);
    await ana.page.getByText('Drop files here to send them').waitFor();
    await hand.drops(paths);
    await ana.page.getByText('Drop files here to send them').waitFor({ state: 'detached' });
    for (const [name, content] of Object.entries(contents)) {
      const message = { text: '', file: name };
      await ana.sees('cal', message);
      await cal.sees('ana', message);
      expect((await cal.savesFile('ana', message)).equals(content)).toBe(true);
    }
  });

  test('are sent when they are pasted, with what was written', async () => {
    const content = planOfBeds(240, 150);
    await hand.copiesPicture(content);
    await ana.part('composer-text').fill('As it was in spring.');
    await ana.part('composer-text').press('Control+V');
    await ana.sees('cal', { text: 'As it was in spring.' });
    expect(await ana.part('composer-text').inputValue()).toBe('');
    const saved = await cal.savesFile('ana', { text: 'As it was in spring.', file: 'image.png' });
    // Browsers write a picture anew when it is copied: it is a PNG of that size still.
    expect(saved.subarray(1, 4).toString()).toBe('PNG');
    expect([saved.readUInt32BE(16), saved.readUInt32BE(20)]).toEqual([240, 150]);
  });

  test('are none where words are pasted', async () => {
    await hand.copiesWords('Only words.');
    await ana.part('composer-text').press('Control+V');
    expect(await ana.part('composer-text').inputValue()).toBe('Only words.');
    await ana.writes('cal', 'Only words.');
    await cal.sees('ana', { text: 'Only words.' });
  });
});
