import { emojiTable, type EmojiGroup, type EmojiRow } from './emojiTable';
import type { KitWords } from '../text/kit.en';
import type { Language } from './words.svelte';

export interface Emoji {
  emoji: string;
  name: string;
}

export interface EmojiSection {
  title: keyof KitWords;
  emoji: Emoji[];
}

const titles: Record<EmojiGroup, keyof KitWords> = {
  faces: 'emojiFaces',
  people: 'emojiPeople',
  symbols: 'emojiSymbols',
  nature: 'emojiNature',
  food: 'emojiFood',
  activities: 'emojiActivities',
  travel: 'emojiTravel',
  objects: 'emojiObjects',
};

const groups = (Object.keys(titles) as EmojiGroup[]).map((group) => ({
  title: titles[group],
  rows: emojiTable[group] as readonly EmojiRow[],
}));
const all = groups.flatMap((group) => group.rows);

/** All emoji by groups, those used lately before them. */
export function emojiSections(recent: readonly string[], language: Language): EmojiSection[] {
  const lately = recent.map((emoji) => all.find((row) => row[0] === emoji)).filter((row) => row !== undefined);
  return [{ title: 'emojiRecent' as const, rows: lately }, ...groups]
    .filter((group) => group.rows.length > 0)
    .map((group) => ({ title: group.title, emoji: group.rows.map((row) => named(row, language)) }));
}

/** The emoji that each sought word begins a word of, in either language; those so named before those so described. */
export function findEmoji(sought: string, language: Language): Emoji[] {
  const words = plain(sought).split(/\s+/u).filter((word) => word !== '');
  const matches = (text: string) => words.every((word) => ` ${text}`.includes(` ${word}`));
  const inNames = all.filter((row) => matches(plain(`${row[1]} ${row[2]}`)));
  const inWords = all.filter((row) => !inNames.includes(row) && matches(plain(row.slice(1).join(' '))));
  return [...inNames, ...inWords].map((row) => named(row, language));
}

/** Serbian is often written without its marks: what is sought is found either way. */
function plain(text: string): string {
  return text.toLocaleLowerCase().replaceAll('đ', 'dj').normalize('NFD').replace(/\p{M}/gu, '');
}

function named(row: EmojiRow, language: Language): Emoji {
  return { emoji: row[0], name: language === 'sr' ? row[2] : row[1] };
}

const place = 'veche-recent-emoji';
const most = 24;

/** Which emoji were picked last, the latest first. The browser may refuse to keep such a thing: then there are none. */
export function recentEmoji(storage: () => Storage = () => localStorage): string[] {
  try {
    const kept: unknown = JSON.parse(storage().getItem(place) ?? '[]');
    return Array.isArray(kept) ? kept.filter((emoji) => typeof emoji === 'string').slice(0, most) : [];
  } catch {
    return [];
  }
}

export function rememberEmoji(emoji: string, storage: () => Storage = () => localStorage): void {
  const recent = [emoji, ...recentEmoji(storage).filter((other) => other !== emoji)].slice(0, most);
  try {
    storage().setItem(place, JSON.stringify(recent));
  } catch {
    // It is a convenience: without it the picker only has no group of recent ones.
  }
}

/** Where a key leads in a grid of so many cells in rows of `columns`; null where it leads nowhere. */
export function nextCell(key: string, current: number, count: number, columns: number, rightToLeft: boolean): number | null {
  const steps: Record<string, number> = {
    ArrowRight: rightToLeft ? -1 : 1,
    ArrowLeft: rightToLeft ? 1 : -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    Home: -current,
    End: count - 1 - current,
  };
  const step = steps[key];
  if (step === undefined) return null;
  return Math.max(0, Math.min(current + step, count - 1));
}
