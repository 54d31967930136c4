import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const files = readdirSync('src/kit').filter((name) => /\.(svelte|ts)$/u.test(name) && !name.endsWith('.test.ts'));
const components = files.filter((name) => name.endsWith('.svelte'));
const read = (name: string) => readFileSync(`src/kit/${name}`, 'utf8');

describe.each(components)('%s', (name) => {
  const source = read(name);
  const style = /<style>(.*)<\/style>/su.exec(source)?.[1] ?? '';

  test('has at most 120 lines', () => {
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(120);
  });

  test('takes its colours and lengths from the tokens', () => {
    const own = style.replace(/@media[^{]*/gu, '').replaceAll('transparent', '').replaceAll('currentColor', '');
    expect(own.match(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)a?\(|\b(?:white|black)\b(?!-)/gu)).toBeNull();
    expect(own.match(/\d(?:px|rem|em|ch)\b/gu)).toBeNull();
  });

  test('asks for no sides that would be wrong from right to left', () => {
    expect(style.match(/(?:margin|padding|border)-(?:left|right)|[^-]\b(?:left|right):|text-align: (?:left|right)/gu)).toBeNull();
  });

  test('writes no markup and no style attributes, which the security policy forbids', () => {
    expect(source).not.toMatch(/\{@html|innerHTML|\sstyle="/u);
  });

  test('says nothing itself', () => {
    expect(source).not.toMatch(/(?:aria-label|title|placeholder)="[A-Za-z]/u);
  });
});

test.each(files)('%s imports nothing of ours but the kit and its sentences', (name) => {
  const ours = [...read(name).matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/gu)].map((found) => found[1] ?? found[2]);
  for (const path of ours) expect(path).toMatch(/^\.\/[\w.]+$|^\.\.\/text\/kit\.\w+$/u);
});
