import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { en } from './en';
import { sr } from './sr';
import { type Key, locale, preferred, type Sentence, speak, t } from './text';

/** What is rightly the same in both languages. */
const SAME = new Set<string>([
  'appName',
  'fileNamed',
  'languageEn',
  'languageSr',
  'noticeText',
  'previewOther',
  'reactionBy',
]);

const forms = (sentence: Sentence) => (typeof sentence === 'string' ? [sentence] : Object.values(sentence));
const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

afterEach(() => speak('en'));

describe('both languages', () => {
  test('say the same things', () => {
    expect(Object.keys(sr).sort()).toEqual(Object.keys(en).sort());
    for (const text of [...Object.values(en), ...Object.values(sr)].flatMap(forms)) {
      expect(text.trim()).not.toBe('');
    }
  });

  test('in their own words, but for what is listed', () => {
    const same = Object.keys(en).filter((key) => JSON.stringify(en[key as Key]) === JSON.stringify(sr[key as Key]));
    expect(same.sort()).toEqual([...SAME].sort());
  });

  test('with the same things to be filled in', () => {
    for (const key of Object.keys(en) as Key[]) {
      const wanted = new Set([...forms(en[key]), ...forms(sr[key])].map((text) => names(text).join()));
      expect([...wanted], key).toHaveLength(1);
    }
  });

  test('with all plurals of Serbian', () => {
    for (const key of Object.keys(en) as Key[]) {
      if (typeof en[key] === 'string') continue;
      expect(Object.keys(sr[key] as object).sort(), key).toEqual(['few', 'one', 'other']);
    }
  });
});

test('every sentence is used', () => {
  const sources = files(join(import.meta.dirname, '..')).map((file) => readFileSync(file, 'utf8'));
  const used = new Set(sources.flatMap((text) => [...text.matchAll(/'(\w+)'/g)].map(([, word]) => word)));
  expect(Object.keys(en).filter((key) => !used.has(key))).toEqual([]);
});

test('a sentence is filled in, and the plural fits', () => {
  expect(t('previewOther', { name: 'ana', text: '{text}' })).toBe('ana: {text}');
  expect([1, 2].map((count) => t('memberCount', { count }))).toEqual(['1 member', '2 members']);
  speak('sr');
  expect([1, 2, 5, 21].map((count) => t('memberCount', { count }))).toEqual([
    '1 član',
    '2 člana',
    '5 članova',
    '21 član',
  ]);
});

test('times and numbers are written as where the person lives', () => {
  speak('en', ['de-DE', 'en-GB', 'en-US']);
  expect(locale()).toBe('en-GB');
  speak('en', ['de-DE']);
  expect(locale()).toBe('en');
  // Without its script, Serbian would be written in cyrillic.
  speak('sr', ['sr-RS', 'en-GB']);
  expect(locale()).toBe('sr-Latn');
});

test('the browser’s first language that is spoken here is taken', () => {
  expect(preferred(['de-DE', 'sr-Cyrl-RS', 'en'])).toBe('sr');
  expect(preferred(['hr'])).toBe('sr');
  expect(preferred(['de', 'en-GB', 'sr'])).toBe('en');
  expect(preferred([])).toBe('en');
});

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
    .filter((entry) => !entry.name.includes('.test.') && !/[/\\]text$/.test(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('what is filled in turns nothing around it', () => {
  expect(t('requestDirect', { name: 'ana' })).toBe('ana wants to write to you.');
  expect(t('requestDirect', { name: 'דנה' })).toBe('\u2068דנה\u2069 wants to write to you.');
});
