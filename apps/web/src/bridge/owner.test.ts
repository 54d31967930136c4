import { beforeEach, describe, expect, test } from 'vitest';
import { Failure, type FromWorker, type Standing, type ToWorker } from './calls';
import { type Between, SharedStore, type WorkerWire } from './owner';
import type { Answer } from './types';

/** A browser: tabs that hear each other, one lock, and the workers that were started. */
class Browser {
  private ears = new Map<string, (message: Between) => void>();
  private queue: { tab: string; hold: () => Promise<void>; signal: AbortSignal }[] = [];
  private holder: string | null = null;
  workers: FakeWorker[] = [];
  startsAfter: Promise<void> = Promise.resolve();

  open(tab: string, build = '1'): Tab {
    const store = new SharedStore({
      tab,
      build,
      isOlder: (one, other) => one < other,
      channel: {
        send: (message) => this.spread(tab, message),
        hear: (act) => void this.ears.set(tab, act),
      },
      lock: (hold, signal) => {
        this.queue.push({ tab, hold, signal });
        queueMicrotask(() => this.grant());
        return Promise.resolve();
      },
      start: () => {
        const worker = new FakeWorker(tab);
        this.workers.push(worker);
        return this.startsAfter.then(() => worker);
      },
    });
    return new Tab(store);
  }

  close(tab: string): void {
    this.ears.delete(tab);
    this.queue = this.queue.filter((wish) => wish.tab !== tab);
    for (const worker of this.workers) if (worker.tab === tab) worker.ended = true;
    if (this.holder === tab) this.release();
  }

  /** It hears nothing any more, and still has the lock. */
  vanish(tab: string): void {
    this.ears.delete(tab);
  }

  worker(): FakeWorker {
    const worker = this.workers.at(-1);
    if (worker === undefined) throw new Error('no worker was started');
    return worker;
  }

  private spread(from: string, message: Between): void {
    for (const [tab, hear] of this.ears) {
      if (tab !== from) queueMicrotask(() => this.ears.get(tab) === hear && hear(structuredClone(message)));
    }
  }

  private grant(): void {
    if (this.holder !== null) return;
    const next = this.queue.shift();
    if (next === undefined) return;
    if (next.signal.aborted) return this.grant();
    this.holder = next.tab;
    void next.hold().then(() => {
      if (this.holder === next.tab) this.release();
    });
  }

  private release(): void {
    this.holder = null;
    this.grant();
  }
}

class FakeWorker implements WorkerWire {
  asked: { number: number; text: string }[] = [];
  passphrases: string[] = [];
  ended = false;
  private act: (message: FromWorker) => void = () => undefined;

  constructor(readonly tab: string) {}
  send(message: ToWorker): void {
    if ('unlock' in message) this.passphrases.push(message.unlock);
    if ('call' in message) this.asked.push({ number: message.call, text: JSON.stringify(message.of) });
  }
  hear(act: (message: FromWorker) => void): void {
    this.act = act;
  }
  end(): void {
    this.ended = true;
  }
  say(message: FromWorker): void {
    if (!this.ended) this.act(message);
  }
  answerAll(value: Answer): void {
    for (const { number } of this.asked.splice(0)) this.say({ answered: number, result: { value } });
  }
}

class Tab {
  standing: Standing = { kind: 'opening' };
  tidings: unknown[] = [];
  constructor(readonly store: SharedStore) {
    store.onStanding((standing) => {
      this.standing = standing;
    });
    store.onTidings((tidings) => this.tidings.push(tidings));
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const me: Answer = { Me: null };
const change = { Do: { Leave: { chat: 'c' } } } as const;

let browser: Browser;
beforeEach(() => {
  browser = new Browser();
});

async function twoTabs(): Promise<[Tab, Tab]> {
  const first = browser.open('a');
  await settle();
  browser.worker().say({ opened: 'kept' });
  const second = browser.open('b');
  await settle();
  return [first, second];
}

describe('one tab', () => {
  test('owns the store, and what was asked before it was open is answered then', async () => {
    const tab = browser.open('a');
    const asked = tab.store.ask('Me');
    await settle();
    expect(browser.worker().asked).toEqual([]);
    browser.worker().say({ opened: 'memory' });
    expect(tab.standing).toEqual({ kind: 'open', storage: 'memory', mine: true });
    browser.worker().answerAll(me);
    expect(await asked).toEqual(me);
  });

  test('hears a refusal as a failure with its words', async () => {
    const tab = browser.open('a');
    await settle();
    browser.worker().say({ opened: 'kept' });
    const asked = tab.store.ask('Me');
    const number = browser.worker().asked[0]?.number ?? -1;
    browser.worker().say({ answered: number, result: { trouble: { Refused: 'no' } } });
    await expect(asked).rejects.toMatchObject({ reason: { kind: 'refused', words: 'no' } });
  });

  test('fails what waits and what comes later when the worker breaks', async () => {
    const tab = browser.open('a');
    await settle();
    browser.worker().say({ opened: 'kept' });
    const asked = tab.store.ask('Me');
    browser.worker().say({ failed: 'disk' });
    await expect(asked).rejects.toBeInstanceOf(Failure);
    await expect(tab.store.ask('Me')).rejects.toMatchObject({ reason: { kind: 'broken' } });
  });
});

describe('two tabs', () => {
  test('the second asks through the first, and each gets its own answer', async () => {
    const [first, second] = await twoTabs();
    expect(browser.workers).toHaveLength(1);
    expect(second.standing).toEqual({ kind: 'open', storage: 'kept', mine: false });
    const mine = first.store.ask('Me');
    const theirs = second.store.ask('Chats');
    await settle();
    const [one, other] = browser.worker().asked;
    expect([one?.text, other?.text]).toEqual(['{"ask":"Me"}', '{"ask":"Chats"}']);
    browser.worker().say({ answered: other?.number ?? -1, result: { value: { Chats: [] } } });
    browser.worker().say({ answered: one?.number ?? -1, result: { value: me } });
    expect(await mine).toEqual(me);
    expect(await theirs).toEqual({ Chats: [] });
  });

  test('both hear the news', async () => {
    const [first, second] = await twoTabs();
    browser.worker().say({ tidings: { Event: { Chat: 'c' } } });
    await settle();
    expect(first.tidings).toEqual([{ Event: { Chat: 'c' } }]);
    expect(second.tidings).toEqual([{ Event: { Chat: 'c' } }]);
  });

  test('what a second tab asks while the first still opens is kept', async () => {
    browser.open('a');
    const second = browser.open('b');
    await settle();
    const asked = second.store.ask('Me');
    await settle();
    browser.worker().say({ opened: 'kept' });
    await settle();
    browser.worker().answerAll(me);
    expect(await asked).toEqual(me);
  });

  test('the second takes over: readings are asked again, changes fail in words', async () => {
    const [, second] = await twoTabs();
    const reading = second.store.ask('Me');
    const changing = second.store.ask(change);
    await settle();
    expect(browser.worker().asked).toHaveLength(2);
    browser.close('a');
    await expect(changing).rejects.toMatchObject({ reason: { kind: 'interrupted' } });
    await settle();
    expect(browser.workers).toHaveLength(2);
    browser.worker().say({ opened: 'kept' });
    expect(browser.worker().asked.map(({ text }) => text)).toEqual(['{"ask":"Me"}']);
    browser.worker().answerAll(me);
    expect(await reading).toEqual(me);
  });

  test('a change that the owner never took is made by the next one', async () => {
    const [, second] = await twoTabs();
    browser.vanish('a');
    const changing = second.store.ask(change);
    await settle();
    browser.close('a');
    await settle();
    browser.worker().say({ opened: 'kept' });
    expect(browser.worker().asked).toHaveLength(1);
    browser.worker().answerAll({ Reply: 'Done' });
    expect(await changing).toEqual({ Reply: 'Done' });
  });

  test('a change that came while the owner still opened is made by the next one', async () => {
    browser.open('a');
    const second = browser.open('b');
    await settle();
    const changing = second.store.ask(change);
    await settle();
    browser.close('a');
    await settle();
    browser.worker().say({ opened: 'kept' });
    browser.worker().answerAll({ Reply: 'Done' });
    expect(await changing).toEqual({ Reply: 'Done' });
  });

  test('an owner that leaves is asked for nothing more, until it stays', async () => {
    const [first, second] = await twoTabs();
    const begun = second.store.ask(change);
    await settle();
    first.store.leave();
    await settle();
    const changing = second.store.ask(change);
    await settle();
    expect(browser.worker().asked).toHaveLength(1);
    first.store.stay();
    await settle();
    await settle();
    expect(browser.worker().asked).toHaveLength(2);
    browser.worker().answerAll({ Reply: 'Done' });
    expect(await Promise.all([begun, changing])).toEqual([{ Reply: 'Done' }, { Reply: 'Done' }]);
  });

  test('what is asked after the owner left goes to the next one', async () => {
    const [first, second] = await twoTabs();
    first.store.leave();
    await settle();
    const changing = second.store.ask(change);
    await settle();
    browser.close('a');
    await settle();
    browser.worker().say({ opened: 'kept' });
    browser.worker().answerAll({ Reply: 'Done' });
    expect(await changing).toEqual({ Reply: 'Done' });
  });

  test('a third asks the one that took over', async () => {
    await twoTabs();
    const third = browser.open('c');
    await settle();
    const asked = third.store.ask('Me');
    await settle();
    browser.close('a');
    await settle();
    browser.worker().say({ opened: 'kept' });
    await settle();
    browser.worker().answerAll(me);
    expect(await asked).toEqual(me);
  });

  test('only the owner calls for attention, and only while no tab is seen', async () => {
    const [first, second] = await twoTabs();
    expect([first.store.mayNotify(), second.store.mayNotify()]).toEqual([true, false]);
    second.store.seen(true);
    await settle();
    expect(first.store.mayNotify()).toBe(false);
    second.store.seen(false);
    await settle();
    expect(first.store.mayNotify()).toBe(true);
  });
});

describe('two releases', () => {
  test('the older one lets go of the store before the newer one opens it', async () => {
    const old = browser.open('a', '1');
    await settle();
    browser.worker().say({ opened: 'kept' });
    const asked = old.store.ask('Me');
    const fresh = browser.open('b', '2');
    await expect(asked).rejects.toMatchObject({ reason: { kind: 'outdated' } });
    await settle();
    expect(old.standing.kind).toBe('outdated');
    expect(browser.workers.map(({ tab, ended }) => [tab, ended])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    browser.worker().say({ opened: 'kept' });
    expect(fresh.standing.kind).toBe('open');
  });

  test('a worker that starts while a newer one comes is ended before it opens anything', async () => {
    let start: () => void = () => undefined;
    browser.startsAfter = new Promise((resolve) => {
      start = resolve;
    });
    const old = browser.open('a', '1');
    await settle();
    browser.open('b', '2');
    await settle();
    start();
    await settle();
    expect(old.standing.kind).toBe('outdated');
    expect(browser.workers.map(({ tab, ended }) => [tab, ended])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  test('an older one that waits for the store never asks for it again', async () => {
    browser.open('a', '1');
    await settle();
    browser.open('b', '1');
    await settle();
    browser.open('c', '2');
    await settle();
    expect(browser.workers.map(({ tab }) => tab)).toEqual(['a', 'c']);
  });

  test('an older one that comes later never gets the store, even when the newer one closes', async () => {
    browser.open('a', '2');
    await settle();
    const old = browser.open('b', '1');
    await settle();
    expect(old.standing.kind).toBe('outdated');
    browser.close('a');
    await settle();
    expect(browser.workers).toHaveLength(1);
    await expect(old.store.ask('Me')).rejects.toMatchObject({ reason: { kind: 'outdated' } });
  });
});

describe('a locked history', () => {
  test('is opened from any tab, and the next owner asks again', async () => {
    const browser = new Browser();
    const first = browser.open('first');
    await settle();
    const second = browser.open('second');
    browser.worker().say({ locked: 0 });
    await settle();
    expect([first.standing, second.standing]).toEqual([{ kind: 'locked', tries: 0 }, { kind: 'locked', tries: 0 }]);
    second.store.unlock('wrong');
    await settle();
    expect(browser.worker().passphrases).toEqual(['wrong']);
    browser.worker().say({ locked: 1 });
    await settle();
    expect(second.standing).toEqual({ kind: 'locked', tries: 1 });
    // What is asked meanwhile waits.
    const asked = second.store.ask('Me');
    first.store.unlock('sesame');
    browser.worker().say({ opened: 'kept' });
    await settle();
    browser.worker().answerAll({ Me: null });
    expect(await asked).toEqual({ Me: null });

    browser.close('first');
    await settle();
    browser.worker().say({ locked: 0 });
    await settle();
    expect(second.standing).toEqual({ kind: 'locked', tries: 0 });
    second.store.unlock('sesame');
    expect(browser.worker().passphrases).toEqual(['sesame']);
  });
});
