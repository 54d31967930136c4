// What all intents lean on: the state, the door, and a way to tell a person what came of something.

import { type Door, Failure } from '../bridge/calls';
import type { Drafts } from '../bridge/drafts';
import type { Notice } from '../bridge/notify';
import type { Settings } from '../bridge/settings';
import type { Answer, Ask, Command, Outcome, Reply } from '../bridge/types';
import { t } from '../text/text';
import { apply, type Change } from './apply';
import { coreWords } from './core-words';
import { Intents, Refused } from './intents';
import { withPlainNames } from './plain-words';
import { initialState, type State } from './state';

/** What is around the model; faked in tests. */
export interface Around {
  door: Door;
  drafts: Drafts;
  saveSettings(settings: Settings): void;
  notify(notice: Notice, onOpen: () => void): void;
  /** Hands a file to the person, who says where it is to lie. */
  saveFile(name: string, content: Blob): void;
  after(ms: number, act: () => void): void;
  now(): number;
  /** Whether a person can see this tab. */
  isSeen(): boolean;
}

const TOAST_MS = 6000;
/** How long a form waits for the server. */
const PATIENCE_MS = 5000;

/** All names of a union of one-key objects. */
type KeyOf<T> = T extends object ? keyof T : never;
type ValueOf<T, K extends PropertyKey> = T extends { [key in K]: infer V } ? V : never;

export class Context {
  state: State;
  readonly intents: Intents;
  private readonly listeners = new Set<(state: State) => void>();
  private toastNumber = 0;

  constructor(
    readonly around: Around,
    settings: Settings,
  ) {
    this.state = { ...initialState, settings };
    this.intents = new Intents(around.door);
  }

  subscribe(listener: (state: State) => void): () => void {
    this.listeners.add(listener);
    listener(this.state);
    return () => void this.listeners.delete(listener);
  }

  apply(change: Change): void {
    const next = apply(this.state, change);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener(next);
  }

  set(values: Partial<State>): void {
    this.apply({ kind: 'set', values });
  }

  /** Asks for one kind of answer. */
  async ask<K extends KeyOf<Answer> & string>(kind: K, ask: Ask): Promise<ValueOf<Answer, K>> {
    const answer = withPlainNames(await this.around.door.ask(ask));
    if (!(kind in answer)) throw new Error(`asked for ${kind}, was answered otherwise`);
    return (answer as Record<K, ValueOf<Answer, K>>)[kind];
  }

  /** Has something done, and returns once it is kept; what becomes of it is told by `whenDone`. */
  async change(command: Command, whenDone?: (outcome: Outcome) => void): Promise<void> {
    const reply = await this.ask('Reply', { Do: command });
    if (reply === 'Done') return whenDone?.('Done');
    void this.intents.outcome(intentOf(reply)).then(whenDone, (error: unknown) => this.complain(error));
  }

  /**
   * As `change`, for who waits at a form: the words of a refusal, or nothing once it is done. Where there is
   * no server, or it takes long, nobody waits: it is kept, and what becomes of it is told.
   */
  async tryChange(command: Command, whenDone?: (outcome: Outcome) => void): Promise<string | null> {
    try {
      const reply = await this.ask('Reply', { Do: command });
      const outcome = reply === 'Done' ? Promise.resolve(reply) : this.intents.outcome(intentOf(reply));
      return await this.patiently(outcome.then(whenDone));
    } catch (error) {
      return wordsOf(error);
    }
  }

  private patiently(work: Promise<void>): Promise<string | null> {
    return new Promise((resolve) => {
      let waits = true;
      const answer = (words: string | null) => {
        waits = false;
        resolve(words);
      };
      if (this.state.connection === 'Live') this.around.after(PATIENCE_MS, () => answer(null));
      else answer(null);
      work.then(
        () => answer(null),
        (error: unknown) => (waits ? answer(wordsOf(error)) : this.complain(error)),
      );
    });
  }

  /** Runs what nobody waits for; a failure is told. */
  run(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.complain(error));
  }

  complain(error: unknown): void {
    // The whole page says so already.
    if (error instanceof Failure && error.reason.kind === 'outdated') return;
    this.toast(wordsOf(error), 'error');
  }

  toast(text: string, kind: 'info' | 'error' = 'info'): void {
    const id = ++this.toastNumber;
    this.apply({ kind: 'toast', toast: { id, text, kind } });
    this.around.after(kind === 'error' ? 2 * TOAST_MS : TOAST_MS, () => {
      this.apply({ kind: 'toast-over', id });
    });
  }
}

export function intentOf(reply: Exclude<Reply, 'Done'>): number {
  return 'Intent' in reply ? reply.Intent : reply.Message.intent;
}

/** A failure in words for a person. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refused) return coreWords(error.message);
  if (!(error instanceof Failure)) return error instanceof Error ? error.message : String(error);
  const { reason } = error;
  switch (reason.kind) {
    case 'refused':
      return coreWords(reason.words);
    case 'broken':
      return t('failedBroken', { words: coreWords(reason.words) });
    case 'interrupted':
      return t('failedInterrupted');
    case 'outdated':
      return t('outdated');
  }
}
