// Times, days and sizes in the language of the page.

import { isSameDay } from '../model/rows';
import { locale, t } from '../text/text';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale() + JSON.stringify(options);
  const made = formats.get(key) ?? new Intl.DateTimeFormat(locale(), options);
  formats.set(key, made);
  return made;
}

export function clock(at: number): string {
  return format({ timeStyle: 'short' }).format(at);
}

export function moment(at: number): string {
  return format({ dateStyle: 'full', timeStyle: 'short' }).format(at);
}

/** A time for a person, and for machines. Others choose it: it may be out of all bounds. */
export function isoTime(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

export function day(at: number, now = Date.now()): string {
  if (isSameDay(at, now)) return t('today');
  if (isSameDay(at, now - 24 * 3600 * 1000)) return t('yesterday');
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(
    sameYear ? { weekday: 'long', day: 'numeric', month: 'long' } : { day: 'numeric', month: 'long', year: 'numeric' },
  ).format(at);
}

/** The time of today, else the day. */
export function short(at: number, now = Date.now()): string {
  if (isSameDay(at, now)) return clock(at);
  return format({ day: 'numeric', month: 'numeric', year: '2-digit' }).format(at);
}

export function size(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1000)));
  const unitDisplay = power === 0 ? 'long' : 'short';
  const options = { style: 'unit', unit: units[power] ?? 'byte', unitDisplay, maximumFractionDigits: power > 1 ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale(), options).format(bytes / 1000 ** power);
}

/** A part of a whole, from 0 to 1. */
export function percent(part: number): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(part);
}
