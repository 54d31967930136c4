import { beforeEach, describe, expect, test } from 'vitest';
import { FakeDoor } from '../bridge/fake/door';
import type { Draft } from '../bridge/drafts';
import type { Notice } from '../bridge/notify';
import { DEFAULTS } from '../bridge/settings';
import type { Ask, MeView } from '../bridge/types';
import { listed } from './chat-list';
import { type Controller, makeController } from './controller';
import { GATHER_MS } from './refetch';
import type { State } from './state';
import { HELD_MAX } from './timeline';

class World {
  door = new FakeDoor();
  timers: { ms: number; act: () => void }[] = [];
  notices: Notice[] = [];
  saved: { name: string; content: Blob }[] = [];
  kept: Record<string, Draft | null> = {};
  seen = true;
  now = 1_000_000;
  controller: Controller;
  state: State | null = null;

  constructor(settings = DEFAULTS) {
    this.controller = makeController(
      {
        door: this.door,
        drafts: {
          load: () => Promise.resolve({ b: { text: 'kept', reply_to: null } }),
          save: (chat, draft) => {
            this.kept[chat] = draft;
            return Promise.resolve();
          },
        },
        saveSettings: () => undefined,
        notify: (notice) => void this.notices.push(notice),
        saveFile: (name, content) => void this.saved.push({ name, content }),
        after: (ms, act) => void this.timers.push({ ms, act }),
        now: () => this.now,
        isSeen: () => this.seen,
      },
      settings,
    );
    this.controller.subscribe((state) => {
      this.state = state;
    });
  }

  async begin(): Promise<void> {
    this.controller.start();
    this.door.tellStanding({ kind: 'open', storage: 'kept', mine: true });
    await settle();
  }

  /** Lets the timers run that are up within so many milliseconds. */
  async pass(ms: number): Promise<void> {
    const due = this.timers.filter((timer) => timer.ms <= ms);
    this.timers = this.timers.filter((timer) => timer.ms > ms);
    for (const { act } of due) act();
    await settle();
  }

  get shown(): State {
    if (this.state === null) throw new Error('nothing is shown');
    return this.state;
  }
  get ids(): string[] {
    return this.shown.timeline?.messages.map(({ id }) => id) ?? [];
  }
  asked(kind: string): Ask[] {
    return this.door.asked.filter((ask) => (typeof ask === 'string' ? ask === kind : kind in ask));
  }
}

const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
};

const lastOf = (wanted: string) => world.shown.chats.find(({ chat }) => chat === wanted)?.last;

let world: World;
beforeEach(async () => {
  world = new World();
  world.door.addChat('a', 1000);
  world.door.addChat('b', 3);
  await world.begin();
});

describe('the list of chats', () => {
  test('has the newest message first, and moves with what comes', async () => {
    expect(listed(world.shown).map(({ chat }) => [chat.chat, chat.last?.id])).toEqual([
      ['a', 'a-999'],
      ['b', 'b-2'],
    ]);
    const added = world.door.add('b', { at: 5_000_000 });
    world.door.event({ Message: { chat: 'b', message: added.id } });
    await world.pass(GATHER_MS);
    expect(listed(world.shown).map(({ chat }) => chat.chat)).toEqual(['b', 'a']);
  });

  test('shows drafts that were kept, and finds titles without case and marks', () => {
    expect(listed(world.shown)[1]?.draft).toBe('kept');
    const chats = [{ ...world.shown.chats[0], title: 'Đorđe ŽIVOT' }] as State['chats'];
    const search = { words: 'dorđe zivot', messages: null };
    expect(listed({ ...world.shown, chats, search })).toHaveLength(1);
    expect(listed({ ...world.shown, chats, search: { words: 'x', messages: null } })).toHaveLength(0);
  });
});

describe('the open chat', () => {
  test('is held in pages, never more than its limit, and without a gap', async () => {
    world.controller.open('a');
    await settle();
    expect(world.ids.at(-1)).toBe('a-999');
    for (let pages = 0; pages < 6; pages += 1) {
      world.controller.loadBefore();
      await settle();
    }
    expect([world.ids[0], world.ids.at(-1), world.ids.length]).toEqual(['a-300', 'a-699', HELD_MAX]);
    for (let pages = 0; pages < 5; pages += 1) {
      world.controller.loadAfter();
      await settle();
    }
    expect([world.ids[0], world.ids.at(-1)]).toEqual(['a-600', 'a-999']);
    expect(world.shown.timeline?.atEnd).toBe(true);
  });

  test('loads one page at a time however often the edge is seen', async () => {
    world.controller.open('a');
    await settle();
    const before = world.asked('Page').length;
    world.controller.loadBefore();
    world.controller.loadBefore();
    await settle();
    expect(world.asked('Page').length - before).toBe(1);
  });

  test('is the one chosen last, whatever is answered first', async () => {
    let answer: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.door.held = (ask) => (JSON.stringify(ask).includes('"chat":"a"') ? late : null);
    world.controller.open('a');
    world.controller.open('b');
    await settle();
    answer();
    await settle();
    expect(world.shown.timeline?.chat).toBe('b');
  });

  test('goes to a message far away, and to one that is shown without asking', async () => {
    world.controller.open('a');
    await settle();
    world.controller.goTo('a', 'a-200');
    await settle();
    expect([world.ids[0], world.ids.at(-1)]).toEqual(['a-100', 'a-300']);
    expect(world.shown.timeline?.focus).toEqual({ message: 'a-200' });
    const asked = world.door.asked.length;
    world.controller.goTo('a', 'a-250');
    await settle();
    expect(world.door.asked.length).toBe(asked);
    expect(world.shown.timeline?.focus).toEqual({ message: 'a-250' });
  });

  test('shows an edit and a reaction where they are', async () => {
    world.controller.open('b');
    await settle();
    const changed = world.door.messages['b']?.[1];
    if (changed === undefined) throw new Error('no message');
    changed.reactions = [['👍', ['ben']]];
    world.door.event({ Message: { chat: 'b', message: changed.id } });
    await world.pass(GATHER_MS);
    expect(world.shown.timeline?.messages[1]?.reactions).toEqual([['👍', ['ben']]]);
  });

  test('shows what is sent at once, and where the server put it after that', async () => {
    world.controller.open('b');
    await settle();
    world.controller.write('hello');
    world.controller.send('hello');
    await settle();
    world.door.event({ Message: { chat: 'b', message: 'b-3' } });
    await world.pass(GATHER_MS);
    expect(world.shown.timeline?.messages.at(-1)?.state).toBe('Pending');
    expect(world.shown.drafts['b']).toBeUndefined();

    const list = world.door.messages['b'] ?? [];
    const [sent] = list.splice(3, 1);
    const other = world.door.add('b');
    other.id = 'b-other';
    if (sent !== undefined) list.push({ ...sent, state: 'Sent' });
    world.door.event({ Message: { chat: 'b', message: 'b-other' } });
    world.door.event({ Message: { chat: 'b', message: 'b-3' } });
    await world.pass(GATHER_MS);
    expect(world.ids).toEqual(['b-0', 'b-1', 'b-2', 'b-other', 'b-3']);
    expect(world.shown.timeline?.messages.at(-1)?.state).toBe('Sent');
  });

  test('what is being written is saved in a moment, or at once where the page is about to go', async () => {
    world.controller.open('b');
    await settle();
    world.controller.write('hel');
    expect(world.kept).toEqual({});
    await world.controller.saveDrafts();
    expect(world.kept['b']?.text).toBe('hel');
    world.controller.write('hello');
    await world.pass(1000);
    expect(world.kept['b']?.text).toBe('hello');
    world.kept = {};
    await world.controller.saveDrafts();
    expect(world.kept).toEqual({});
    await world.controller.saveDrafts(true);
    expect(world.kept['b']?.text).toBe('hello');
  });

  test('comes to the end when something is sent from further up', async () => {
    world.controller.goTo('a', 'a-10');
    await settle();
    world.controller.send('hello');
    await settle();
    expect(world.ids.at(-1)).toBe('a-1000');
  });

  test('is read when its end is seen by somebody, not before', async () => {
    for (const chat of world.door.chats) chat.unread = 2;
    world.door.event({ Chat: 'b' });
    await world.pass(GATHER_MS);
    world.controller.open('b');
    await settle();
    expect(world.door.done).toEqual([]);
    world.seen = false;
    world.controller.sees(true);
    expect(world.door.done).toEqual([]);
    world.seen = true;
    world.controller.seen(true);
    await settle();
    expect(world.door.done).toEqual([{ MarkRead: { chat: 'b' } }]);
  });

  test('closes when the chat is gone', async () => {
    world.controller.open('b');
    await settle();
    world.door.chats.pop();
    world.door.event({ Chat: 'b' });
    await world.pass(GATHER_MS);
    expect(world.shown.timeline).toBeNull();
  });

  test('fetches what is answered once, also where it is not there', async () => {
    world.controller.open('a');
    await settle();
    const asked = world.asked('Message').length;
    world.controller.quote('a', 'a-5');
    world.controller.quote('a', 'a-5');
    world.controller.quote('a', 'a-nowhere');
    await settle();
    world.controller.quote('a', 'a-nowhere');
    expect(world.asked('Message').length - asked).toBe(2);
    expect(world.shown.quoted['a-5']?.id).toBe('a-5');
    expect(world.shown.quoted['a-nowhere']).toBeNull();
  });
});

describe('somebody who asks to join', () => {
  test('is seen at once in the list and in the details that are open', async () => {
    world.controller.open('a');
    await settle();
    world.controller.openInfo();
    await settle();
    const asked = world.asked('JoinRequests').length;
    Object.assign(world.door.chats[0] ?? {}, { join_requests: 1 });
    world.door.event({ JoinRequest: { chat: 'a', account: 'eve' } });
    await world.pass(GATHER_MS);
    expect(world.shown.chats[0]?.join_requests).toBe(1);
    expect(world.asked('JoinRequests').length).toBe(asked + 1);
  });
});

describe('a flood', () => {
  test('of ten thousand messages makes few questions, and ends with what is newest', async () => {
    world.controller.open('a');
    await settle();
    const before = world.door.asked.length;
    let now = 0;
    for (let number = 0; number < 10_000; number += 1) {
      const added = world.door.add('a');
      world.door.event({ Message: { chat: 'a', message: added.id } });
      if (number % 1000 === 999) await world.pass(GATHER_MS);
      now = added.at;
    }
    await world.pass(GATHER_MS);
    expect(world.door.asked.length - before).toBeLessThan(60);
    expect(lastOf('a')?.at).toBe(now);
    // The reader was left behind, and reads on from there.
    expect(world.shown.timeline?.atEnd).toBe(false);
    world.controller.toNewest();
    await settle();
    expect(world.shown.timeline?.messages.at(-1)?.at).toBe(now);
  });

  test('is not looked at while one look is on its way, but after it', async () => {
    let answer: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.door.held = (ask) => (ask === 'Chats' ? late : null);
    const asked = world.asked('Chats').length;
    world.door.event({ Chat: 'a' });
    await world.pass(GATHER_MS);
    world.door.event({ Chat: 'b' });
    await world.pass(GATHER_MS);
    expect(world.asked('Chats').length - asked).toBe(1);
    answer();
    await settle();
    await world.pass(GATHER_MS);
    expect(world.asked('Chats').length - asked).toBe(2);
  });

  test('is gathered into one look', async () => {
    world.door.event({ Chat: 'a' });
    world.door.event({ Chat: 'b' });
    expect(world.timers.filter(({ ms }) => ms === GATHER_MS)).toHaveLength(1);
    const asked = world.asked('Chats').length;
    await world.pass(GATHER_MS);
    expect(world.asked('Chats').length - asked).toBe(1);
    expect(world.timers.filter(({ ms }) => ms === GATHER_MS)).toHaveLength(0);
  });
});

describe('what goes wrong', () => {
  test('a refused message comes back into the field, and the words are shown', async () => {
    world.controller.open('b');
    await settle();
    world.door.refusal = 'slow mode';
    world.controller.send('hello');
    await settle();
    expect(world.shown.drafts['b']?.text).toBe('hello');
    expect(world.shown.toasts.map(({ text }) => text)).toEqual(['slow mode']);
  });

  test('a change that the server refuses later is told', async () => {
    world.controller.open('b');
    await settle();
    world.controller.openInfo();
    await settle();
    world.controller.leave();
    await settle();
    world.door.settled[1] = { Failed: 'the last owner stays' };
    world.door.event({ Settled: 1 });
    await settle();
    expect(world.shown.toasts.map(({ text }) => text)).toContain('the last owner stays');
  });

  test('a form hears at once why something is refused', async () => {
    world.door.refusal = 'no such name';
    expect(await world.controller.begin('bob')).toBe('no such name');
  });

  test('a form waits for the server, which may refuse', async () => {
    world.door.settled[1] = { Failed: 'nobody is called so' };
    expect(await world.controller.begin('bob')).toBe('nobody is called so');
    world.door.settled[2] = { Done: { Chat: 'b' } };
    expect(await world.controller.begin('ben')).toBeNull();
    await settle();
    expect(world.shown.timeline?.chat).toBe('b');
  });

  test('a form does not wait for ever, and not without a connection', async () => {
    let answered: string | null | undefined;
    void world.controller.begin('bob').then((words) => {
      answered = words;
    });
    await settle();
    expect(answered).toBeUndefined();
    await world.pass(5000);
    expect(answered).toBeNull();
    world.door.settled[1] = { Failed: 'nobody is called so' };
    world.door.event({ Settled: 1 });
    await settle();
    expect(world.shown.toasts.map(({ text }) => text)).toEqual(['nobody is called so']);

    world.door.event({ Connection: 'Down' });
    await settle();
    expect(await world.controller.begin('bob')).toBeNull();
  });

  test('an account on another server is said plainly', () => {
    world.door.tellTidings({ Elsewhere: { server: 'other.example:443' } });
    expect(world.shown.unreachable).toEqual({ kind: 'elsewhere', server: 'other.example:443' });
  });
});

describe('another tab takes over', () => {
  test('everything is looked at again, and what waits is asked for again', async () => {
    world.controller.open('b');
    await settle();
    void world.controller.openDirect('ben');
    await settle();
    world.door.tellStanding({ kind: 'opening' });
    world.door.add('b');
    world.door.settled[1] = { Done: { Chat: 'a' } };
    world.door.tellStanding({ kind: 'open', storage: 'kept', mine: true });
    await settle();
    expect(lastOf('b')?.id).toBe('b-3');
    expect(world.shown.timeline?.chat).toBe('a');
  });
});

describe('drafts', () => {
  test('are kept a moment after the last letter, once', async () => {
    world.controller.open('b');
    await settle();
    for (const text of ['h', 'he', 'hel']) world.controller.write(text);
    await world.pass(400);
    expect(world.kept).toEqual({ b: { text: 'hel', reply_to: null } });
    world.controller.write('');
    await world.pass(400);
    expect(world.kept).toEqual({ b: null });
  });

  test('say to others that somebody writes, but not with every letter', async () => {
    world.controller.open('b');
    await settle();
    for (const text of ['h', 'he', 'hel']) world.controller.write(text);
    expect(world.door.done).toEqual([{ Typing: { chat: 'b' } }]);
  });

  test('a reply goes with the first of several files, and with the text', async () => {
    world.controller.open('b');
    await settle();
    world.controller.replyTo('b-1');
    world.controller.sendFiles([new File(['1'], '1'), new File(['2'], '2')], ' both ');
    await settle();
    expect(world.door.sent.map(({ text, reply_to }) => [text, reply_to])).toEqual([
      ['both', 'b-1'],
      ['', null],
    ]);
  });
});

test('what the server refused is written again from the field', async () => {
  world.controller.open('b');
  await settle();
  const failed = world.door.add('b', { text: 'too fast', reply_to: 'b-1', state: { Failed: 'slow mode' } });
  world.controller.again(failed);
  expect(world.shown.drafts['b']).toEqual({ text: 'too fast', reply_to: 'b-1' });
});

test('what was to go with a file that is refused comes back into the field', async () => {
  world.controller.open('b');
  await settle();
  const large = new File([], 'large');
  Object.defineProperty(large, 'size', { value: 101 * 1024 * 1024 });
  world.controller.sendFiles([large], 'see this');
  await settle();
  expect(world.door.sent).toEqual([]);
  expect(world.shown.drafts['b']?.text).toBe('see this');
  expect(world.shown.toasts.map(({ text }) => text)).toEqual(['large is larger than 100 MiB.']);
});

describe('who writes', () => {
  test('is shown for some seconds', async () => {
    world.door.event({ Typing: { chat: 'b', from: 'ben' } });
    expect(world.shown.typing['b']?.map(({ name }) => name)).toEqual(['ben']);
    world.now += 6001;
    await world.pass(7000);
    expect(world.shown.typing['b']).toBeUndefined();
  });
});

describe('notifications', () => {
  async function hear(settings: Partial<typeof DEFAULTS>, notifies = true): Promise<Notice[]> {
    world = new World({ ...DEFAULTS, ...settings });
    world.door.addChat('b', 3, { unread: 1 });
    world.door.notifies = notifies;
    await world.begin();
    const added = world.door.add('b', { text: 'secret' });
    world.door.event({ Message: { chat: 'b', message: added.id } });
    await world.pass(GATHER_MS);
    return world.notices;
  }

  test('say nothing of the text unless that was chosen', async () => {
    expect(await hear({ notifications: 'off' })).toEqual([]);
    const [plain] = await hear({ notifications: 'plain' });
    expect(JSON.stringify(plain)).not.toMatch(/secret|ben/);
    expect((await hear({ notifications: 'text' }))[0]?.body).toBe('ben: secret');
  });

  test('come from one tab only', async () => {
    expect(await hear({ notifications: 'plain' }, false)).toEqual([]);
  });
});

test('a link that the page was opened with is shown once, and followed by nobody but the person', async () => {
  const opened = { server: '', link: 'veche://localhost:1/aaaa/join#SECRET' };
  world.controller.follow(opened);
  expect(world.shown.panel).toEqual({ kind: 'join', link: opened.link });
  world.controller.closePanel();
  world.controller.follow(opened);
  expect(world.shown.panel).toBeNull();
  world.controller.follow({ server: '', link: 'veche://localhost:1/aaaa/contact#SECRET' });
  expect(world.shown.panel?.kind).toBe('new-chat');
  expect(world.door.done).toEqual([]);
});

describe('the beginning', () => {
  test('a person registers, and is shown the phrase', async () => {
    world = new World();
    world.door.me = null;
    await world.begin();
    expect(world.shown.me).toBeNull();
    world.controller.register({ server: 'localhost:1/aaaa', name: ' Ana ', invite: '', passphrase: null });
    await settle();
    expect(world.shown.registering.waits).toBe(true);
    const command = { Register: { server: 'localhost:1/aaaa', name: 'ana', invite: null } };
    expect(world.door.done).toEqual([command]);
    world.door.me = new FakeDoor().me;
    world.door.settled[1] = { Done: 'Done' };
    world.door.event({ Settled: 1 });
    await settle();
    expect(world.shown.me?.registered).toBe(true);
    expect(world.shown.phrase).toBe('some words');
    expect(world.shown.registering.waits).toBe(false);
  });

  test('an account that was begun before goes on waiting, and says how it ended', async () => {
    world = new World();
    world.door.me = { ...(new FakeDoor().me as MeView), registered: false };
    await world.begin();
    expect(world.shown.registering.waits).toBe(true);
    world.door.settled[9] = { Failed: 'the name is taken' };
    world.door.event({ Settled: 9 });
    await settle();
    expect(world.shown.registering).toEqual({ waits: false, error: 'the name is taken' });
  });

  test('an account that was begun before is shown its phrase once it is there', async () => {
    world = new World();
    world.door.me = { ...(new FakeDoor().me as MeView), registered: false };
    await world.begin();
    world.door.me = new FakeDoor().me;
    world.door.settled[9] = { Done: 'Done' };
    world.door.event({ Settled: 9 });
    await settle();
    expect(world.shown.phrase).toBe('some words');
  });

  test('a name that is taken is said at the form', async () => {
    world = new World();
    world.door.me = null;
    await world.begin();
    world.controller.register({ server: 'localhost:1/aaaa', name: 'ana', invite: '', passphrase: null });
    await settle();
    world.door.settled[1] = { Failed: 'the name is taken' };
    world.door.event({ Settled: 1 });
    await settle();
    expect(world.shown.registering).toEqual({ waits: false, error: 'the name is taken' });
  });
});

test('names that others chose steer nothing', async () => {
  world.door.add('b', { display_name: 'ana\u202E (ben)\n', from: 'cveta', text: 'kept \u202E as it is', at: 9e9 });
  world.door.addChat('x', 0, { title: 'a\u2067b' });
  world.door.event({ Chat: 'x' });
  world.controller.open('b');
  await world.pass(GATHER_MS);
  expect(world.shown.chats.at(-1)?.title).toBe('a\uFFFDb');
  const last = world.shown.timeline?.messages.at(-1);
  expect([last?.display_name, last?.text]).toEqual(['ana\uFFFD (ben) ', 'kept \u202E as it is']);
});

test('a saved file has a harmless name and no type of its own', async () => {
  const file = { name: '../x\u202Egpj.exe', media_type: 'text/html', size: 2, sha256: '', here: true, transfer: '' };
  const added = world.door.add('b', { file });
  world.controller.save(added);
  await settle();
  expect(world.saved[0]?.name).toBe('x_gpj.exe');
  expect(world.saved[0]?.content.type).toBe('application/octet-stream');
  expect(world.saved[0]?.content.size).toBe(2);
});

test('how far a file is is shown, and its message says when it is here', async () => {
  const file = { name: 'plan.txt', media_type: 'text/plain', size: 90, sha256: '', here: false, transfer: 'way' };
  const added = world.door.add('b', { file });
  world.controller.open('b');
  await settle();
  world.controller.download(added);
  await settle();
  expect(world.shown.transfers).toEqual({ way: { have: 0, total: 91 } });
  world.door.event({ File: { transfer: 'way', have: 50, total: 100 } });
  expect(world.shown.transfers).toEqual({ way: { have: 50, total: 100 } });
  added.file = { ...file, here: true };
  world.door.event({ File: { transfer: 'way', have: 100, total: 100 } });
  await settle();
  expect(world.shown.transfers).toEqual({});
  expect(world.shown.timeline?.messages.at(-1)?.file?.here).toBe(true);
});

test('a file that cannot be had is on no way any more', async () => {
  const file = { name: 'plan.txt', media_type: 'text/plain', size: 90, sha256: '', here: false, transfer: 'way' };
  world.door.settled[1] = { Failed: 'it is gone' };
  world.controller.download(world.door.add('b', { file }));
  await settle();
  expect(world.shown.transfers).toEqual({});
  expect(world.shown.toasts.map(({ text }) => text)).toEqual(['it is gone']);
});

describe('the export of the history', () => {
  test('is one file with every message of every chat, read page by page', async () => {
    world.door.add('b', { text: 'Some "words"\nmore', at: 8.64e15 + 1 });
    const pages = world.asked('Page').length;
    world.controller.exportHistory();
    world.controller.exportHistory();
    for (let turn = 0; turn < 4; turn += 1) await settle();
    expect(world.saved.map(({ name }) => name)).toEqual(['veche-history-1970-01-01.json']);
    const written = JSON.parse((await world.saved[0]?.content.text()) ?? '') as Exported;
    expect(written).toMatchObject({ format: 'veche-history', version: 1, account: { name: 'ana' } });
    expect(written.chats.map(({ title, messages }) => [title, messages.length])).toEqual([['a', 1000], ['b', 4]]);
    expect(new Set(written.chats[0]?.messages.map(({ id }) => id)).size).toBe(1000);
    expect(written.chats[1]?.messages.at(-1)).toMatchObject({ text: 'Some "words"\nmore', at: null });
    expect(written.chats[1]?.messages[0]?.at).toBe('1970-01-01T00:00:00.000Z');
    // 500 twice, then nothing; and one of four.
    expect(world.asked('Page').length - pages).toBe(4);
    expect(world.shown.exporting).toBeNull();
  });

  test('says what went wrong, and can be begun again', async () => {
    world.door.held = (ask) => (typeof ask === 'object' && 'Page' in ask ? Promise.reject(new Error('no page')) : null);
    world.controller.exportHistory();
    await settle();
    expect([world.saved, world.shown.exporting]).toEqual([[], null]);
    expect(world.shown.toasts.map(({ text }) => text)).toEqual(['no page']);
  });
});

interface Exported {
  chats: { title: string; messages: { id: string; text: string; at: string | null }[] }[];
}
