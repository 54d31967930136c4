import { describe, expect, test } from 'vitest';
import { BackOff } from './back-off';
import { mayRepeat } from './calls';
import { wayTo } from './dial';
import { DEFAULTS, readSettings } from './settings';

describe('where the socket goes', () => {
  const page = { secure: true, host: 'chat.example', server: null };

  test('to the page’s own place', () => {
    expect(wayTo('chat.example:443/abc', page)).toEqual({ url: 'wss://chat.example/veche' });
    expect(wayTo('[::1]:80/abc', { ...page, secure: false, host: '[::1]' })).toEqual({
      url: 'ws://[::1]/veche',
    });
  });

  test('to the page’s own server by whatever name, because the key is proved', () => {
    const known = { secure: false, host: 'localhost:9', server: '10.0.0.1:4433/abc' };
    expect(wayTo('127.0.0.1:5/abc', known)).toEqual({ url: 'ws://localhost:9/veche' });
  });

  test('nowhere else', () => {
    expect(wayTo('chat.example:8443/abc', page)).toEqual({ elsewhere: 'chat.example:8443' });
    expect(wayTo('chat.example:443@evil.example:443/abc', page)).toHaveProperty('elsewhere');
    expect(wayTo('nonsense', page)).toEqual({ elsewhere: 'nonsense' });
  });
});

test('the wait doubles up to a minute, and chance spreads it', () => {
  const waits = new BackOff();
  expect([0, 1, 2].map(() => waits.nextMs(0))).toEqual([250, 500, 1000]);
  for (let tries = 0; tries < 20; tries += 1) waits.nextMs(0);
  expect(waits.nextMs(0)).toBe(30_000);
  expect(waits.nextMs(0.999)).toBeGreaterThan(59_000);
  waits.reset();
  expect(waits.nextMs(0)).toBe(250);
});

test('only what changes nothing twice is asked twice', () => {
  expect(mayRepeat({ ask: 'Chats' })).toBe(true);
  expect(mayRepeat({ ask: { Do: { MarkRead: { chat: 'c' } } } })).toBe(true);
  expect(mayRepeat({ ask: { Do: { Leave: { chat: 'c' } } } })).toBe(false);
  expect(mayRepeat({ sendFile: { chat: 'c', text: '', reply_to: null, file: new File([], 'a') } })).toBe(false);
});

test('settings that make no sense are as at first', () => {
  expect(readSettings(null)).toEqual(DEFAULTS);
  expect(readSettings('7')).toEqual(DEFAULTS);
  expect(readSettings('{"theme":"dark","language":"xx","other":1}')).toEqual({
    ...DEFAULTS,
    theme: 'dark',
  });
});
