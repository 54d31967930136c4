// A store for tests: a few chats in memory, asked as the real one is.

import { type Call, type Door, Failure, type Passphrases, type Standing, type Tidings } from '../calls';
import type { Answer, Ask, ChatView, Command, ContactView, Event, LastView, LinkView, MessageView, MeView, Place, Reply } from '../types';

export class FakeDoor implements Door {
  readonly asked: Ask[] = [];
  readonly done: Command[] = [];
  readonly sent: Extract<Call, { sendFile: unknown }>['sendFile'][] = [];
  me: MeView | null = {
    account: 'me',
    name: 'ana',
    display_name: null,
    server: 'localhost:1/aaaa',
    registered: true,
    receipts: true,
  };
  chats: ChatView[] = [];
  messages: Record<string, MessageView[]> = {};
  settled: Record<number, Extract<Answer, { Settled: unknown }>['Settled']> = {};
  refusal: string | null = null;
  notifies = true;
  /** What an answer waits for, where it is to be late. */
  held: (ask: Ask) => Promise<void> | null = () => null;
  tellTidings: (tidings: Tidings) => void = () => undefined;
  tellStanding: (standing: Standing) => void = () => undefined;
  link: LinkView | null = null;
  banned: ContactView[] = [];
  passphrase: string | null = null;
  private tries = 0;
  private intent = 0;

  addChat(chat: string, count: number, values: Partial<ChatView> = {}): void {
    const view = { title: chat, member_count: 2, unread: 0, unread_mentions: 0, behind: 0 };
    const own = { join_requests: 0, role: 'Owner' as const, peer: null, last: null };
    this.chats.push({ chat, kind: 'Group', state: 'Active', ...view, ...own, ...values });
    this.messages[chat] = Array.from({ length: count }, (_, number) => message(chat, number));
  }

  add(chat: string, values: Partial<MessageView> = {}): MessageView {
    const list = (this.messages[chat] ??= []);
    const added = { ...message(chat, list.length), ...values };
    list.push(added);
    return added;
  }

  event(event: Event): void {
    this.tellTidings({ Event: event });
  }

  ask(ask: Ask): Promise<Answer> {
    this.asked.push(ask);
    if (typeof ask === 'object' && 'Do' in ask && this.refusal !== null) {
      return Promise.reject(new Failure({ kind: 'refused', words: this.refusal }));
    }
    const answer = structuredClone(this.answer(ask));
    return this.held(ask)?.then(() => answer) ?? Promise.resolve(answer);
  }

  sendFile(chat: string, text: string, reply_to: string | null, file: File): Promise<Answer> {
    this.sent.push({ chat, text, reply_to, file });
    return Promise.resolve({ Reply: 'Done' });
  }

  filePart(_chat: string, _message: string, index: number): Promise<Uint8Array | null> {
    return Promise.resolve(index < 2 ? new Uint8Array([index]) : null);
  }

  unlock(passphrase: string): void {
    const right = passphrase === this.passphrase;
    this.tries += 1;
    this.tellStanding(right ? { kind: 'open', storage: 'kept', mine: true } : { kind: 'locked', tries: this.tries });
  }
  isLocked(): Promise<boolean> {
    return Promise.resolve(this.passphrase !== null);
  }
  lock({ current, next }: Passphrases): Promise<void> {
    if (current !== this.passphrase) return Promise.reject(new Failure({ kind: 'refused', words: 'wrong' }));
    this.passphrase = next;
    return Promise.resolve();
  }

  onTidings(act: (tidings: Tidings) => void): void {
    this.tellTidings = act;
  }
  onStanding(act: (standing: Standing) => void): void {
    this.tellStanding = act;
  }
  online(): void {}
  seen(): void {}
  letGo(): void {}
  leave(): void {}
  stay(): void {}
  mayNotify(): boolean {
    return this.notifies;
  }

  private answer(ask: Ask): Answer {
    if (ask === 'Me') return { Me: this.me };
    if (ask === 'Chats') return { Chats: this.chats.map((chat) => ({ ...chat, last: this.lastOf(chat.chat) })) };
    if (ask === 'Requests') return { Requests: [] };
    if (ask === 'Contacts') return { Contacts: [] };
    if (ask === 'Connection') return { Connection: 'Live' };
    if (ask === 'Pending') return { Pending: { outgoing: 0, caught_up: true, received: 0, sent: 0 } };
    if (typeof ask === 'string') return { Text: 'some words' };
    if ('Page' in ask) return { Messages: this.page(ask.Page.chat, ask.Page.at, ask.Page.limit) };
    if ('Message' in ask) {
      const { chat, message } = ask.Message;
      return { Messages: (this.messages[chat] ?? []).filter(({ id }) => id === message) };
    }
    if ('Link' in ask) return { Link: this.link };
    if ('Banned' in ask) return { Contacts: this.banned };
    if ('Intent' in ask) return { Settled: this.settled[ask.Intent] ?? 'Waiting' };
    if ('Do' in ask) return { Reply: this.carryOut(ask.Do) };
    if ('Search' in ask) return { Messages: [] };
    if ('Members' in ask || 'FindMembers' in ask) return { Members: [] };
    if ('Read' in ask) return { Pasted: { Name: ask.Read.text } };
    throw new Error(`the fake knows no ${JSON.stringify(ask)}`);
  }

  private lastOf(chat: string): LastView | null {
    const last = this.messages[chat]?.at(-1);
    return last === undefined ? null : { ...last, file: last.file?.name ?? null };
  }

  private page(chat: string, at: Place, limit: number): MessageView[] {
    const all = this.messages[chat] ?? [];
    if (at === 'End') return all.slice(-limit);
    if (at === 'Start') return all.slice(0, limit);
    const where = 'Before' in at ? at.Before : at.After;
    const index = all.findIndex(({ id }) => id === where);
    if (index < 0) return [];
    return 'Before' in at ? all.slice(Math.max(0, index - limit), index) : all.slice(index + 1, index + 1 + limit);
  }

  private carryOut(command: Command): Reply {
    this.done.push(command);
    if ('MarkRead' in command) {
      for (const chat of this.chats) if (chat.chat === command.MarkRead.chat) chat.unread = 0;
      return 'Done';
    }
    if ('Typing' in command) return 'Done';
    this.intent += 1;
    if (!('Send' in command)) return { Intent: this.intent };
    const { chat, text, reply_to } = command.Send;
    const sent = this.add(chat, { account: 'me', from: 'ana', text, reply_to, state: 'Pending' });
    return { Message: { message: sent.id, intent: this.intent } };
  }
}

export function message(chat: string, number: number): MessageView {
  return {
    id: `${chat}-${number}`,
    chat,
    from: 'ben',
    display_name: null,
    account: 'ben',
    at: number * 1000,
    text: `words ${number}`,
    event: null,
    reply_to: null,
    edited: false,
    deleted: false,
    reactions: [],
    file: null,
    state: 'Received',
    read_count: 0,
    read_by: [],
    mentions_me: false,
  };
}
