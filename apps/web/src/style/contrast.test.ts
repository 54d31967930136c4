import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync('src/style/tokens.css', 'utf8');

/** Each pair of text and what it is written on. */
const texts: [string, string][] = [
  ...['ground', 'surface', 'raised', 'sunken', 'hover', 'chosen'].flatMap((on): [string, string][] => [
    ['text', on],
    ['text-quiet', on],
  ]),
  ...['ground', 'surface', 'raised', 'bubble-own', 'bubble-other'].map((on): [string, string] => ['link', on]),
  ...['surface', 'raised', 'ground'].flatMap((on): [string, string][] => [
    ['accent', on],
    ['danger', on],
  ]),
  ['on-accent', 'accent'],
  ['on-accent-soft', 'accent-soft'],
  ['on-danger', 'danger'],
  ['on-danger-soft', 'danger-soft'],
  ['on-warning-soft', 'warning-soft'],
  ['on-unread', 'unread'],
  ['on-muted', 'muted'],
  ['on-bubble-own', 'bubble-own'],
  ['on-bubble-own-quiet', 'bubble-own'],
  ['on-bubble-other', 'bubble-other'],
  ['on-bubble-other-quiet', 'bubble-other'],
  ['text', 'accent-soft'],
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((n): [string, string] => ['on-avatar', `avatar-${n}`]),
];

/** Edges and rings are no text: three to one is enough for them. */
const edges: [string, string][] = ['ground', 'surface', 'raised', 'sunken'].flatMap((on): [string, string][] => [
  ['line-strong', on],
  ['focus', on],
]);

const themes = ['light', 'dark'] as const;

describe.each(themes)('in the %s theme', (theme) => {
  test.each(texts)('%s can be read on %s', (text, on) => {
    expect(contrast(colour(text, theme), colour(on, theme))).toBeGreaterThanOrEqual(4.5);
  });
  test.each(edges)('%s can be seen on %s', (edge, on) => {
    expect(contrast(colour(edge, theme), colour(on, theme))).toBeGreaterThanOrEqual(3);
  });
});

test('the contrast is that of WCAG', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

test('what the browser draws around the page has the colours of the page', () => {
  const page = readFileSync('index.html', 'utf8');
  for (const theme of themes) {
    expect(page).toContain(`(prefers-color-scheme: ${theme})" content="${colour('surface', theme)}"`);
  }
});

function colour(name: string, theme: 'light' | 'dark'): string {
  const found = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\);`).exec(css);
  const value = found?.[theme === 'light' ? 1 : 2];
  if (value === undefined) throw new Error(`tokens.css has no colour --${name} for both themes`);
  return value;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
