// How each thing that happens changes what is shown.

import type { Draft } from '../bridge/drafts';
import type { ChatView, EntryId, LogId, MessageView } from '../bridge/types';
import type { Info, State, Timeline, Toast, Transfer } from './state';
import { append, layTail, prepend, replace } from './timeline';

/** How long somebody counts as typing after the last sign of it. */
const TYPING_MS = 6000;
const TOASTS_MAX = 4;
const QUOTED_MAX = 400;

export type Change =
  /** Snapshots that take the place of what was there. */
  | { kind: 'set'; values: Partial<State> }
  | { kind: 'chats'; chats: ChatView[] }
  | { kind: 'opened'; timeline: Timeline | null }
  | { kind: 'page'; chat: LogId; where: 'before' | 'after' | 'tail'; messages: MessageView[] }
  | { kind: 'messages'; messages: MessageView[] }
  | { kind: 'quoted'; id: EntryId; message: MessageView | null }
  | { kind: 'typing'; chat: LogId; name: string; now: number }
  | { kind: 'time'; now: number }
  | { kind: 'draft'; chat: LogId; draft: Draft | null }
  | { kind: 'moved'; transfer: string; moved: Transfer }
  | { kind: 'toast'; toast: Toast }
  | { kind: 'toast-over'; id: number }
  | { kind: 'info'; chat: LogId; values: Partial<Info> };

export function apply(state: State, change: Change): State {
  switch (change.kind) {
    case 'set':
      return { ...state, ...change.values };
    case 'chats':
      return withChats(state, change.chats);
    case 'opened':
      return { ...state, timeline: change.timeline, editing: null, quoted: {} };
    case 'page':
      return withPage(state, change);
    case 'messages':
      return withMessages(state, change.messages);
    case 'quoted':
      return { ...state, quoted: bounded({ ...state.quoted, [change.id]: change.message }) };
    case 'typing':
      return withTypist(state, change.chat, change.name, change.now);
    case 'time':
      return withoutPastTypists(state, change.now);
    case 'draft':
      return { ...state, drafts: withDraft(state.drafts, change.chat, change.draft) };
    case 'moved':
      return { ...state, transfers: withMoved(state.transfers, change) };
    case 'toast':
      return { ...state, toasts: [...state.toasts, change.toast].slice(-TOASTS_MAX) };
    case 'toast-over':
      return { ...state, toasts: state.toasts.filter(({ id }) => id !== change.id) };
    case 'info':
      return withInfo(state, change.chat, change.values);
  }
}

function withChats(state: State, chats: ChatView[]): State {
  const open = state.timeline?.chat;
  const gone = open !== undefined && !chats.some(({ chat }) => chat === open);
  return { ...state, chats, timeline: gone ? null : state.timeline };
}

function withPage(state: State, change: Extract<Change, { kind: 'page' }>): State {
  const { timeline } = state;
  // Answered too late: another chat is open by now.
  if (timeline === null || timeline.chat !== change.chat) return state;
  const lay = { before: prepend, after: append, tail: layTail }[change.where];
  return { ...state, timeline: lay(timeline, change.messages) };
}

function withMessages(state: State, messages: MessageView[]): State {
  const quoted = { ...state.quoted };
  for (const message of messages) if (message.id in quoted) quoted[message.id] = message;
  const timeline = state.timeline && replace(state.timeline, messages);
  return { ...state, quoted, timeline };
}

function withTypist(state: State, chat: LogId, name: string, now: number): State {
  const others = (state.typing[chat] ?? []).filter((typist) => typist.name !== name);
  const typists = [...others, { name, until: now + TYPING_MS }];
  return { ...state, typing: { ...state.typing, [chat]: typists } };
}

function withoutPastTypists(state: State, now: number): State {
  const typing: State['typing'] = {};
  for (const [chat, typists] of Object.entries(state.typing)) {
    const present = typists.filter(({ until }) => until > now);
    if (present.length > 0) typing[chat] = present;
  }
  return { ...state, typing };
}

function withDraft(drafts: State['drafts'], chat: LogId, draft: Draft | null): State['drafts'] {
  const { [chat]: _, ...others } = drafts;
  const isEmpty = draft === null || (draft.text === '' && draft.reply_to === null);
  return isEmpty ? others : { ...others, [chat]: draft };
}

/** What has arrived is on no way any more. */
function withMoved(transfers: State['transfers'], { transfer, moved }: Extract<Change, { kind: 'moved' }>): State['transfers'] {
  const { [transfer]: _, ...others } = transfers;
  return moved.have >= moved.total ? others : { ...others, [transfer]: moved };
}

function withInfo(state: State, chat: LogId, values: Partial<Info>): State {
  if (state.info === null || state.info.chat !== chat) return state;
  return { ...state, info: { ...state.info, ...values } };
}

function bounded<T>(record: Record<string, T>): Record<string, T> {
  const entries = Object.entries(record);
  return entries.length <= QUOTED_MAX ? record : Object.fromEntries(entries.slice(-QUOTED_MAX));
}
