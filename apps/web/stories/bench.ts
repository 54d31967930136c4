// Numbers of the page over a real server: `npm run bench` prints them as one JSON object.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { onOneStage } from './harness/acts';
import type { BrowserPerson } from './harness/browser';
import { until } from './harness/patience';
import type { TerminalPerson } from './harness/terminal';

const DIST = join(import.meta.dirname, '..', 'dist');
const REPEATED = 7;
const SENT = 40;
/** How many messages are said while the page is closed. */
const MISSED = Number(process.env['VECHE_BENCH_MISSED'] ?? '10000');
/** How many commands say them side by side. */
const SIDE_BY_SIDE = 4;
/** To say so many takes minutes. */
const LONG_MS = 1_800_000;

const numbers: Record<string, number> = {};

describe.sequential('numbers', () => {
  const play = onOneStage();
  let ana: BrowserPerson;
  let bo: TerminalPerson;

  beforeAll(async () => {
    ana = await play.stage.browser('ana');
    bo = await play.stage.terminal('bo2');
    await bo.types('contact', 'add', 'ana');
    await ana.addsContact('bo2');
    await ana.beginsChat('bo2');
    await ana.writes('bo2', 'the first');
    await bo.sees('ana', { text: 'the first' });
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
    numbers['send_to_tick_ms_p50'] = median(times);
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
    numbers['first_screen_ms'] = median(times);
  });

  test('what was missed is caught up', { timeout: LONG_MS }, async () => {
    await ana.page.goto('about:blank');
    const holder = bo.stays();
    let said = 0;
    const speaks = async () => {
      while (said < MISSED) {
        said += 1;
        await bo.writes('ana', `while you were away, ${said}`);
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, speaks));
    await holder.kill();
    await bo.writes('ana', 'the last');
    await ana.page.goto('about:blank');
    await ana.page.addInitScript(() => {
      const long: number[] = [];
      Object.assign(globalThis, { long });
      new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)))
        .observe({ type: 'longtask', buffered: true });
    });
    const began = performance.now();
    await ana.page.goto(play.stage.server.page);
    await until('all that was missed', async () => (await ana.row('bo2').innerText()).includes('the last'));
    numbers['missed'] = MISSED;
    numbers['caught_up_ms'] = performance.now() - began;
    const long = await ana.page.evaluate(() => (globalThis as unknown as { long: number[] }).long);
    numbers['long_tasks'] = long.length;
    numbers['longest_task_ms'] = Math.max(0, ...long);
  });

  test('a chat with all that is opened', async () => {
    const times: number[] = [];
    for (let number = 0; number < REPEATED; number += 1) {
      await ana.page.goto(play.stage.server.page);
      await ana.row('bo2').waitFor();
      const began = performance.now();
      await ana.row('bo2').click();
      await ana.part('message').last().waitFor();
      times.push(performance.now() - began);
    }
    numbers['open_chat_ms'] = median(times);
    process.stdout.write(`${JSON.stringify({ bench: 'page', ...numbers })}\n`);
  });
});

function median(times: number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

/** The bytes of all files of a kind as a browser is sent them. */
function bytesOf(kind: string): number {
  const files = readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(`.${kind}.br`));
  return files.reduce((sum, name) => sum + statSync(join(DIST, name)).size, 0);
}
