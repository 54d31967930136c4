// The lines of a timeline: days, system lines, and messages in groups of one author within some minutes.

import type { MessageView } from '../bridge/types';

/** Messages of one author with at most this between them belong together. */
const GROUP_MS = 5 * 60_000;

export type Row =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'new'; key: string }
  | { kind: 'line'; key: string; message: MessageView }
  | { kind: 'message'; key: string; message: MessageView; own: boolean; first: boolean; last: boolean };

export function rowsOf(messages: MessageView[], me: string | undefined, newFrom: string | null = null): Row[] {
  const rows: Row[] = [];
  messages.forEach((message, index) => {
    const before = messages[index - 1];
    const after = messages[index + 1];
    if (before === undefined || !isSameDay(before.at, message.at)) {
      rows.push({ kind: 'day', key: `day ${message.id}`, at: message.at });
    }
    if (message.id === newFrom) rows.push({ kind: 'new', key: 'new' });
    if (message.event !== null) {
      rows.push({ kind: 'line', key: message.id, message });
      return;
    }
    rows.push({
      kind: 'message',
      key: message.id,
      message,
      own: isOwn(message, me),
      first: before === undefined || !belongTogether(before, message),
      last: after === undefined || !belongTogether(message, after),
    });
  });
  return rows;
}

export function isOwn(message: Pick<MessageView, 'account'>, me: string | undefined): boolean {
  return message.account === me;
}

export function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

function belongTogether(one: MessageView, other: MessageView): boolean {
  return (
    one.event === null &&
    other.event === null &&
    one.account === other.account &&
    Math.abs(other.at - one.at) <= GROUP_MS &&
    isSameDay(one.at, other.at)
  );
}
