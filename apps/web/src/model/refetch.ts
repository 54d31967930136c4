// Fetches again what an event names: once for many events, and never two rounds at a time. So ten thousand
// messages that are caught up make some hundred questions.

import type { EntryId, Event, LogId } from '../bridge/types';

export const GATHER_MS = 50;

/** What is to be looked at again. */
export interface Stale {
  chats: boolean;
  requests: boolean;
  /** Chats that changed in more than their messages. */
  named: Set<LogId>;
  /** Messages that are new or changed, by chat. */
  messages: Map<LogId, Set<EntryId>>;
}

export class Refetch {
  private stale = nothing();
  private planned = false;
  private running = false;

  constructor(
    private readonly look: (stale: Stale) => Promise<void>,
    private readonly after: (ms: number, act: () => void) => void,
  ) {}

  note(event: Event): void {
    if ('Message' in event) this.noteMessage(event.Message.chat, event.Message.message);
    else if ('Mention' in event) this.noteMessage(event.Mention.chat, event.Mention.message);
    else if ('Chat' in event) this.noteChat(event.Chat);
    else if ('JoinRequest' in event) this.noteChat(event.JoinRequest.chat);
    else if ('Request' in event) this.stale.requests = true;
    else return;
    this.plan();
  }

  private noteChat(chat: LogId): void {
    this.stale.chats = true;
    this.stale.named.add(chat);
  }

  private noteMessage(chat: LogId, message: EntryId): void {
    // Its chat's unread count changes with it.
    this.stale.chats = true;
    const known = this.stale.messages.get(chat);
    if (known === undefined) this.stale.messages.set(chat, new Set([message]));
    else known.add(message);
  }

  private plan(): void {
    if (this.planned || this.running) return;
    this.planned = true;
    this.after(GATHER_MS, () => void this.run());
  }

  private async run(): Promise<void> {
    this.planned = false;
    this.running = true;
    const stale = this.stale;
    this.stale = nothing();
    try {
      await this.look(stale);
    } finally {
      this.running = false;
      if (!isNothing(this.stale)) this.plan();
    }
  }
}

function nothing(): Stale {
  return { chats: false, requests: false, named: new Set(), messages: new Map() };
}

function isNothing(stale: Stale): boolean {
  return !stale.chats && !stale.requests && stale.messages.size === 0;
}
