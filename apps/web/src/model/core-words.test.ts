import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { speak } from '../text/text';
import { coreWords, SAID } from './core-words';

afterEach(() => speak('en'));

const ROOT = join(import.meta.dirname, '../../../..');
const SOURCES = ['crates/client/src', 'apps/web/core/src', 'apps/web/src/bridge'];

test('every sentence of the core that is translated is still said there', () => {
  const files = SOURCES.flatMap((folder) => {
    const found = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile() && /\.(rs|ts)$/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
  });
  // A line that goes on in the next one is one line.
  const all = files.map((file) => readFileSync(file, 'utf8').replace(/\\\n\s*/g, '')).join('\n');
  expect(SAID.map(([said]) => said).filter((said) => !all.includes(said))).toEqual([]);
});

test('what the core says is said in the words of the page', () => {
  expect(coreWords('There is no such chat. `veche chats` lists them.')).toBe('There is no such chat.');
  expect(coreWords('A name has 3 to 32 of a-z, 0-9 and _; "Ö" does not.')).toContain('3 to 32');
  expect(coreWords('something else')).toBe('something else');
  speak('sr');
  expect(coreWords('Nobody here is called eve. `veche contacts` lists who is.')).toBe('Niko se ovde ne zove eve.');
  expect(coreWords('The browser gives no place for the history: in use')).toMatch(/: in use$/u);
  expect(coreWords('something else')).toBe('Na engleskom: something else');
  expect(coreWords('')).toBe('');
});
