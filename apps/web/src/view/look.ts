// Language and look of the whole page.

import type { Settings } from '../model/shown';
import { setKitWords } from '../kit/words.svelte';
import { kitEn } from '../text/kit.en';
import { kitSr } from '../text/kit.sr';
import { type Language, locale, preferred, speak } from '../text/text';

const kitWords = { en: kitEn, sr: kitSr };

export function languageOf(settings: Settings): Language {
  return settings.language === 'auto' ? preferred(navigator.languages) : settings.language;
}

export function wear(settings: Settings): void {
  const language = languageOf(settings);
  speak(language, navigator.languages);
  setKitWords(kitWords[language], language);
  const page = document.documentElement;
  page.lang = locale();
  if (settings.theme === 'auto') delete page.dataset['theme'];
  else page.dataset['theme'] = settings.theme;
}
