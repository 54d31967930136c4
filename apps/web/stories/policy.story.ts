// The rules under which a browser runs the page, as the browser itself applies them.

import { describe, expect, test } from 'vitest';
import { onOneStage } from './harness/acts';
import { until } from './harness/patience';

describe.sequential('the rules of the page', () => {
  const play = onOneStage();

  test('come with it', async () => {
    const response = await fetch(play.stage.server.page);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain('unsafe-inline');
    expect(policy).not.toContain("'unsafe-eval'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('let no script run that somebody put into it', async () => {
    const ana = play.stage.newcomer('ana');
    await ana.starts();
    const run = 'document.title = "taken over"';
    await ana.page.route(play.stage.server.page, async (route) => {
      const response = await route.fetch();
      const html = (await response.text()).replace('<body>', `<body onload='${run}'><script>${run}</script><img src="data:image/png,x" onerror='${run}'>`);
      await route.fulfill({ response, body: html });
    });
    await ana.page.goto(play.stage.server.page);
    await ana.part('register-name').waitFor();
    expect(await ana.page.title()).toBe('Veche');
    // Browsers tell of them when they come to it.
    const refusals: string[] = [];
    await until('three refusals', () => {
      refusals.push(...play.stage.complaints().filter((words) => /inline (script|event handler)/u.test(words)));
      return Promise.resolve(refusals.length >= 3);
    });
    expect(await ana.page.title()).toBe('Veche');
    await ana.closes();
    play.stage.complaints();
  });

  test('let it speak with no other server', async () => {
    const ben = await play.stage.visitor('ben');
    await ben.part('register-name').waitFor();
    const answer = await ben.page.evaluate(() =>
      fetch('http://127.0.0.2:9/').then(
        () => 'answered',
        () => 'refused',
      ),
    );
    expect(answer).toBe('refused');
    await until('a refusal', () => Promise.resolve(/Content Security Policy/u.test(play.stage.complaints().join())));
    await ben.closes();
    // It may say so in more than one way.
    play.stage.complaints();
  });

  test('are enough to register and talk', async () => {
    const cal = await play.stage.terminal('cal');
    const dora = await play.stage.browser('dora');
    await dora.beginsChat('cal');
    await dora.writes('cal', 'Through the front door.');
    await cal.accepts();
    await cal.sees('dora', { text: 'Through the front door.' });
  });
});
