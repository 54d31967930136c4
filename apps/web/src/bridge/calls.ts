// What goes between a page, the other tabs and the worker.

import type { Answer, Ask, EntryId, LogId, News, Trouble } from './types';

/** What is wanted of the worker. */
export type Call =
  | { ask: Ask }
  // Staged and sent in one step, because the number of a staged file means nothing to another worker.
  | { sendFile: { chat: LogId; text: string; reply_to: EntryId | null; file: File } }
  | { part: { chat: LogId; message: EntryId; index: number } }
  /** Whether a passphrase opens the history. Answered with yes or no. */
  | 'isLocked'
  /** Another passphrase, or none, opens it from now on. Answered with nothing. */
  | { lock: Passphrases };

export interface Passphrases {
  /** The one that opens it now. */
  current: string | null;
  next: string | null;
}

/** What a call is answered with. */
export type Value = Answer | Uint8Array | boolean | null;

/** What comes of a call. */
export type Result = { value: Value } | { trouble: Trouble };

/** Whether the history outlives the page. */
export type Storage = 'kept' | 'memory';

/** The account's server is not the one that this page may speak with. */
export interface Elsewhere {
  server: string;
}

export type Tidings = News | { Elsewhere: Elsewhere };

export interface PagePlace {
  /** Whether the page came by https. */
  secure: boolean;
  /** `host` or `host:port`, as in the address bar. */
  host: string;
  /** The address that this page's own server put into it, where it did. */
  server: string | null;
}

/** What the worker opens with. */
export interface Opening {
  /** Of the database. */
  name: string;
  /** Whether the browser can keep a key, and sees to it that one tab alone opens the database. */
  keeps: boolean;
  /** Whether a history was kept in this browser before: it is never taken for none. */
  keptBefore: boolean;
  page: PagePlace;
}

export type ToWorker =
  | { open: Opening }
  | { call: number; of: Call }
  | { online: boolean }
  /** A person gave this passphrase. */
  | { unlock: string };

export type FromWorker =
  | { opened: Storage }
  /** It waits for the passphrase; how many were given that are wrong. */
  | { locked: number }
  | { failed: string }
  | { answered: number; result: Result }
  | { tidings: Tidings };

/** How the store stands, for the tab that asks. */
export type Standing =
  | { kind: 'opening' }
  /** Only a passphrase opens it; how many were given that are wrong. */
  | { kind: 'locked'; tries: number }
  | { kind: 'open'; storage: Storage; mine: boolean }
  /** A newer release is open in another tab; this one lets go of the store. */
  | { kind: 'outdated' }
  | { kind: 'broken'; words: string };

/** Why a call came to nothing. */
export type Reason =
  | { kind: 'refused'; words: string }
  | { kind: 'broken'; words: string }
  /** The tab that owned the store closed before it said what came of a change. */
  | { kind: 'interrupted' }
  | { kind: 'outdated' };

export class Failure extends Error {
  constructor(readonly reason: Reason) {
    super('words' in reason ? reason.words : reason.kind);
  }
}

/** Whether a call may be made again where nobody knows what came of it. */
export function mayRepeat(call: Call): boolean {
  if (call === 'isLocked' || 'part' in call) return true;
  if ('sendFile' in call || 'lock' in call) return false;
  const ask = call.ask;
  if (typeof ask === 'string' || !('Do' in ask)) return true;
  return 'MarkRead' in ask.Do || 'Typing' in ask.Do || 'Download' in ask.Do;
}

/** The one door to the store, whichever tab owns it. */
export interface Door {
  ask(ask: Ask): Promise<Answer>;
  sendFile(chat: LogId, text: string, reply_to: EntryId | null, file: File): Promise<Answer>;
  /** A part of a file that lies in the database; nothing behind its end. */
  filePart(chat: LogId, message: EntryId, index: number): Promise<Uint8Array | null>;
  /** Opens a locked history; how that ends is told as its standing. */
  unlock(passphrase: string): void;
  /** Whether a passphrase opens the history. */
  isLocked(): Promise<boolean>;
  /** Sets, changes or takes away the passphrase. Refused where `current` is not the one that opens it now. */
  lock(passphrases: Passphrases): Promise<void>;
  onTidings(act: (tidings: Tidings) => void): void;
  onStanding(act: (standing: Standing) => void): void;
  /** What the browser says of the network. */
  online(on: boolean): void;
  /** Whether a person can see this tab. */
  seen(on: boolean): void;
  /** Whether this tab is the one that calls for attention: it owns the store, and no tab is seen. */
  mayNotify(): boolean;
  /** A newer release takes over: this tab lets the store go and asks it for nothing any more. */
  letGo(): void;
  /** This tab is about to close: where it owns the store, the others wait for the next owner. */
  leave(): void;
  /** It did not close after all. */
  stay(): void;
}
