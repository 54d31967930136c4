import { beforeEach, describe, expect, test } from 'vitest';
import type { Elsewhere, Tidings } from './calls';
import { Engine, type Hears, type Socket, type Surroundings, troubleOf } from './engine';
import { FakeCore } from './fake/core';

class Around implements Surroundings {
  sockets: { hears: Hears; sent: Uint8Array[]; closed: boolean }[] = [];
  timers: { ms: number; act: () => void; off: boolean }[] = [];
  turns: (() => void)[] = [];
  told: Tidings[] = [];
  brokeWith: string[] = [];
  elsewhere: Elsewhere | null = null;

  dial(_address: string, hears: Hears): Socket | Elsewhere {
    if (this.elsewhere !== null) return this.elsewhere;
    const socket = { hears, sent: [] as Uint8Array[], closed: false };
    this.sockets.push(socket);
    return {
      send: (bytes) => void socket.sent.push(bytes),
      close: () => {
        socket.closed = true;
      },
    };
  }
  after(ms: number, act: () => void): () => void {
    const timer = { ms, act, off: false };
    this.timers.push(timer);
    return () => {
      timer.off = true;
    };
  }
  soon(act: () => void): void {
    this.turns.push(act);
  }
  random(): number {
    return 0.5;
  }
  time = 0;
  now(): number {
    return this.time;
  }
  tell(tidings: Tidings): void {
    this.told.push(tidings);
  }
  broke(words: string): void {
    this.brokeWith.push(words);
  }

  /** Lets the timers run that are up within so many milliseconds. */
  pass(ms: number): void {
    const due = this.timers.filter((timer) => !timer.off && timer.ms <= ms);
    for (const timer of due) {
      timer.off = true;
      timer.act();
    }
  }
  turn(): void {
    this.turns.shift()?.();
  }
  get last() {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('nothing was dialled');
    return socket;
  }
}

let core: FakeCore;
let around: Around;
let engine: Engine;

beforeEach(() => {
  core = new FakeCore();
  around = new Around();
  engine = new Engine(core, around);
});

const bytes = (...values: number[]) => new Uint8Array(values);

describe('the socket', () => {
  test('is dialled at start and after an account got a server, not before', () => {
    core.server = undefined;
    engine.start();
    expect(around.sockets).toHaveLength(0);
    core.server = 'localhost:1/aaaa';
    engine.call({ ask: 'Me' });
    expect(around.sockets).toHaveLength(1);
  });

  test('takes what the core wants to send, in order, once it is open', () => {
    engine.start();
    core.out.push(bytes(1), bytes(2));
    around.last.hears.opened();
    expect(core.told).toEqual(['connected']);
    expect(around.last.sent).toEqual([bytes(1), bytes(2)]);
  });

  test('is dialled again after longer and longer waits, until the server answers', () => {
    engine.start();
    around.last.hears.gone();
    expect(around.sockets).toHaveLength(1);
    around.pass(400);
    expect(around.sockets).toHaveLength(2);
    around.last.hears.gone();
    around.pass(400);
    expect(around.sockets).toHaveLength(2);
    around.pass(800);
    expect(around.sockets).toHaveLength(3);
    around.last.hears.opened();
    around.last.hears.received(bytes(1));
    around.turn();
    around.last.hears.gone();
    around.pass(400);
    expect(around.sockets).toHaveLength(4);
  });

  test('tells the core that it is gone only when it was open', () => {
    engine.start();
    around.last.hears.gone();
    expect(core.told).toEqual([]);
    around.pass(400);
    around.last.hears.opened();
    around.last.hears.gone();
    expect(core.told).toEqual(['connected', 'disconnected']);
  });

  test('is given up where it does not open', () => {
    engine.start();
    around.pass(20_000);
    expect(around.sockets[0]?.closed).toBe(true);
  });

  test('is closed and dialled again when the core hangs up; nothing of the old one is heard', () => {
    engine.start();
    const old = around.last;
    old.hears.opened();
    old.hears.received(bytes(1));
    core.wantsToHangUp = true;
    engine.call({ ask: 'Me' });
    expect(old.closed).toBe(true);
    expect(core.told.at(-1)).toBe('disconnected');
    old.hears.received(bytes(2));
    around.turn();
    old.hears.gone();
    expect(core.told.filter((line) => line.startsWith('received'))).toEqual([]);
    around.pass(400);
    expect(around.sockets).toHaveLength(2);
  });

  test('is dialled at once when the network is back', () => {
    engine.start();
    around.last.hears.gone();
    engine.online(false);
    expect(around.sockets).toHaveLength(1);
    engine.online(true);
    expect(around.sockets).toHaveLength(2);
    around.pass(400);
    expect(around.sockets).toHaveLength(2);
  });

  test('is not dialled any more when that is of no use, and says why once', () => {
    engine.start();
    core.tidings.push({ Unreachable: { words: 'too old', again: false } });
    around.last.hears.opened();
    around.last.hears.gone();
    around.pass(60_000);
    expect(around.sockets).toHaveLength(1);

    const other = new Around();
    other.elsewhere = { server: 'other.example:443' };
    const lost = new Engine(new FakeCore(), other);
    lost.start();
    lost.call({ ask: 'Me' });
    expect(other.told).toEqual([{ Elsewhere: { server: 'other.example:443' } }]);
  });

  test('is dialled after all when the account has another server', () => {
    around.elsewhere = { server: 'other.example:443' };
    engine.start();
    around.elsewhere = null;
    engine.call({ ask: 'Me' });
    expect(around.sockets).toHaveLength(0);
    core.server = 'localhost:1/bbbb';
    engine.call({ ask: 'Me' });
    expect(around.sockets).toHaveLength(1);
  });
});

describe('what comes', () => {
  test('is taken one piece a turn, so that a question gets in between', () => {
    engine.start();
    around.last.hears.opened();
    around.last.hears.received(bytes(1));
    around.last.hears.received(bytes(2));
    around.turn();
    engine.call({ ask: 'Chats' });
    around.turn();
    expect(core.told).toEqual(['connected', 'received 1', 'ask "Chats"', 'received 2']);
  });

  test('news go out after each piece', () => {
    engine.start();
    core.onReceived = () => core.tidings.push({ Event: { Chat: 'c' } });
    around.last.hears.received(bytes(1));
    around.turn();
    expect(around.told).toEqual([{ Event: { Chat: 'c' } }]);
  });
});

describe('time', () => {
  test('the core is woken when it wants, by one timer', () => {
    core.server = undefined;
    core.wake = 900;
    engine.start();
    engine.call({ ask: 'Me' });
    around.pass(1000);
    expect(core.told.filter((line) => line === 'tick')).toEqual(['tick']);
  });
});

describe('trouble', () => {
  test('a refusal is answered, and all goes on', () => {
    engine.start();
    core.trouble = { Refused: 'no such chat' };
    expect(engine.call({ ask: 'Me' })).toEqual({ trouble: { Refused: 'no such chat' } });
    core.trouble = null;
    expect(engine.call({ ask: 'Me' })).toEqual({ value: { Text: '"Me"' } });
    expect(around.brokeWith).toEqual([]);
  });

  test('a broken core is left alone', () => {
    engine.start();
    core.trouble = { Broken: 'disk' };
    engine.call({ ask: 'Me' });
    expect(around.brokeWith).toEqual(['disk']);
    core.told.length = 0;
    expect(engine.call({ ask: 'Me' })).toEqual({ trouble: { Broken: '' } });
    around.pass(60_000);
    expect(core.told).toEqual([]);
    expect(around.last.closed).toBe(true);
  });

  test('what is not the core’s language is a fault', () => {
    expect(troubleOf('{"Refused":"x"}')).toEqual({ Refused: 'x' });
    expect(troubleOf('unreachable')).toEqual({ Broken: 'unreachable' });
    expect(troubleOf(new Error('trap'))).toEqual({ Broken: 'trap' });
    expect(troubleOf('null')).toEqual({ Broken: 'null' });
  });
});

test('a file is staged and sent in one step', () => {
  engine.start();
  const file = new File(['abc'], 'a.txt', { type: 'text/plain' });
  engine.sendFile({ chat: 'c', text: 't', reply_to: null, file }, (offset, length) => bytes(1, 2, 3).slice(offset, length));
  expect(core.told).toEqual([
    'stage a.txt text/plain 3',
    'ask {"SendFile":{"chat":"c","text":"t","reply_to":null,"staged":7}}',
  ]);
});

test('while the core is busy, no more is given to it', () => {
  engine.start();
  around.last.hears.opened();
  core.busy = true;
  around.last.hears.received(bytes(1));
  around.last.hears.received(bytes(2));
  around.turn();
  expect(core.told).not.toContain('received 1');
  core.wake = 0;
  engine.start();
  core.busy = false;
  around.pass(0);
  around.turn();
  around.turn();
  expect(core.told.filter((told) => told.startsWith('received'))).toEqual(['received 1', 'received 2']);
});

test('a connection that has long been silent is made anew when somebody comes back', () => {
  engine.start();
  around.last.hears.opened();
  around.time = 20_000;
  engine.online(true);
  expect(around.sockets).toHaveLength(1);
  around.last.hears.received(bytes(1));
  around.time = 46_000;
  engine.online(true);
  expect(around.sockets).toHaveLength(2);
  expect(around.sockets[0]?.closed).toBe(true);
  expect(core.told).toContain('disconnected');
});
