// A history behind a passphrase: who opens the browser without it reads nothing, and loses nothing.

import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import type { Screen } from './harness/screen';
import type { TerminalPerson } from './harness/terminal';

const FIRST = 'seven herons over the weir';
const SECOND = 'nobody counts the herons';

describe.sequential('a history behind a passphrase', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let cal: TerminalPerson;

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.visitor('ana');
  });

  test('the passphrase is chosen with the account', async () => {
    await ana.part('register-lock').getByRole('switch').press('Space');
    await ana.part('passphrase-next').locator('input').fill(FIRST);
    await ana.part('passphrase-again').locator('input').fill(FIRST);
    await ana.registers();
    await ana.beginsChat('cal');
    await ana.writes('cal', 'Only for us.');
    await cal.accepts();
    await cal.sees('ana', { text: 'Only for us.' });
  });

  test('a browser that is opened again asks, and a wrong one opens nothing', async () => {
    await ana.closes();
    await ana.opens(play.stage.server.page);
    await unlocks(ana, 'seven herons', 'Enter');
    await ana.part('unlock').getByRole('alert').getByText('This is not the passphrase.').waitFor();
    await expect(ana.part('chat-row').count()).resolves.toBe(0);
    await unlocks(ana, FIRST, 'Enter');
    await ana.isHome();
    await ana.sees('cal', { text: 'Only for us.' });
    await cal.writes('ana', 'And nobody else.');
    await ana.sees('cal', { text: 'And nobody else.' });
  });

  test('a second tab shows the same, and asks when the first is gone', async () => {
    const second = await ana.opensTab(play.stage.server.page);
    await second.sees('cal', { text: 'Only for us.' });
    await ana.page.close();
    await second.part('unlock').waitFor();
    await unlocks(second, FIRST, 'Enter');
    await second.sees('cal', { text: 'And nobody else.' });
    ana.page = second.page;
    // Of two tabs that both see it locked, either may open it.
    const third = await ana.opensTab(play.stage.server.page);
    await third.isHome();
    await ana.page.reload();
    await third.part('unlock').waitFor();
    await ana.part('unlock').waitFor();
    await unlocks(ana, FIRST, 'Enter');
    await ana.isHome();
    await third.isHome();
    // It was the third that held the history: the one that is left asks again.
    await third.page.close();
    await ana.part('unlock').waitFor();
    await unlocks(ana, FIRST, 'Enter');
    await ana.isHome();
  });

  test('it is changed in the settings, and taken away', async () => {
    await ana.choosesFromMenu('Settings');
    await ana.part('passphrase-set').getByRole('button').click();
    await ana.part('passphrase-current').locator('input').fill('not this one');
    await ana.part('passphrase-next').locator('input').fill(SECOND);
    await ana.part('passphrase-again').locator('input').fill(SECOND);
    await ana.part('passphrase-done').getByRole('button').click();
    await ana.part('passphrase-current').getByText('This is not the passphrase.').waitFor();
    await ana.part('passphrase-current').locator('input').fill(FIRST);
    await ana.part('passphrase-done').getByRole('button').click();
    await ana.page.getByText('From now on this passphrase opens the history.').first().waitFor();
    await ana.page.reload();
    await unlocks(ana, FIRST, 'Enter');
    await ana.part('unlock').getByText('This is not the passphrase.').waitFor();
    await unlocks(ana, SECOND, 'Enter');
    await ana.isHome();

    await ana.choosesFromMenu('Settings');
    await ana.part('passphrase-remove').getByRole('button').click();
    await ana.part('passphrase-current').locator('input').fill(SECOND);
    await ana.part('passphrase-done').getByRole('button').click();
    await ana.part('passphrase-set').getByText('Set a passphrase').waitFor();
    await ana.reloads();
    await ana.sees('cal', { text: 'And nobody else.' });
  });
});

async function unlocks(screen: Screen, passphrase: string, key: string): Promise<void> {
  const field = screen.part('unlock-passphrase').locator('input');
  await field.fill(passphrase);
  await field.press(key);
}
