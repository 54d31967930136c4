// How people find each other: by a group's link that is opened in another browser, and by comparing safety numbers.

import { beforeAll, describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { allSee } from './harness/person';
import type { TerminalPerson } from './harness/terminal';

describe.sequential('people who meet', () => {
  const play = onOneStage();
  const group = 'Rowing club';
  let ana: BrowserPerson;
  let ben: BrowserPerson;
  let cal: TerminalPerson;

  beforeAll(async () => {
    cal = await play.stage.terminal('cal');
    ana = await play.stage.browser('ana');
    await ana.makesGroup(group, []);
  });

  test('a link is opened in another browser by somebody without an account', async () => {
    const link = await ana.makesLink(group, 'all');
    ben = play.stage.newcomer('ben');
    await ben.opens(`${play.stage.server.page}#${encodeURI(link)}`);
    await ben.registers();
    await ben.part('join').locator('button').click();
    await ben.opensChat(group);
    await ben.part('chat-info').getByText('2 members').waitFor();
    await ana.writes(group, 'You have found us.');
    await ben.writes(group, 'Your link did.');
    await allSee([ana, ben], group, { text: 'You have found us.' });
    await allSee([ana, ben], group, { text: 'Your link did.' });
  });

  test('behind another link, somebody decides who comes in', async () => {
    await ana.opensDetails(group);
    await ana.part('link-close').locator('button').click();
    await ana.part('group-link').locator('[data-test=link]').waitFor({ state: 'detached' });
    await ana.closesPanel();
    const link = await ana.makesLink(group, 'approved');
    const asks = cal.types('group', 'join', link);
    await ana.opensDetails(group);
    const request = ana.part('join-request').filter({ hasText: 'cal' });
    await request.waitFor();
    expect(await cal.types('chats')).toEqual([]);
    await request.locator('[data-test=let-in] button').click();
    await request.waitFor({ state: 'detached' });
    await asks;
    await ana.closesPanel();
    await ana.writes(group, 'Come in, Cal.');
    await allSee([ana, ben, cal], group, { text: 'Come in, Cal.' });
  });

  test('the safety number is the same on both sides, in browsers and in the terminal', async () => {
    await ana.beginsChat('ben');
    await ana.writes('ben', 'Is it you?');
    await ben.accepts('ana');
    await ana.beginsChat('cal');
    await ana.writes('cal', 'And you?');
    await cal.accepts();
    const ofBen = await ana.readsSafetyNumber('ben');
    expect(digits(ofBen)).toMatch(/^\d{30,}$/u);
    expect(await ben.readsSafetyNumber('ana')).toBe(ofBen);
    const ofCal = digits(await ana.readsSafetyNumber('cal'));
    expect(ofCal).not.toBe(digits(ofBen));
    const [seen] = await cal.types<{ safety: string }>('safety', 'ana');
    expect(digits(seen?.safety ?? '')).toBe(ofCal);
  });
});

function digits(number: string): string {
  return number.replaceAll(/\s/gu, '');
}
