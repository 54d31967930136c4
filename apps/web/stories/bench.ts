// Numbers of the page over a real server: `npm run bench` prints them as one JSON object.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { longTasks, noteLongTasks, scrollBack, untilPainted } from './harness/clock';
import { Crowd } from './harness/crowd';
import { until } from './harness/patience';
import type { TerminalPerson } from './harness/terminal';

const DIST = join(import.meta.dirname, '..', 'dist');
const REPEATED = 7;
const SENT = 40;
/** How many messages are said while the page is closed, to be caught up in one go. */
const MISSED = numberFrom('VECHE_BENCH_MISSED', 10_000);
/** How many there are in the end, all in the browser's own database: too many more to be opened at the first unread. */
const ALL = numberFrom('VECHE_BENCH_ALL', 100_000);
/** How many are in the group that is joined, and how often somebody joins it. */
const MEMBERS = numberFrom('VECHE_BENCH_MEMBERS', 1_000);
const JOINED = 3;
/** How many frames are scrolled. */
const FRAMES = 300;
/** To say and to read so many takes minutes. */
const LONG_MS = 1_800_000;
/** To read them all takes no longer. */
const READ_WITHIN_MS = 600_000;
const MESSAGE = '[data-test=message-text]';
const CHAT = 'ferry';

const numbers: Record<string, number> = {};

describe.sequential('numbers', () => {
  // All come from one address here.
  const play = onOneStage('--registrations-per-address', '1000000:1000000');
  let ana: BrowserPerson;
  let bo: TerminalPerson;
  let ferry: Crowd;

  beforeAll(async () => {
    ana = await play.stage.browser('ana');
    bo = await play.stage.terminal('bo2');
    await bo.types('contact', 'add', 'ana');
    await ana.addsContact('bo2');
    await ana.beginsChat('bo2');
    await ana.writes('bo2', 'the first');
    await bo.sees('ana', { text: 'the first' });
    await noteLongTasks(ana.page);
  });
  afterAll(async () => {
    await ferry?.ends();
    process.stdout.write(`${JSON.stringify({ bench: 'page', ...numbers })}\n`);
  });

  test('what a browser fetches', () => {
    for (const kind of ['wasm', 'js', 'css', 'html']) numbers[`${kind}_brotli_bytes`] = bytesOf(kind);
    numbers['page_brotli_bytes'] = ['wasm', 'js', 'css', 'html'].reduce((sum, kind) => sum + bytesOf(kind), 0);
  });

  test('from a letter sent to its tick', async () => {
    const times: number[] = [];
    for (let number = 0; number < SENT; number += 1) {
      const began = performance.now();
      await ana.writes('bo2', `number ${number}`);
      await ana.part('message').filter({ hasText: `number ${number}` }).last()
        .locator('[data-test=tick-check], [data-test=tick-checks]').waitFor();
      times.push(performance.now() - began);
    }
    numbers['send_to_tick_ms_p50'] = middle(times);
  });

  test('the first screen, with all of it in the cache', async () => {
    const times: number[] = [];
    for (let number = 0; number < REPEATED; number += 1) {
      await ana.page.goto('about:blank');
      const began = performance.now();
      await ana.page.goto(play.stage.server.page);
      await ana.row('bo2').waitFor();
      times.push(performance.now() - began);
    }
    numbers['first_screen_ms'] = middle(times);
  });

  test('what was missed is caught up', { timeout: LONG_MS }, async () => {
    ferry = await Crowd.gathers(play.stage.server.address, CHAT, 1);
    await ana.joins(ferry.link, CHAT);
    await ferry.says(0, 'the first of all');
    await ana.sees(CHAT, { text: 'the first of all' });
    numbers['missed'] = MISSED;
    numbers['caught_up_ms'] = await catchesUp(MISSED, 'the last of those missed');
    const long = await longTasks(ana.page);
    numbers['long_tasks'] = long.length;
    numbers['longest_task_ms'] = Math.max(0, ...long);
  });

  test('there is much more, and a chat with all that is opened', { timeout: LONG_MS }, async () => {
    const rest = Math.max(1, ALL - MISSED - 1);
    numbers['messages_in_chat'] = MISSED + 1 + rest;
    numbers['caught_up_rest_ms'] = await catchesUp(rest, 'the last of all');
    const { page } = ana;
    const last = { of: MESSAGE, words: 'the last of all' };
    numbers['open_unread_chat_ms'] = Math.round(await untilPainted(ana.row(CHAT), last));
    await until('all of it read', async () => !/unread/u.test(await ana.row(CHAT).innerText()));
    const times: number[] = [];
    for (let number = 0; number < REPEATED; number += 1) {
      await page.goto(play.stage.server.page);
      await ana.isConnected();
      times.push(await untilPainted(ana.row(CHAT), last));
    }
    numbers['open_chat_ms'] = middle(times);
  });

  test('that chat is scrolled and searched, and its beginning gone to', { timeout: LONG_MS }, async () => {
    const { page } = ana;
    await longTasks(page);
    const { frames, messages } = await scrollBack(page, FRAMES);
    numbers['scrolled_messages'] = messages;
    numbers['scroll_frame_ms_p50'] = middle(frames);
    numbers['scroll_frame_ms_p95'] = middle(frames, 95);
    numbers['scroll_longest_task_ms'] = Math.max(0, ...(await longTasks(page)));
    const field = ana.part('search');
    for (const [name, words] of [['search_rare_ms', 'first of all'], ['search_common_ms', 'ferry leaves']] as const) {
      const times: number[] = [];
      for (let number = 0; number < REPEATED; number += 1) {
        await field.fill('');
        await ana.part('found-message').first().waitFor({ state: 'detached' });
        // Put in without a sound: the press is the event that the page hears.
        await field.evaluate((input, text) => ((input as HTMLInputElement).value = text), words);
        times.push(await untilPainted(field, { of: '[data-test=found-message]' }));
      }
      numbers[name] = middle(times);
    }
    await field.fill('first of all');
    const found = ana.part('found-message').filter({ hasText: 'the first of all' });
    numbers['go_to_beginning_ms'] = Math.round(await untilPainted(found.first(), { of: MESSAGE, words: 'the first of all' }));
    await field.fill('');
  });

  test('a large group is joined', { timeout: LONG_MS }, async () => {
    const town = await Crowd.gathers(play.stage.server.address, 'town', MEMBERS);
    const people = [ana];
    while (people.length < JOINED) people.push(await play.stage.browser(`joiner${people.length}`));
    const times: number[] = [];
    for (const person of people) {
      const inside = `${MEMBERS + times.length + 1} members`;
      const began = performance.now();
      await person.joins(town.link, 'town');
      await person.opensChat('town');
      await person.part('chat-info').getByText(inside, { exact: true }).waitFor();
      times.push(performance.now() - began);
    }
    numbers['members_before_joining'] = MEMBERS;
    numbers['join_ms'] = middle(times);
    await town.ends();
  });

  /** So many are said while the page is closed; returns the milliseconds from opening it to the last being there. */
  async function catchesUp(count: number, last: string): Promise<number> {
    await ana.page.goto('about:blank');
    await ferry.says(count - 1, last);
    const began = performance.now();
    await ana.page.goto(play.stage.server.page);
    await until('all that was missed', async () => (await ana.row(CHAT).innerText()).includes(last), READ_WITHIN_MS);
    return Math.round(performance.now() - began);
  }
});

function numberFrom(variable: string, otherwise: number): number {
  return Number(process.env[variable] ?? otherwise);
}

/** The one in the middle, or so many of a hundred up. */
function middle(times: number[], percent = 50): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.round(sorted[Math.floor((sorted.length * percent) / 100)] ?? 0);
}

/** The bytes of all files of a kind as a browser is sent them. */
function bytesOf(kind: string): number {
  const files = readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(`.${kind}.br`));
  return files.reduce((sum, name) => sum + statSync(join(DIST, name)).size, 0);
}
