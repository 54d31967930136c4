// The house rules of the page. Each failure says what to do instead.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { expect, test } from 'vitest';

const SOURCES = join(import.meta.dirname, '..', 'src');

interface Source {
  /** Below src/, with slashes. */
  name: string;
  folder: string;
  text: string;
}

const sources: Source[] = readdirSync(SOURCES, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|svelte|css)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => ({ name: relative(SOURCES, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))
  .filter(({ name }) => !name.startsWith('bridge/core/'))
  .map((source) => ({ ...source, folder: source.name.includes('/') ? (source.name.split('/')[0] ?? '') : '' }));

const shipped = sources.filter(({ name }) => !name.endsWith('.test.ts') && !name.startsWith('bridge/fake/'));

/** What each folder may import from. Nothing of ours stands above view but main.ts. */
const MAY_IMPORT: Record<string, string[]> = {
  view: ['view', 'kit', 'model', 'text', 'style'],
  model: ['model', 'bridge', 'text'],
  bridge: ['bridge'],
  kit: ['kit', 'text', 'style'],
  text: ['text'],
  style: ['style'],
};

const found = (rule: (source: Source) => string[]) =>
  shipped.flatMap((source) => rule(source).map((what) => `${source.name}: ${what}`));

test('each folder imports only from those that it may know', () => {
  const wrong = found(({ name, folder, text }) =>
    imports(text)
      .map((path) => folderOf(name, path))
      .filter((to) => to !== null && folder in MAY_IMPORT && !MAY_IMPORT[folder]?.includes(to))
      .map((to) => `${folder}/ may not import from ${to}/; ${folder}/ knows ${MAY_IMPORT[folder]?.join(', ')}`),
  );
  expect(wrong).toEqual([]);
});

test('what is for tests is in no page', () => {
  expect(found(({ text }) => imports(text).filter((path) => /(^|\/)fake(\/|$)|\.test$/.test(path)))).toEqual([]);
});

test('only the bridge speaks with workers, locks, keys and what the browser keeps', () => {
  const POSTS = ['bridge/post.ts', 'bridge/worker.ts', 'bridge/release.ts', 'service-worker.ts'];
  const wrong = found(({ name, folder, text }) => {
    const said = code(text);
    const posts = /\bpostMessage\b/.test(said) && !POSTS.includes(name) ? ['postMessage belongs into bridge/post.ts'] : [];
    const kept = /\b(indexedDB|crypto\.subtle|navigator\.locks|new Worker|BroadcastChannel|navigator\.serviceWorker)\b/;
    const knows = folder !== 'bridge' && name !== 'service-worker.ts' && kept.test(said);
    return knows ? [...posts, `${kept.exec(said)?.[0]} belongs into bridge/`] : posts;
  });
  expect(wrong).toEqual([]);
});

test('colours and sizes stand in style/tokens.css alone', () => {
  const colour = /#[0-9a-f]{3,8}\b(?![^<]*\/>)|\b(rgb|rgba|hsl|hsla|oklch)\(/i;
  const wrong = found(({ name, text }) => {
    if (name === 'style/tokens.css') return [];
    const style = name.endsWith('.css') ? text : (/<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '');
    const match = colour.exec(style);
    return match === null ? [] : [`${match[0]} belongs into style/tokens.css`];
  });
  expect(wrong).toEqual([]);
});

test('nothing makes markup or code of a text', () => {
  const bad = /\{@html\b|\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(|\sstyle="/;
  expect(found(({ text }) => (bad.exec(code(text)) ?? []).slice(0, 1).map((what) => `${what} is forbidden`))).toEqual([]);
});

test('a link leads out without telling where from', () => {
  const wrong = found(({ text }) =>
    [...text.matchAll(/target="_blank"[^>]*/g)].map(([link]) => link).filter((link) => !link.includes('rel="noopener noreferrer"')),
  );
  expect(wrong).toEqual([]);
});

test('a component has at most 120 lines, a file 400', () => {
  const lines = (text: string) => text.trimEnd().split('\n').length;
  const wrong = found(({ name, text }) => {
    const most = name.endsWith('.svelte') && /^(view|kit)\//.test(name) ? 120 : 400;
    // Tables, and what is made from the Rust types.
    const isTable = /Table\.ts$|^bridge\/types\.ts$|^text\//.test(name);
    return lines(text) > most && !isTable ? [`${lines(text)} lines; split it by what happens`] : [];
  });
  expect(wrong).toEqual([]);
});

test('sentences stand in text/', () => {
  // What stands between tags and has two letters is said to a person.
  const wrong = found(({ name, text }) => {
    if (!name.endsWith('.svelte')) return [];
    const markup = text.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '');
    const plain = withoutBraces(markup).replace(/<[^>]*>/g, '\n');
    return plain.split('\n').map((line) => line.trim()).filter((line) => /\p{L}{2}/u.test(line));
  });
  expect(wrong).toEqual([]);
});

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import\(?)\s*'([^']+)'/g)].map(([, path]) => path ?? '');
}

/** The folder of ours that an import leads to; nothing for a library. */
function folderOf(from: string, path: string): string | null {
  if (!path.startsWith('.')) return null;
  const steps = [...from.split('/').slice(0, -1), ...path.split('/')];
  const way: string[] = [];
  for (const step of steps) {
    if (step === '..') way.pop();
    else if (step !== '.') way.push(step);
  }
  return way.length > 1 ? (way[0] ?? '') : '';
}

/** A text without its comments. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$|<!--[\s\S]*?-->/gm, '');
}

function withoutBraces(markup: string): string {
  let depth = 0;
  return [...markup]
    .filter((character) => {
      if (character === '{') depth += 1;
      const outside = depth === 0;
      if (character === '}') depth -= 1;
      return outside;
    })
    .join('');
}
