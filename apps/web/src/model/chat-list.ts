// The chats in the order in which they are listed, and what is found in them.

import type { ChatView, LastView, LogId, MessageView } from '../bridge/types';
import type { State } from './state';

export interface Listed {
  chat: ChatView;
  /** The beginning of what was not sent yet. */
  draft: string | null;
}

/** Chats in whose titles the words are; the one with the newest message first. */
export function listed(state: Pick<State, 'chats' | 'drafts' | 'search' | 'timeline'>): Listed[] {
  const words = plain(state.search?.words ?? '');
  const open = state.timeline?.chat;
  return state.chats
    .map((chat, index) => ({ chat, index }))
    .filter(({ chat }) => plain(chat.title).includes(words))
    .sort((one, other) => timeOf(other.chat) - timeOf(one.chat) || other.index - one.index)
    .map(({ chat }) => ({ chat, draft: draftOf(state.drafts, chat.chat, open) }));
}

export function unreadInAll(chats: ChatView[]): number {
  return chats.reduce((sum, { unread }) => sum + unread, 0);
}

/** Somebody's name; what they want to be called stands before the username, which alone is proved. */
export function personName(person: { name: string; display_name: string | null }): string {
  const called = (person.display_name ?? '').split(/\s+/u).filter(Boolean).join(' ');
  return called === '' ? person.name : `${called} (${person.name})`;
}

export function authorName(message: MessageView | LastView): string {
  return personName({ name: message.from, display_name: message.display_name });
}

/** A text for comparing: without case and without marks on the letters. */
export function plain(text: string): string {
  return text.trim().toLocaleLowerCase().replaceAll('đ', 'd').normalize('NFD').replace(/\p{M}/gu, '');
}

function draftOf(drafts: State['drafts'], chat: LogId, open: LogId | undefined): string | null {
  // The open chat shows its draft where it is written.
  if (chat === open) return null;
  return drafts[chat]?.text.trim() || null;
}

function timeOf(chat: ChatView): number {
  return chat.last?.at ?? 0;
}
