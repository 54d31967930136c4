// One tab owns the store; the others ask through it, and one of them takes over when it closes.
//
// Who holds the lock owns the store. The lock goes with its tab however that ends, so no heartbeat is needed.

import {
  type Call,
  type Door,
  Failure,
  type FromWorker,
  mayRepeat,
  type Passphrases,
  type Reason,
  type Result,
  type Standing,
  type Tidings,
  type ToWorker,
  type Value,
} from './calls';
import type { Answer } from './types';

/** What tabs tell each other. */
export type Between =
  /** A tab has come, or answers one of another release. */
  | { kind: 'hello' | 'here'; tab: string; build: string }
  /** The owner says how the store stands. */
  | { kind: 'owner'; tab: string; build: string; standing: Standing }
  | { kind: 'call'; to: string; from: string; build: string; id: number; call: Call }
  /** The owner began to work on a call: from here on it may have been done. */
  | { kind: 'taken'; to: string; from: string; id: number }
  /** The owner is about to close. */
  | { kind: 'leaving'; tab: string; build: string }
  | { kind: 'result'; to: string; id: number; result: Result }
  | { kind: 'tidings'; tab: string; build: string; tidings: Tidings }
  /** A person gave the passphrase in a tab that does not own the store. */
  | { kind: 'unlock'; to: string; build: string; passphrase: string }
  | { kind: 'seen'; tab: string; on: boolean };

export interface Channel {
  send(message: Between): void;
  hear(act: (message: Between) => void): void;
}

export interface WorkerWire {
  send(message: ToWorker): void;
  hear(act: (message: FromWorker) => void): void;
  end(): void;
}

export interface Parts {
  tab: string;
  build: string;
  /** Whether the release `one` is older than `other`. */
  isOlder(one: string, other: string): boolean;
  channel: Channel;
  /** Waits for the one lock, holds it until the promise of `hold` settles. */
  lock(hold: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Starts the worker and sends it what it opens with. */
  start(): Promise<WorkerWire>;
}

interface Waiting {
  call: Call;
  /** The owner that began to work on it. */
  takenBy: string | null;
  resolve(value: Value): void;
  reject(failure: Failure): void;
}

export class SharedStore implements Door {
  private owner: string | null = null;
  private standing: Standing = { kind: 'opening' };
  private worker: WorkerWire | null = null;
  /** Whether this tab is about to close. */
  private left = false;
  private readonly waiting = new Map<number, Waiting>();
  /** Calls that the worker works on, and whose they are. */
  private readonly served = new Map<number, { tab: string; id: number }>();
  /** Calls of other tabs that came before the worker was open. */
  private early: { tab: string; id: number; call: Call }[] = [];
  private readonly tabsSeen = new Set<string>();
  private number = 0;
  private freeLock: (() => void) | null = null;
  private readonly wants = new AbortController();
  private tellTidings: ((tidings: Tidings) => void)[] = [];
  private tellStanding: ((standing: Standing) => void)[] = [];

  constructor(private readonly parts: Parts) {
    parts.channel.hear((message) => this.heard(message));
    this.say({ kind: 'hello', tab: parts.tab, build: parts.build });
    parts.lock(() => this.own(), this.wants.signal).catch((error: unknown) => {
      if (!this.wants.signal.aborted) this.stand({ kind: 'broken', words: String(error) });
    });
  }

  async ask(ask: Extract<Call, { ask: unknown }>['ask']): Promise<Answer> {
    return (await this.call({ ask })) as Answer;
  }

  async sendFile(chat: string, text: string, reply_to: string | null, file: File): Promise<Answer> {
    return (await this.call({ sendFile: { chat, text, reply_to, file } })) as Answer;
  }

  async filePart(chat: string, message: string, index: number): Promise<Uint8Array | null> {
    return (await this.call({ part: { chat, message, index } })) as Uint8Array | null;
  }

  unlock(passphrase: string): void {
    const { tab, build } = this.parts;
    if (this.owner === tab) this.worker?.send({ unlock: passphrase });
    else if (this.owner !== null) this.say({ kind: 'unlock', to: this.owner, build, passphrase });
  }

  async isLocked(): Promise<boolean> {
    return (await this.call('isLocked')) === true;
  }

  async lock(passphrases: Passphrases): Promise<void> {
    await this.call({ lock: passphrases });
  }

  onTidings(act: (tidings: Tidings) => void): void {
    this.tellTidings.push(act);
  }

  onStanding(act: (standing: Standing) => void): void {
    this.tellStanding.push(act);
    act(this.standing);
  }

  online(on: boolean): void {
    this.worker?.send({ online: on });
  }

  seen(on: boolean): void {
    this.noteSeen(this.parts.tab, on);
    // A machine that slept may hold a connection that is gone.
    if (on) this.online(true);
    this.say({ kind: 'seen', tab: this.parts.tab, on });
  }

  mayNotify(): boolean {
    return this.owner === this.parts.tab && this.tabsSeen.size === 0;
  }

  letGo(): void {
    this.worker?.end();
    this.worker = null;
    this.stand({ kind: 'outdated' });
    this.freeLock?.();
    this.wants.abort();
  }

  leave(): void {
    this.left = true;
    // Whoever asked asks the next owner.
    this.early = [];
    const { tab, build } = this.parts;
    if (this.owner === tab) this.say({ kind: 'leaving', tab, build });
  }

  stay(): void {
    if (!this.left) return;
    this.left = false;
    const { tab, build } = this.parts;
    if (this.owner === tab) this.say({ kind: 'owner', tab, build, standing: this.standing });
  }

  private call(call: Call): Promise<Value> {
    return new Promise((resolve, reject) => {
      const over = this.overReason();
      if (over !== null) return reject(new Failure(over));
      const id = ++this.number;
      this.waiting.set(id, { call, takenBy: null, resolve, reject });
      this.dispatch(id);
    });
  }

  private overReason(): Reason | null {
    if (this.standing.kind === 'outdated') return { kind: 'outdated' };
    if (this.standing.kind === 'broken') return { kind: 'broken', words: this.standing.words };
    return null;
  }

  private dispatch(id: number): void {
    const waiting = this.waiting.get(id);
    if (waiting === undefined || this.owner === null) return;
    const { tab, build } = this.parts;
    if (this.owner === tab) {
      // Before the worker is open, it waits without having been sent.
      if (this.worker === null || this.standing.kind !== 'open') return;
      waiting.takenBy = tab;
      this.serve(tab, id, waiting.call);
    } else {
      this.say({ kind: 'call', to: this.owner, from: tab, build, id, call: waiting.call });
    }
  }

  private serve(tab: string, id: number, call: Call): void {
    const number = ++this.number;
    this.served.set(number, { tab, id });
    if (tab !== this.parts.tab) this.say({ kind: 'taken', to: tab, from: this.parts.tab, id });
    this.worker?.send({ call: number, of: call });
  }

  private settle(id: number, result: Result): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (waiting === undefined) return;
    if ('value' in result) return waiting.resolve(result.value);
    const { trouble } = result;
    waiting.reject(
      new Failure(
        'Refused' in trouble
          ? { kind: 'refused', words: trouble.Refused }
          : { kind: 'broken', words: trouble.Broken },
      ),
    );
  }

  // This tab has the lock.
  private async own(): Promise<void> {
    if (this.standing.kind === 'outdated') return;
    const over = new Promise<void>((resolve) => {
      this.freeLock = resolve;
    });
    this.setOwner(this.parts.tab);
    this.stand({ kind: 'opening' });
    try {
      const worker = await this.parts.start();
      // A newer release may have come while the worker started.
      if (this.wants.signal.aborted) return worker.end();
      this.worker = worker;
      worker.hear((message) => this.heardWorker(message));
    } catch (error) {
      this.stand({ kind: 'broken', words: error instanceof Error ? error.message : String(error) });
    }
    return over;
  }

  private heardWorker(message: FromWorker): void {
    if ('answered' in message) this.answered(message.answered, message.result);
    else if ('tidings' in message) this.shareTidings(message.tidings);
    else if ('opened' in message) this.opened(message.opened);
    else if ('locked' in message) this.stand({ kind: 'locked', tries: message.locked });
    else this.stand({ kind: 'broken', words: message.failed });
  }

  private opened(storage: 'kept' | 'memory'): void {
    this.stand({ kind: 'open', storage, mine: true });
    for (const id of this.waiting.keys()) this.dispatch(id);
    const early = this.early;
    this.early = [];
    for (const { tab, id, call } of early) this.serve(tab, id, call);
  }

  private answered(number: number, result: Result): void {
    const whose = this.served.get(number);
    this.served.delete(number);
    if (whose === undefined) return;
    if (whose.tab === this.parts.tab) this.settle(whose.id, result);
    else this.say({ kind: 'result', to: whose.tab, id: whose.id, result });
  }

  private shareTidings(tidings: Tidings): void {
    const { tab, build } = this.parts;
    this.say({ kind: 'tidings', tab, build, tidings });
    for (const tell of this.tellTidings) tell(tidings);
  }

  private heard(message: Between): void {
    if (this.standing.kind === 'outdated') return;
    if ('build' in message && message.build !== this.parts.build) return this.heardOther(message);
    if (message.kind === 'hello') this.answerHello();
    else if (message.kind === 'owner') this.heardOwner(message.tab, message.standing);
    else if (message.kind === 'call') this.heardCall(message);
    else if (message.kind === 'result' && message.to === this.parts.tab) {
      this.settle(message.id, message.result);
    } else if (message.kind === 'taken' && message.to === this.parts.tab) {
      const waiting = this.waiting.get(message.id);
      if (waiting !== undefined) waiting.takenBy = message.from;
    } else if (message.kind === 'unlock' && message.to === this.parts.tab) this.unlock(message.passphrase);
    else if (message.kind === 'leaving') {
      if (message.tab === this.owner) this.owner = null;
    } else if (message.kind === 'tidings' && message.tab === this.owner) {
      for (const tell of this.tellTidings) tell(message.tidings);
    } else if (message.kind === 'seen') this.noteSeen(message.tab, message.on);
  }

  /** A tab of another release: the older one lets go, and never asks the newer one for anything. */
  private heardOther(message: Extract<Between, { build: string }>): void {
    const { tab, build, isOlder } = this.parts;
    if (isOlder(build, message.build)) this.letGo();
    else if (message.kind === 'hello') this.say({ kind: 'here', tab, build });
  }

  private answerHello(): void {
    const { tab, build } = this.parts;
    if (this.tabsSeen.has(tab)) this.say({ kind: 'seen', tab, on: true });
    if (this.owner === tab && !this.left) this.say({ kind: 'owner', tab, build, standing: this.standing });
  }

  private heardOwner(tab: string, standing: Standing): void {
    if (this.owner === this.parts.tab) return;
    this.setOwner(tab);
    this.stand(standing.kind === 'open' ? { ...standing, mine: false } : standing);
  }

  private heardCall(message: Extract<Between, { kind: 'call' }>): void {
    if (message.to !== this.parts.tab || this.owner !== this.parts.tab || this.left) return;
    const { from, id, call } = message;
    if (this.standing.kind === 'open') this.serve(from, id, call);
    else if (this.standing.kind === 'opening' || this.standing.kind === 'locked') this.early.push({ tab: from, id, call });
  }

  /** What waited for another owner is asked again where that one had not begun, or where it is safe. */
  private setOwner(tab: string): void {
    if (this.owner === tab) return;
    this.owner = tab;
    for (const [id, waiting] of [...this.waiting]) {
      // It stayed, and works on it still.
      if (waiting.takenBy === tab) continue;
      if (waiting.takenBy !== null && !mayRepeat(waiting.call)) this.fail(id, { kind: 'interrupted' });
      else this.dispatch(id);
    }
  }

  private stand(standing: Standing): void {
    this.standing = standing;
    const { tab, build } = this.parts;
    if (this.owner === tab && !this.left && standing.kind !== 'outdated') {
      this.say({ kind: 'owner', tab, build, standing });
    }
    const over = this.overReason();
    if (over !== null) for (const id of [...this.waiting.keys()]) this.fail(id, over);
    for (const tell of this.tellStanding) tell(standing);
  }

  private fail(id: number, reason: Reason): void {
    this.waiting.get(id)?.reject(new Failure(reason));
    this.waiting.delete(id);
  }

  private noteSeen(tab: string, on: boolean): void {
    if (on) this.tabsSeen.add(tab);
    else this.tabsSeen.delete(tab);
  }

  private say(message: Between): void {
    this.parts.channel.send(message);
  }
}
