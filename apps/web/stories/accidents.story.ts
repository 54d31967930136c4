// A browser without a server, a browser that is killed: nothing is lost, and nothing happens twice.

import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import type { TerminalPerson } from './harness/terminal';

describe.sequential('a browser that has bad luck', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let cal: TerminalPerson;

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.browser('ana');
    await cal.types('contact', 'add', '@ana');
    await ana.addsContact('cal');
    await ana.beginsChat('cal');
    await ana.writes('cal', 'Said in good times.');
    await cal.sees('ana', { text: 'Said in good times.' });
    await ana.keepsRelease();
  });

  test('opens without any server, from what it keeps', async () => {
    await ana.closes();
    await play.stage.killServer();
    await ana.opens(play.stage.server.page);
    await ana.isHome();
    await ana.seesNoConnection();
    await ana.sees('cal', { text: 'Said in good times.' });
    await ana.findsMessage('good times', 'Said in good times.');
  });

  test('sends later what was written then, though it was closed in between', async () => {
    await ana.writes('cal', 'Written on an island.');
    await ana.seesWaiting('Written on an island.');
    await ana.closes();
    await ana.opens(play.stage.server.page);
    await ana.opensChat('cal');
    await ana.seesWaiting('Written on an island.');
    await play.stage.server.start();
    await ana.seesSent('Written on an island.');
    await cal.sees('ana', { text: 'Written on an island.' });
  });

  test('is killed in the middle of a letter, and has lost none', async () => {
    const texts = Array.from({ length: 8 }, (_, number) => `Before the blackout, ${number + 1}.`);
    for (const text of texts) await ana.writes('cal', text);
    await ana.isKilled();
    await cal.writes('ana', 'Did your light go out?');
    await ana.opens(play.stage.server.page);
    await ana.sees('cal', { text: 'Did your light go out?' });
    for (const text of texts) await ana.seesSent(text);
    await ana.sees('cal', { text: 'Said in good times.' });
    await ana.writes('cal', 'It is on again.');
    await cal.sees('ana', { text: 'It is on again.' });
    const all = await cal.readsTexts('ana');
    expect(all.filter((text) => text.startsWith('Before the blackout'))).toEqual(texts);
  });
});
