// Pictures of the main screens for docs/pictures, taken of a small chat that is really played.

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import { type BrowserPerson, DESKTOP, type Look, PHONE } from './harness/browser';
import { planOfBeds } from './harness/picture';
import type { TerminalPerson } from './harness/terminal';

const PICTURES = join(import.meta.dirname, '..', '..', '..', 'docs', 'pictures');
const BYTES_MAX = 120_000;
const GARDEN = 'Rooftop garden';

const looks: [string, Look][] = [
  ['desktop-light', DESKTOP],
  ['desktop-dark', { ...DESKTOP, theme: 'dark' }],
  ['phone-light', PHONE],
  ['phone-dark', { ...PHONE, theme: 'dark' }],
];

describe.sequential('pictures', () => {
  const play = onOneStage();
  let mira: BrowserPerson;
  let tea: TerminalPerson;
  let jonas: TerminalPerson;
  let luka: TerminalPerson;

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    tea = await called('tea', 'Tea Marković');
    jonas = await called('jonas', 'Jonas');
    luka = await called('luka', 'Luka');
    mira = await play.stage.browser('mira');
    await mira.choosesFromMenu('Settings');
    await mira.part('display-name').locator('input').fill('Mira');
    await mira.part('display-name-save').locator('button').click();
    await mira.closesPanel();
  });

  async function called(name: string, displayName: string): Promise<TerminalPerson> {
    const person = await play.stage.terminal(name);
    await person.types('me', '--display-name', displayName);
    return person;
  }

  test('a chat is played', async () => {
    await others();
    await mira.makesGroup(GARDEN, ['tea', 'jonas', 'luka']);
    await tea.writes(GARDEN, 'The seedlings are on the windowsill, forty of them. My cat is already interested.');
    await jonas.writes(GARDEN, 'I can carry the soil up on Saturday, if somebody holds the door.');
    await mira.sees(GARDEN, { text: 'I can carry the soil up on Saturday, if somebody holds the door.' });
    await mira.replies(GARDEN, 'I can carry the soil up on Saturday, if somebody holds the door.', 'I hold it. Ten o’clock?');
    await luka.writes(GARDEN, 'Ten is good. I bring the long hose.');
    writeFileSync(join(luka.desk, 'beds.png'), planOfBeds());
    await luka.writes(GARDEN, 'And this is how I would lay out the beds:', '--file', 'beds.png');
    await mira.savesFile(GARDEN, { text: 'And this is how I would lay out the beds:' });
    await tea.reacts(GARDEN, 'And this is how I would lay out the beds:', '😍');
    await jonas.reacts(GARDEN, 'And this is how I would lay out the beds:', '👍');
    await mira.reacts(GARDEN, 'And this is how I would lay out the beds:', 'thumbs up');
    await tea.writes(GARDEN, 'Tomatoes by the south wall, please. They like it warm.');
    await mira.sees(GARDEN, { text: 'Tomatoes by the south wall, please. They like it warm.' });
    await mira.writes(GARDEN, 'South wall it is. See you on Saturday!');
    for (const person of [tea, jonas]) {
      await person.sees(GARDEN, { text: 'South wall it is. See you on Saturday!' });
      await person.types('read', GARDEN);
      await person.types('sync');
    }
  });

  async function others(): Promise<void> {
    for (const person of [tea, jonas, luka]) {
      await mira.addsContact(person.name);
      await person.types('contact', 'add', '@mira');
    }
    await luka.types('group', 'new', 'Film night', 'mira', 'tea');
    await luka.writes('Film night', 'Thursday, something with trains?');
    await mira.sees('Film night', { text: 'Thursday, something with trains?' });
    await mira.beginsChat('jonas');
    await mira.writes('jonas', 'Did the key fit?');
    await jonas.sees('mira', { text: 'Did the key fit?' });
    await jonas.writes('mira', 'Like a glove. I leave it at the bakery.');
    await mira.sees('jonas', { text: 'Like a glove. I leave it at the bakery.' });
  }

  test.each(looks)('%s', async (name, look) => {
    const visitor = await play.stage.visitor(`visitor-${name}`, look);
    await visitor.part('register-name').waitFor();
    await takes(visitor, `${name}-welcome`);
    await visitor.closes();
    await mira.closes();
    mira.look = look;
    await mira.opens(play.stage.server.page);
    await mira.isHome();
    if (name === 'desktop-light') await luka.writes('Film night', 'Trains, and subtitles.');
    await mira.row('jonas').waitFor();
    if (look.phone) await takes(mira, `${name}-chats`);
    await mira.opensChat(GARDEN);
    await mira.page.getByRole('img', { name: 'beds.png' }).waitFor();
    await mira.isConnected();
    await takes(mira, `${name}-chat`);
    await mira.part('chat-info').click();
    await mira.part('member').nth(3).waitFor();
    await takes(mira, `${name}-details`);
    await mira.closesPanel();
    if (look.phone) await mira.part('back').locator('button').click();
    await mira.choosesFromMenu('Settings');
    await mira.part('settings').waitFor();
    await takes(mira, `${name}-settings`);
    await mira.closesPanel();
  });
});

async function takes(person: BrowserPerson, name: string): Promise<void> {
  const path = join(PICTURES, `${name}.png`);
  await person.page.mouse.move(0, 0);
  await person.page.screenshot({ path, animations: 'disabled' });
  expect(statSync(path).size, path).toBeLessThan(BYTES_MAX);
}
