// Everything by keys: nothing here may use a mouse.

import { beforeAll, describe, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { Keyboard } from './harness/keyboard';
import type { TerminalPerson } from './harness/terminal';

describe.sequential('a person without a mouse', () => {
  const play = onOneStage();
  let cal: TerminalPerson;
  let ana: BrowserPerson;
  let keys: Keyboard;
  const entry = (name: string) => ana.page.getByRole('menuitem', { name, exact: true });

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.visitor('ana');
    keys = new Keyboard(ana.page);
  });

  test('registers', async () => {
    await keys.areIn(ana.part('register-name'));
    await keys.type('ana');
    await keys.press('Enter');
    await keys.goTo(ana.part('phrase-kept'));
    await keys.press('Enter');
    await ana.isHome();
  });

  test('begins a chat and writes', async () => {
    await keys.goTo(ana.part('new-chat'));
    await keys.press('Enter');
    await keys.areIn(ana.part('link-field'));
    await keys.type('cal');
    await keys.press('Enter');
    await ana.isIn('cal');
    await keys.areIn(ana.part('composer'));
    await keys.type('Without a mouse.');
    await keys.press('Shift+Enter');
    await keys.type('On two lines.');
    await keys.press('Enter');
    await cal.accepts();
    await cal.sees('ana', { text: 'Without a mouse.\nOn two lines.' });
    await cal.writes('ana', 'How do you scroll?');
    await ana.sees('cal', { text: 'How do you scroll?' });
  });

  test('answers by the menu of a message', async () => {
    await keys.goTo(ana.message({ text: 'How do you scroll?' }).locator('[data-test=message-menu]'), 'Shift+Tab');
    await keys.press('Enter');
    await keys.goTo(entry('Reply'), 'ArrowDown');
    await keys.press('Enter');
    await keys.areIn(ana.part('composer'));
    await keys.type('By Page Up.');
    await keys.press('Enter');
    await cal.sees('ana', { text: 'By Page Up.', answers: 'How do you scroll?' });
  });

  test('reacts by the menu of a message', async () => {
    await keys.goTo(ana.message({ text: 'How do you scroll?' }).locator('[data-test=message-menu]'), 'Shift+Tab');
    await keys.press('Enter');
    await keys.goTo(entry('React'), 'ArrowDown');
    await keys.press('Enter');
    await keys.areIn(ana.page.getByRole('dialog').getByRole('searchbox'));
    await keys.type('popper');
    await keys.press('Enter');
    await cal.sees('ana', { text: 'How do you scroll?', reaction: '🎉' });
  });

  test('changes what was said last', async () => {
    await keys.goTo(ana.part('composer-text'));
    await keys.press('ArrowUp');
    await ana.part('reply-bar').waitFor();
    await keys.press('Control+A');
    await keys.type('By Page Up and Page Down.');
    await keys.press('Enter');
    await cal.sees('ana', { text: 'By Page Up and Page Down.', edited: true });
  });

  test('searches and opens what was found', async () => {
    await keys.press('Control+K');
    await keys.areIn(ana.part('search'));
    await keys.type('scroll');
    await ana.part('found-message').first().waitFor();
    await keys.goTo(ana.part('found-message'), 'ArrowDown');
    await keys.press('Enter');
    await ana.message({ text: 'How do you scroll?' }).waitFor();
  });

  test('opens the settings and changes the look', async () => {
    await keys.goTo(ana.part('menu'), 'Shift+Tab');
    await keys.press('Enter');
    await keys.goTo(entry('Settings'), 'ArrowDown');
    await keys.press('Enter');
    await keys.goTo(ana.part('display-name'));
    await keys.press('Control+A');
    await keys.type('Ana of the keys');
    await keys.press('Enter');
    await keys.goTo(ana.part('theme'));
    await keys.type('Dark');
    await ana.page.locator('html[data-theme=dark]').waitFor();
    await keys.press('Escape');
    await ana.part('settings').waitFor({ state: 'detached' });
    await keys.areIn(ana.part('menu'));
  });
});
