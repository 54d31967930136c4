// Says sentences in the language that was chosen.

import { en } from './en';
import { sr } from './sr';

export type Key = keyof typeof en;
export type Language = 'en' | 'sr';
/** A sentence, or one for each plural that the language has; `{count}` decides. */
export type Sentence = string | { one?: string; few?: string; other: string };

const languages: Record<Language, Record<Key, Sentence>> = { en, sr };
/** Serbian is written in both scripts; the page speaks the latin one. */
const locales: Record<Language, string> = { en: 'en', sr: 'sr-Latn' };

let current: Language = 'en';
let currentLocale = locales.en;

/** Times and numbers are written as where the person lives, where that country's language is spoken here. */
export function speak(language: Language, wanted: readonly string[] = []): void {
  current = language;
  const own = language === 'en' ? wanted.find((tag) => /^en\b/iu.test(tag)) : undefined;
  currentLocale = own ?? locales[language];
}

export function currentLanguage(): Language {
  return current;
}

/** For dates and numbers. */
export function locale(): string {
  return currentLocale;
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  const sentence = languages[current][key];
  const words = typeof sentence === 'string' ? sentence : choose(sentence, Number(values['count']));
  return words.replace(/\{(\w+)\}/g, (_, name: string) => alone(String(values[name] ?? '')));
}

/** Where letters stand that are written from right to left. */
const FROM_THE_RIGHT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** What is filled in has its own direction, and turns nothing of the sentence around it. */
export function alone(value: string): string {
  return FROM_THE_RIGHT.test(value) ? `\u2068${value}\u2069` : value;
}

/** The language for what the browser prefers, the first that the page speaks. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const name = tag.toLowerCase().split('-')[0] ?? '';
    // Who reads Croatian, Bosnian or Montenegrin reads this.
    if (['sr', 'sh', 'hr', 'bs', 'cnr'].includes(name)) return 'sr';
    if (name === 'en') return 'en';
  }
  return 'en';
}

function choose(sentence: Exclude<Sentence, string>, count: number): string {
  const rule = new Intl.PluralRules(locale()).select(count);
  return (rule === 'one' || rule === 'few' ? sentence[rule] : undefined) ?? sentence.other;
}
