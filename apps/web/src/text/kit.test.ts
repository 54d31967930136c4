import { expect, test } from 'vitest';
import { kitEn } from './kit.en';
import { kitSr } from './kit.sr';

test('the kit says every sentence in both languages', () => {
  expect(Object.keys(kitSr).sort()).toEqual(Object.keys(kitEn).sort());
  for (const [key, english] of Object.entries(kitEn)) {
    const serbian = kitSr[key as keyof typeof kitEn];
    expect(serbian.trim(), key).not.toBe('');
    expect(serbian, key).not.toBe(english);
  }
});
