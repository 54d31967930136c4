// Drives the core: what it wants to send goes out, what comes is handed to it, one piece at a time, so that
// what a person asks in between is answered first.

import { BackOff } from './back-off';
import type { Call, Elsewhere, Result, Tidings } from './calls';
import type { Core, ReadPart } from './load-core';
import type { Answer, News, Trouble } from './types';

/** The longest wait for a WebSocket to open. */
const OPEN_WITHIN_MS = 20_000;
/** A connection on which nothing came for so long may be gone, where the machine slept or changed networks. */
const HEARD_WITHIN_MS = 25_000;

export interface Socket {
  send(bytes: Uint8Array): void;
  close(): void;
}

export interface Hears {
  opened(): void;
  received(bytes: Uint8Array): void;
  gone(): void;
}

/** What is around the core; faked in tests. */
export interface Surroundings {
  dial(address: string, hears: Hears): Socket | Elsewhere;
  /** Calls later; what is returned calls that off. */
  after(ms: number, act: () => void): () => void;
  /** Calls as soon as what already waits has had its turn. */
  soon(act: () => void): void;
  random(): number;
  /** Milliseconds since some moment. */
  now(): number;
  tell(tidings: Tidings): void;
  /** The core is of no use any more. */
  broke(words: string): void;
}

export class Engine {
  private readonly backOff = new BackOff();
  private readonly incoming: Uint8Array[] = [];
  private socket: Socket | null = null;
  private open = false;
  /** When something came last. */
  private heardAt = 0;
  /** The number of the socket of which something is heard; others are past. */
  private dialled = 0;
  /** Whether a turn is taken already for what has come. */
  private taking = false;
  private ticking: (() => void) | null = null;
  private redial: (() => void) | null = null;
  /** The address of which the server cannot be reached, so that trying again is of no use. */
  private givenUp: string | undefined = undefined;
  private broken = false;

  constructor(
    private readonly core: Core,
    private readonly around: Surroundings,
  ) {}

  start(): void {
    this.guard(() => undefined);
  }

  /** Answers at once, before anything more is received. */
  call(call: Extract<Call, { ask: unknown } | { part: unknown }>): Result {
    return this.answer(() => {
      if ('ask' in call) return JSON.parse(this.core.ask(JSON.stringify(call.ask))) as Answer;
      return this.core.file_part(call.part.chat, call.part.message, call.part.index) ?? null;
    });
  }

  sendFile(call: Extract<Call, { sendFile: unknown }>['sendFile'], read: ReadPart): Result {
    return this.answer(() => {
      const { name, type, size } = call.file;
      const staged = this.core.stage_file(name, type, size, read);
      const { chat, text, reply_to } = call;
      return JSON.parse(
        this.core.ask(JSON.stringify({ SendFile: { chat, text, reply_to, staged } })),
      ) as Answer;
    });
  }

  /** The network is there, or somebody looks at the page again. */
  online(on: boolean): void {
    if (!on) return;
    if (this.socket !== null) {
      if (this.around.now() - this.heardAt < HEARD_WITHIN_MS) return;
      this.gone();
    }
    this.backOff.reset();
    this.redial?.();
    this.redial = null;
    this.guard(() => undefined);
  }

  private answer(act: () => Answer | Uint8Array | null): Result {
    if (this.broken) return { trouble: { Broken: '' } };
    try {
      const value = act();
      this.pump();
      return { value };
    } catch (error) {
      const trouble = troubleOf(error);
      if ('Broken' in trouble) this.fail(trouble.Broken);
      else this.pump();
      return { trouble };
    }
  }

  /** Acts on the core, then sees to all that came of it. */
  private guard(act: () => void): void {
    if (this.broken) return;
    try {
      act();
      this.pump();
    } catch (error) {
      const trouble = troubleOf(error);
      this.fail('Broken' in trouble ? trouble.Broken : trouble.Refused);
    }
  }

  private fail(words: string): void {
    this.broken = true;
    this.dropSocket();
    this.ticking?.();
    this.redial?.();
    this.around.broke(words);
  }

  private pump(): void {
    for (let out = this.core.outgoing(); out !== undefined; out = this.core.outgoing()) {
      if (this.open) this.socket?.send(out);
    }
    for (let news = this.core.news(); news !== undefined; news = this.core.news()) {
      this.pass(JSON.parse(news) as News);
    }
    if (this.core.hangs_up() && this.socket !== null) {
      this.dropSocket();
      this.core.disconnected();
      this.dialLater();
      this.pump();
      return;
    }
    this.planTick();
    if (this.socket === null && this.redial === null) this.dialNow();
  }

  private pass(news: News): void {
    if ('Unreachable' in news && !news.Unreachable.again) this.givenUp = this.core.address();
    this.around.tell(news);
  }

  private planTick(): void {
    this.ticking?.();
    this.ticking = null;
    const wait = this.core.wake_in();
    if (wait === undefined) return;
    this.ticking = this.around.after(Math.max(0, wait), () => {
      this.ticking = null;
      this.guard(() => this.core.tick());
      this.takeSoon();
    });
  }

  private dialNow(): void {
    const address = this.core.address();
    if (address === undefined || address === this.givenUp) return;
    const number = ++this.dialled;
    const current = (act: () => void) => () => {
      if (number === this.dialled) act();
    };
    const dialled = this.around.dial(address, {
      opened: current(() => this.opened()),
      received: (bytes) => {
        if (number === this.dialled) this.received(bytes);
      },
      gone: current(() => this.gone()),
    });
    if ('server' in dialled) {
      this.givenUp = address;
      this.around.tell({ Elsewhere: dialled });
      return;
    }
    this.socket = dialled;
    this.heardAt = this.around.now();
    this.around.after(OPEN_WITHIN_MS, current(() => {
      if (!this.open) this.gone();
    }));
  }

  private opened(): void {
    this.open = true;
    this.heardAt = this.around.now();
    this.guard(() => this.core.connected());
  }

  private received(bytes: Uint8Array): void {
    this.heardAt = this.around.now();
    this.incoming.push(bytes);
    this.takeSoon();
  }

  private takeSoon(): void {
    if (this.taking || this.incoming.length === 0 || this.core.is_busy()) return;
    this.taking = true;
    this.around.soon(() => this.takeNext());
  }

  private takeNext(): void {
    this.taking = false;
    const bytes = this.incoming.shift();
    if (bytes === undefined) return;
    // The server has answered: the way is good.
    this.backOff.reset();
    this.guard(() => this.core.received(bytes));
    this.takeSoon();
  }

  private gone(): void {
    const wasOpen = this.open;
    this.dropSocket();
    this.dialLater();
    this.guard(() => {
      if (wasOpen) this.core.disconnected();
    });
  }

  private dropSocket(): void {
    const socket = this.socket;
    this.dialled += 1;
    this.socket = null;
    this.open = false;
    this.incoming.length = 0;
    socket?.close();
  }

  private dialLater(): void {
    this.redial?.();
    this.redial = this.around.after(this.backOff.nextMs(this.around.random()), () => {
      this.redial = null;
      this.guard(() => undefined);
    });
  }
}

/** What the core threw. Whatever is not its own language is a fault in the program. */
export function troubleOf(error: unknown): Trouble {
  if (typeof error === 'string') {
    try {
      const trouble = JSON.parse(error) as Trouble;
      if (typeof trouble === 'object' && trouble !== null && ('Refused' in trouble || 'Broken' in trouble)) {
        return trouble;
      }
    } catch {
      return { Broken: error };
    }
  }
  return { Broken: error instanceof Error ? error.message : String(error) };
}
