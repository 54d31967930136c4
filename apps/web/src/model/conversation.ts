// The open chat: its pages, and what is looked at again when something in it changes.

import type { EntryId, LogId, MessageView, Place } from '../bridge/types';
import type { Context } from './context';
import type { Timeline } from './state';
import { find, limitFor, mayMove, openAround, openAtEnd, openAtUnread, PAGE } from './timeline';

export function conversation(context: Context) {
  /** Counts openings, so that an answer to an earlier one is dropped. */
  let opening = 0;
  let loading: 'before' | 'after' | null = null;
  /** Whether the last message held is in sight. */
  let seesEnd = false;

  const page = (chat: LogId, at: Place, limit = PAGE) =>
    context.ask('Messages', { Page: { chat, at, limit } });

  async function open(chat: LogId | null): Promise<void> {
    const number = ++opening;
    if (chat === null) return context.apply({ kind: 'opened', timeline: null });
    const unread = context.state.chats.find((view) => view.chat === chat)?.unread ?? 0;
    const messages = await page(chat, 'End', limitFor(unread));
    show(number, openAtUnread(chat, messages, unread));
  }

  async function toNewest(): Promise<void> {
    const chat = context.state.timeline?.chat;
    if (chat === undefined) return;
    const number = ++opening;
    show(number, openAtEnd(chat, await page(chat, 'End')));
  }

  function show(number: number, timeline: Timeline): void {
    if (number !== opening) return;
    loading = null;
    seesEnd = false;
    context.apply({ kind: 'opened', timeline });
  }

  /** Opens a chat where a message is, unless it is shown already. */
  async function goTo(chat: LogId, message: EntryId): Promise<void> {
    const { timeline } = context.state;
    if (timeline?.chat === chat && find(timeline, message) !== undefined) {
      return context.set({ timeline: { ...timeline, focus: { message } } });
    }
    const number = ++opening;
    const [before, [found], after] = await Promise.all([
      page(chat, { Before: message }),
      context.ask('Messages', { Message: { chat, message } }),
      page(chat, { After: message }),
    ]);
    if (found === undefined) return open(chat);
    show(number, openAround(chat, before, found, after));
  }

  /** Loads what comes before or after, one page at a time. */
  async function load(where: 'before' | 'after'): Promise<void> {
    const { timeline } = context.state;
    if (timeline === null || loading !== null) return;
    if (where === 'before' ? timeline.atStart : timeline.atEnd) return;
    const edge = timeline.messages.at(where === 'before' ? 0 : -1);
    if (edge === undefined) return;
    loading = where;
    const number = opening;
    try {
      const messages = await page(timeline.chat, where === 'before' ? { Before: edge.id } : { After: edge.id });
      if (number === opening) context.apply({ kind: 'page', chat: timeline.chat, where, messages });
    } finally {
      if (number === opening) loading = null;
    }
  }

  /** What of the timeline is in sight. */
  function sees(end: boolean): void {
    seesEnd = end;
    markRead();
  }

  /** What to do about changed messages of the open chat. */
  async function look(chat: LogId, changed: Set<EntryId>): Promise<void> {
    const { timeline } = context.state;
    if (timeline === null || timeline.chat !== chat) return;
    const known = [...changed].filter((id) => !mayMove(find(timeline, id)) || id in context.state.quoted);
    const moves = [...changed].some((id) => mayMove(find(timeline, id)));
    const [fresh, tail] = await Promise.all([
      Promise.all(known.map((message) => context.ask('Messages', { Message: { chat, message } }))),
      moves && timeline.atEnd ? page(chat, 'End') : null,
    ]);
    context.apply({ kind: 'messages', messages: fresh.flat() });
    if (tail !== null) context.apply({ kind: 'page', chat, where: 'tail', messages: tail });
    markRead();
  }

  /** Looks at the end again, where something may have been missed. */
  async function refresh(): Promise<void> {
    const { timeline } = context.state;
    if (timeline === null || !timeline.atEnd) return;
    const { chat } = timeline;
    context.apply({ kind: 'page', chat, where: 'tail', messages: await page(chat, 'End') });
  }

  /** Says that the open chat is read, where a person sees its end. */
  function markRead(): void {
    const { timeline, chats } = context.state;
    if (timeline === null || !timeline.atEnd || !seesEnd || !context.around.isSeen()) return;
    const chat = chats.find((view) => view.chat === timeline.chat);
    if (chat === undefined || chat.unread === 0) return;
    context.run(context.change({ MarkRead: { chat: chat.chat } }));
  }

  /** Fetches a message that another answers, once. */
  function quote(chat: LogId, message: EntryId): void {
    const { timeline, quoted } = context.state;
    if (find(timeline, message) !== undefined || message in quoted) return;
    context.apply({ kind: 'quoted', id: message, message: null });
    const fetched = context.ask('Messages', { Message: { chat, message } });
    context.run(
      fetched.then(([found]: MessageView[]) => {
        context.apply({ kind: 'quoted', id: message, message: found ?? null });
      }),
    );
  }

  return {
    open: (chat: LogId | null) => context.run(open(chat)),
    goTo: (chat: LogId, message: EntryId) => context.run(goTo(chat, message)),
    toNewest: () => context.run(toNewest()),
    loadBefore: () => context.run(load('before')),
    loadAfter: () => context.run(load('after')),
    quote,
    refresh,
    sees,
    markRead,
    look,
  };
}

export type Conversation = ReturnType<typeof conversation>;
