import { describe, expect, test } from 'vitest';
import { message } from '../bridge/fake/door';
import type { MemberView, MessageView, Role } from '../model/shown';
import { namesIn } from './form.svelte';
import { memberMenu } from './member-menu';
import { messageMenu } from './message-menu';
import { memberWords, typingWords } from './words';

const nothing = () => undefined;
const never = () => Promise.resolve(null);

describe('what can be done with a message', () => {
  function labels(values: Partial<MessageView>, own = true, writes = true): string[] {
    const intents = { replyTo: nothing, beginEdit: nothing, again: nothing, tell: nothing };
    const around = { own, writes, intents, onreact: nothing, ondelete: nothing };
    return messageMenu({ ...message('c', 1), ...values }, around).map(({ label }) => label);
  }

  test('is more with an own one, and nothing with a deleted one', () => {
    expect(labels({})).toEqual(['Reply', 'React', 'Copy', 'Edit', 'Delete']);
    expect(labels({}, false)).toEqual(['Reply', 'React', 'Copy']);
    expect(labels({ deleted: true })).toEqual([]);
  });

  test('is to write it again where it was not sent, and only to copy it where nobody can write', () => {
    expect(labels({ state: { Failed: 'slow' } })).toEqual(['Write it again', 'Copy']);
    expect(labels({}, true, false)).toEqual(['Copy']);
  });
});

describe('what can be done with a member', () => {
  const member = (role: Role, values: Partial<MemberView> = {}): MemberView => ({
    account: 'b', name: 'ben', display_name: null, role, me: false, silent_since: null, ...values,
  });
  const intents = { setRole: nothing, removeMember: nothing, ban: nothing, openDirect: never, tell: nothing };
  const labels = (mine: Role, one: MemberView) => memberMenu(one, mine, null, intents).map(({ label }) => label);

  test('follows the roles of both', () => {
    expect(labels('Member', member('Member'))).toEqual(['Write']);
    expect(labels('Admin', member('Member'))).toEqual(['Write', 'Remove from the group', 'Ban from the group']);
    expect(labels('Admin', member('Owner'))).toEqual(['Write']);
    expect(labels('Owner', member('Admin'))).toEqual([
      'Write', 'Make Member', 'Make Owner', 'Remove from the group', 'Ban from the group',
    ]);
    expect(labels('Owner', member('Owner', { me: true }))).toEqual([]);
  });

  test('says who has not arrived', () => {
    const now = 10 * 24 * 3_600_000;
    expect(memberWords(member('Member', { silent_since: now - 3 * 24 * 3_600_000 }), now)).toContain('not arrived');
    expect(memberWords(member('Member', { silent_since: now - 1000 }), now)).toBe('ben');
  });
});

test('names are taken apart however they are written', () => {
  expect(namesIn(' @ana, ben;cveta\nana  ')).toEqual(['ana', 'ben', 'cveta']);
});

test('of many who write, nobody is named', () => {
  const typing = ['ana', 'ben', 'cveta'].map((name) => ({ name, until: 0 }));
  expect(typingWords(typing.slice(0, 1), 'Group')).toBe('ana is writing…');
  expect(typingWords(typing.slice(0, 2), 'Group')).toBe('ana and ben are writing…');
  expect(typingWords(typing, 'Group')).toBe('Several people are writing…');
});
