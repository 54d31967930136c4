import { kitEn, type KitWords } from '../text/kit.en';

export type Language = 'en' | 'sr';

let words = $state.raw<KitWords>(kitEn);
let language = $state<Language>('en');

/** Has the kit speak another language from now on. */
export function setKitWords(next: KitWords, nextLanguage: Language): void {
  words = next;
  language = nextLanguage;
}

export function kitWords(): KitWords {
  return words;
}

export function kitLanguage(): Language {
  return language;
}
