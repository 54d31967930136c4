import { describe, expect, test } from 'vitest';
import { message } from '../bridge/fake/door';
import { apply } from './apply';
import { personName } from './chat-list';
import { cleanName } from './file-name';
import { line, previewOf } from './preview';
import { rowsOf } from './rows';
import { initialState } from './state';

describe('the lines of a timeline', () => {
  const noon = new Date(2026, 0, 5, 12).getTime();
  const at = (minutes: number, values = {}) => ({ ...message('c', minutes), at: noon + minutes * 60_000, ...values });

  test('have a day before its first message, and groups of one author within minutes', () => {
    const rows = rowsOf(
      [at(0), at(1), at(20), at(21, { account: 'me' }), at(22, { event: 'ana added bo' }), at(24 * 60)],
      'me',
    );
    const words = rows.map((row) => {
      if (row.kind !== 'message') return row.kind;
      return `${row.own ? 'own' : 'other'}${row.first ? ' first' : ''}${row.last ? ' last' : ''}`;
    });
    expect(words).toEqual([
      'day',
      'other first',
      'other last',
      'other first last',
      'own first last',
      'line',
      'day',
      'other first last',
    ]);
    expect(rowsOf([at(0), at(1)], 'me', 'c-1').map(({ kind }) => kind)).toEqual(['day', 'message', 'new', 'message']);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  });
});

describe('names', () => {
  test('show the proved one behind what somebody wants to be called', () => {
    expect(personName({ name: 'ana', display_name: '  Ana \n Petrović ' })).toBe('Ana Petrović (ana)');
    expect(personName({ name: 'ana', display_name: ' \n ' })).toBe('ana');
  });

  test('of files become harmless', () => {
    expect(cleanName('a/b\\c.txt')).toBe('c.txt');
    expect(cleanName('..')).toBe('file');
    expect(cleanName('.bashrc')).toBe('bashrc');
    expect(cleanName('con.txt')).toBe('_con.txt');
    expect(cleanName('a\u200Bb:c\n.txt. ')).toBe('a_b_c_.txt');
    const long = cleanName(`${'ž'.repeat(300)}.jpeg`);
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(200);
    expect(long.endsWith('.jpeg')).toBe(true);
  });
});

describe('a preview', () => {
  test('is one line that ends at a whole character', () => {
    expect(line('a\n\n b')).toBe('a b');
    const cut = line('😀'.repeat(200));
    expect([...cut]).toHaveLength(121);
    expect([...cut].every((character) => character === '😀' || character === '…')).toBe(true);
  });

  test('says nothing of what was deleted', () => {
    expect(previewOf({ ...message('c', 1), deleted: true, text: 'secret' })).not.toContain('secret');
  });
});

test('a page that comes after another chat was opened is dropped', () => {
  const messages = [message('c', 1)];
  expect(apply(initialState, { kind: 'page', chat: 'c', where: 'tail', messages })).toBe(initialState);
});

test('an empty draft is none', () => {
  const written = apply(initialState, { kind: 'draft', chat: 'c', draft: { text: 'x', reply_to: null } });
  expect(written.drafts['c']?.text).toBe('x');
  expect(apply(written, { kind: 'draft', chat: 'c', draft: { text: '', reply_to: null } }).drafts).toEqual({});
});
