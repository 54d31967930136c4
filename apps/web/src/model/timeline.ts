// The window of a chat that is held: it grows at either end, and lets go at the other.

import type { EntryId, LogId, MessageView } from '../bridge/types';
import type { State, Timeline } from './state';

/** The most messages that are held. */
export const HELD_MAX = 400;
/** How many are asked for at once. */
export const PAGE = 100;
/** How many read ones are held before the first unread. */
const READ_BEFORE = 20;

/** The newest messages of a chat, of which `limit` were asked for. */
export function openAtEnd(chat: LogId, page: MessageView[], limit = PAGE): Timeline {
  const end = { newFrom: null, focus: { message: null } };
  return { chat, messages: page, atStart: page.length < limit, atEnd: true, ...end };
}

/** How many to ask for, so that the first unread one is among them; where there are too many, it is not. */
export function limitFor(unread: number): number {
  return Math.min(HELD_MAX, Math.max(PAGE, unread + READ_BEFORE));
}

/** The newest messages, looked at from the first one that is unread. */
export function openAtUnread(chat: LogId, page: MessageView[], unread: number): Timeline {
  const timeline = openAtEnd(chat, page, limitFor(unread));
  const received = page.filter(({ state, event }) => state === 'Received' && event === null);
  const first = unread > 0 ? received.at(-unread) : undefined;
  return first === undefined ? timeline : { ...timeline, newFrom: first.id, focus: { message: first.id } };
}

/** The neighbourhood of one message. */
export function openAround(
  chat: LogId,
  before: MessageView[],
  message: MessageView,
  after: MessageView[],
): Timeline {
  return {
    chat,
    messages: [...before, message, ...after],
    atStart: before.length < PAGE,
    atEnd: after.length < PAGE,
    newFrom: null,
    focus: { message: message.id },
  };
}

export function prepend(timeline: Timeline, page: MessageView[]): Timeline {
  const known = idsOf(timeline.messages);
  const all = [...page.filter(({ id }) => !known.has(id)), ...timeline.messages];
  return {
    ...timeline,
    messages: all.slice(0, HELD_MAX),
    atStart: page.length < PAGE,
    atEnd: timeline.atEnd && all.length <= HELD_MAX,
  };
}

export function append(timeline: Timeline, page: MessageView[]): Timeline {
  const coming = idsOf(page);
  const all = [...timeline.messages.filter(({ id }) => !coming.has(id)), ...page];
  return {
    ...timeline,
    messages: all.slice(-HELD_MAX),
    atStart: timeline.atStart && all.length <= HELD_MAX,
    atEnd: page.length < PAGE,
  };
}

/**
 * The newest messages, laid over a timeline that reaches the end. A message may have moved: it stands last
 * until the server has it, then where the server put it. Where more has come than one page, what lies
 * between is not known: the timeline no longer reaches the end, and is read on from where it is.
 */
export function layTail(timeline: Timeline, page: MessageView[]): Timeline {
  const first = page[0];
  if (first === undefined || page.length < PAGE) {
    return { ...timeline, messages: page, atStart: true, atEnd: true };
  }
  const meets = timeline.messages.findIndex(({ id }) => id === first.id);
  if (meets < 0) return timeline.messages.length === 0 ? openAtEnd(timeline.chat, page) : { ...timeline, atEnd: false };
  const coming = idsOf(page);
  const before = timeline.messages.slice(0, meets).filter(({ id }) => !coming.has(id));
  const all = [...before, ...page];
  return {
    ...timeline,
    messages: all.slice(-HELD_MAX),
    atStart: timeline.atStart && all.length <= HELD_MAX,
    atEnd: true,
  };
}

/** Messages that changed where they are. */
export function replace(timeline: Timeline, changed: MessageView[]): Timeline {
  const fresh = new Map(changed.map((message) => [message.id, message]));
  if (!timeline.messages.some(({ id }) => fresh.has(id))) return timeline;
  return { ...timeline, messages: timeline.messages.map((old) => fresh.get(old.id) ?? old) };
}

export function find(timeline: Timeline | null, id: EntryId): MessageView | undefined {
  return timeline?.messages.find((message) => message.id === id);
}

/** A message of the open chat, as far as it is known. */
export function messageIn(state: Pick<State, 'timeline' | 'quoted'>, id: EntryId | null): MessageView | null {
  return id === null ? null : (find(state.timeline, id) ?? state.quoted[id] ?? null);
}

/** Whether a message may stand elsewhere once it changed. */
export function mayMove(message: MessageView | undefined): boolean {
  return message === undefined || message.state === 'Pending';
}

function idsOf(messages: MessageView[]): Set<EntryId> {
  return new Set(messages.map(({ id }) => id));
}
