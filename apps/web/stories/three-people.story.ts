// Two people in browsers and one in the terminal: what each of them does is on all three screens.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { allSee } from './harness/person';
import type { Screen } from './harness/screen';
import type { TerminalPerson } from './harness/terminal';

describe.sequential('two people in browsers and one in the terminal', () => {
  const play = onOneStage();
  const group = 'Sunday walk';
  let ana: BrowserPerson;
  let ben: BrowserPerson;
  let cal: TerminalPerson;
  const all = () => [ana, ben, cal];

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.browser('ana');
    ben = await play.stage.browser('ben');
  });

  test('they know each other and talk two by two', async () => {
    await ana.addsContact('ben');
    await ben.addsContact('ana');
    await ana.beginsChat('ben');
    await ana.writes('ben', 'Are you awake?');
    await ben.sees('ana', { text: 'Are you awake?' });
    await ben.writes('ana', 'Since six.');
    await ana.sees('ben', { text: 'Since six.' });
    await ben.seesRead('Since six.');
  });

  test('a stranger asks first', async () => {
    await cal.types('contact', 'add', '@ana');
    await cal.types('chat', 'new', 'ana');
    await cal.writes('ana', 'It is me, from the ferry.');
    await ana.accepts('cal');
    await ana.sees('cal', { text: 'It is me, from the ferry.' });
    await ana.writes('cal', 'I remember.');
    await cal.sees('ana', { text: 'I remember.' });
  });

  test('they make a group of three and talk', async () => {
    await cal.types('contact', 'add', '@ben');
    await ana.makesGroup(group, ['ben', 'cal']);
    await ana.writes(group, 'Shall we go to the lake?');
    await ben.writes(group, 'Gladly, if it stays dry.');
    await cal.sees(group, { text: 'Gladly, if it stays dry.' });
    await cal.writes(group, 'I bring bread.');
    for (const text of ['Shall we go to the lake?', 'Gladly, if it stays dry.', 'I bring bread.']) {
      await allSee(all(), group, { text });
    }
  });

  test('they answer each other', async () => {
    await ben.replies(group, 'I bring bread.', 'And I cheese.');
    await cal.replies(group, 'And I cheese.', 'Which one?');
    await ana.replies(group, 'Shall we go to the lake?', 'At nine, then.');
    await allSee(all(), group, { text: 'And I cheese.', answers: 'I bring bread.' });
    await allSee(all(), group, { text: 'Which one?', answers: 'And I cheese.' });
    await allSee(all(), group, { text: 'At nine, then.', answers: 'Shall we go to the lake?' });
  });

  test('they react', async () => {
    await ana.reacts(group, 'I bring bread.', 'thumbs up');
    await cal.reacts(group, 'At nine, then.', '🎉');
    await allSee(all(), group, { text: 'I bring bread.', reaction: '👍' });
    await allSee(all(), group, { text: 'At nine, then.', reaction: '🎉' });
  });

  test('they change what they said', async () => {
    await ana.edits(group, 'At nine, then.', 'At ten, then.');
    await cal.edits(group, 'Which one?', 'Goat or sheep?');
    await allSee(all(), group, { text: 'At ten, then.', edited: true, reaction: '🎉' });
    await allSee(all(), group, { text: 'Goat or sheep?', edited: true, answers: 'And I cheese.' });
  });

  test('they delete what they said', async () => {
    await ben.writes(group, 'Wrong chat, sorry.');
    await allSee(all(), group, { text: 'Wrong chat, sorry.' });
    await ben.deletes(group, 'Wrong chat, sorry.');
    await cal.writes(group, 'And this was nothing.');
    await allSee(all(), group, { text: 'And this was nothing.' });
    await cal.deletes(group, 'And this was nothing.');
    for (const person of all()) {
      await person.seesDeleted(group, 'Wrong chat, sorry.');
      await person.seesDeleted(group, 'And this was nothing.');
    }
  });

  test('a file goes from the browser to the others', async () => {
    const content = randomBytes(300_000);
    const path = join(play.stage.folder, 'the way.gpx');
    writeFileSync(path, content);
    await ana.sendsFile(group, path, 'This is the way.');
    const message = { text: 'This is the way.', file: 'the way.gpx' };
    await allSee(all(), group, message);
    expect((await cal.savesFile(group, message)).equals(content)).toBe(true);
    const saved = await ben.savesFile(group, message);
    expect(saved.name).toBe('the way.gpx');
    expect(saved.content.equals(content)).toBe(true);
  });

  test('a file goes from the terminal to the browsers', async () => {
    const content = randomBytes(1_200_000);
    writeFileSync(join(cal.desk, 'birds.ogg'), content);
    await cal.writes(group, 'Listen to these.', '--file', 'birds.ogg');
    const message = { text: 'Listen to these.', file: 'birds.ogg' };
    for (const person of [ana, ben]) expect((await person.savesFile(group, message)).content.equals(content)).toBe(true);
  });

  test('what was said is found', async () => {
    await ana.findsMessage('goat', 'Goat or sheep?');
  });

  test('all is there after the page is loaded again', async () => {
    await ana.reloads();
    await ana.sees(group, { text: 'At ten, then.', edited: true, reaction: '🎉' });
    await ana.sees(group, { text: 'Goat or sheep?', answers: 'And I cheese.' });
    await ana.seesDeleted(group, 'Wrong chat, sorry.');
    await ana.writes(group, 'Here again.');
    await allSee(all(), group, { text: 'Here again.' });
  });

  test('all is there after the browser was closed, with what came meanwhile', async () => {
    await ben.closes();
    await cal.writes(group, 'Said while ben was away.');
    await ben.opens(play.stage.server.page);
    await ben.isHome();
    await ben.sees(group, { text: 'At ten, then.', edited: true });
    await ben.sees(group, { text: 'Said while ben was away.' });
    await ben.writes(group, 'I am back.');
    await allSee(all(), group, { text: 'I am back.' });
  });

  test('two tabs show the same, and the second goes on when the first closes', async () => {
    const second: Screen = await ana.opensTab(play.stage.server.page);
    await second.isHome();
    await ana.writes(group, 'From the first tab.');
    await second.sees(group, { text: 'From the first tab.' });
    await second.writes(group, 'From the second tab.');
    await ana.sees(group, { text: 'From the second tab.' });
    await cal.sees(group, { text: 'From the second tab.' });
    await ana.page.close();
    ana.page = second.page;
    await ana.writes(group, 'The first one is closed.');
    await cal.writes(group, 'And we go on.');
    await allSee(all(), group, { text: 'The first one is closed.' });
    await allSee(all(), group, { text: 'And we go on.' });
  });

  test('what is written without a connection is sent later, in order', async () => {
    await ana.goesOffline();
    await play.stage.killServer();
    await ana.seesNoConnection();
    const texts = ['One from the tunnel.', 'Two from the tunnel.', 'Three from the tunnel.'];
    for (const text of texts) await ana.writes(group, text);
    await ana.seesWaiting('Three from the tunnel.');
    await ana.reloads();
    await ana.opensChat(group);
    await ana.seesWaiting('One from the tunnel.');
    await play.stage.server.start();
    await ana.goesOnline();
    for (const text of texts) await ana.seesSent(text);
    for (const person of all()) await person.seesLast(group, texts);
    await ana.isConnected();
  });

  test('a killed server comes back, and nobody has to do anything', async () => {
    await play.stage.killServer();
    await ben.seesNoConnection();
    await ben.writes(group, 'Said to nobody yet.');
    await ben.seesWaiting('Said to nobody yet.');
    await play.stage.server.start();
    await ben.seesSent('Said to nobody yet.');
    await allSee(all(), group, { text: 'Said to nobody yet.' });
    await cal.writes(group, 'All is well.');
    await allSee(all(), group, { text: 'All is well.' });
  });
});
