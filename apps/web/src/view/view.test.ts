import { describe, expect, test } from 'vitest';
import { readStart } from '../model/start';
import { day, size } from './format';
import { pieces } from './links';
import { linkWords } from './words';

const links = (text: string) => pieces(text).filter(({ href }) => href !== null).map((piece) => piece.text);

describe('links in a text', () => {
  test('are http and https only, and end where the sentence goes on', () => {
    expect(links('see https://a.example/b?c=d, and (http://b.example/e).')).toEqual([
      'https://a.example/b?c=d',
      'http://b.example/e',
    ]);
    expect(links('https://a.example/x_(y)')).toEqual(['https://a.example/x_(y)']);
    expect(links('javascript:alert(1) data:text/html,x veche://a file:///etc')).toEqual([]);
  });

  test('lose no character of the text', () => {
    for (const text of ['a https://b.example. c', 'https://', 'https://a@b.example x', '', 'https://b.example']) {
      expect(pieces(text).map((piece) => piece.text).join('')).toBe(text);
    }
  });

  test('are not very long, and cost little to look for', () => {
    const begun = performance.now();
    const text = `https://a.example/(${')'.repeat(60_000)}`;
    expect(pieces(text)).toEqual([{ text, href: null }]);
    expect(links(`https://a.example/(${')'.repeat(2000)}`)).toEqual(['https://a.example/()']);
    expect(performance.now() - begun).toBeLessThan(500);
  });

  test('that lie about their host are none', () => {
    expect(links('https://bank.example@evil.example/')).toEqual([]);
    expect(links('https://a.example/\u202Egnp.exe')).toEqual([]);
  });
});

test('days and sizes are for people', () => {
  const now = new Date(2026, 0, 5, 12).getTime();
  expect(day(now - 3_600_000, now)).toBe('Today');
  expect(day(now - 24 * 3_600_000, now)).toBe('Yesterday');
  expect(day(now - 400 * 24 * 3_600_000, now)).toContain('2024');
  expect([0, 999, 1500, 2_500_000].map(size)).toEqual(['0 bytes', '999 bytes', '2 kB', '2.5 MB']);
});

describe('what the page was opened with', () => {
  test('the server’s own address comes first', () => {
    expect(readStart('', 'a:1/abc')).toEqual({ server: 'a:1/abc', link: null });
    expect(readStart('#b:2/abc', 'a:1/abc').server).toBe('a:1/abc');
    expect(readStart('#b:2/abc', null).server).toBe('b:2/abc');
  });

  test('a link is followed later, and names a server', () => {
    const link = 'veche://a:1/abc/join#SECRET';
    expect(readStart(`#${link}`, null)).toEqual({ server: 'a:1/abc', link });
    expect(readStart('#%', null)).toEqual({ server: '', link: null });
  });
});

test('a link says whether it lets in, and until when it is good', () => {
  const link = { link: 'x', approves: false, expires: 1000, uses_max: null, used: 0 };
  expect(linkWords(link, 999)).toMatch(/^Whoever has it comes in at once\. 0 people joined by it\. It is good until /u);
  expect(linkWords(link, 1000)).toContain('It was good until ');
  expect(linkWords({ ...link, expires: null, uses_max: 1, used: 1 })).toMatch(/0 more people can join\.$/u);
});
