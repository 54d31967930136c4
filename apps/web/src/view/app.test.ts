// The page over a store in memory: what a person sees, and what becomes of what they do.

import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeDoor, message } from '../bridge/fake/door';
import { DEFAULTS } from '../bridge/settings';
import { type Controller, makeController } from '../model/controller';
import App from './App.svelte';
import MessageText from './MessageText.svelte';

const release = { waits: false, activate: vi.fn() };
let door: FakeDoor;
let controller: Controller;
let shown: Record<string, unknown>[] = [];

function show(): void {
  controller = makeController(
    {
      door,
      drafts: { load: () => Promise.resolve({}), save: () => Promise.resolve() },
      saveSettings: () => undefined,
      notify: () => undefined,
      saveFile: () => undefined,
      after: (ms, act) => void setTimeout(act, ms < 1000 ? 5 : ms),
      now: () => Date.now(),
      isSeen: () => true,
    },
    DEFAULTS,
  );
  const props = { intents: controller, opened: { server: 'localhost:1/aaaa', link: null }, release };
  shown.push(mount(App, { target: document.body, props }));
  controller.start();
  door.tellStanding({ kind: 'open', storage: 'kept', mine: true });
}

const settle = async () => {
  await new Promise((resolve) => setTimeout(resolve, 30));
  flushSync();
};
const find = <E extends HTMLElement = HTMLElement>(selector: string): E => {
  const found = document.querySelector<E>(selector);
  if (found === null) throw new Error(`nothing is ${selector}`);
  return found;
};
const tagged = (name: string) => `[data-test=${name}]`;

function type(selector: string, text: string): void {
  const field = find<HTMLInputElement>(selector);
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
}

const press = (selector: string, key: string, more: KeyboardEventInit = {}) =>
  find(selector).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));

beforeEach(() => {
  door = new FakeDoor();
  door.addChat('a', 3, { title: '<img src=x onerror=alert(1)>', unread: 2 });
  door.addChat('b', 0, { title: 'ben', kind: 'Direct' });
});
afterEach(async () => {
  for (const one of shown.splice(0)) await unmount(one);
  document.body.replaceChildren();
});

test('who has no account is asked for a name, with the server filled in', async () => {
  door.me = null;
  show();
  await settle();
  expect(find<HTMLInputElement>(`${tagged('register-server')} input`).value).toBe('localhost:1/aaaa');
  type(`${tagged('register-name')} input`, 'ana');
  press(`${tagged('register-name')} input`, 'Enter');
  await settle();
  expect(door.done).toEqual([{ Register: { server: 'localhost:1/aaaa', name: 'ana', invite: null } }]);
});

test('a title is shown as it was written, never as markup', async () => {
  show();
  await settle();
  const rows = [...document.querySelectorAll(tagged('chat-row'))].map((row) => row.textContent ?? '');
  expect(rows[0]).toContain('<img src=x onerror=alert(1)>');
  expect(rows[0]).toContain('2 unread messages');
  expect(document.querySelector('img')).toBeNull();
});

test('a text is shown as it was written, with links to be followed', () => {
  const text = '<b>x</b> https://a.example/?q="y" javascript:alert(1)';
  shown.push(mount(MessageText, { target: document.body, props: { text } }));
  flushSync();
  expect(find('p').textContent).toBe(text);
  expect(document.querySelector('b')).toBeNull();
  const links = [...document.querySelectorAll('a')];
  expect(links.map(({ href, rel }) => [href, rel])).toEqual([['https://a.example/?q=', 'noopener noreferrer']]);
});

test('Enter sends, Shift+Enter does not, and neither while a word is composed', async () => {
  show();
  await settle();
  controller.open('b');
  await settle();
  const field = tagged('composer-text');
  type(field, 'hello');
  press(field, 'Enter', { shiftKey: true });
  press(field, 'Enter', { isComposing: true });
  await settle();
  expect(door.done.filter((command) => 'Send' in command)).toEqual([]);
  press(field, 'Enter');
  await settle();
  expect(door.done.filter((command) => 'Send' in command)).toEqual([
    { Send: { chat: 'b', text: 'hello', reply_to: null } },
  ]);
  expect(find<HTMLTextAreaElement>(field).value).toBe('');
});

test('what was refused comes back into the field', async () => {
  show();
  await settle();
  controller.open('b');
  await settle();
  type(tagged('composer-text'), 'hello');
  door.refusal = 'slow mode';
  press(tagged('composer-text'), 'Enter');
  await settle();
  expect(find<HTMLTextAreaElement>(tagged('composer-text')).value).toBe('hello');
  expect(document.body.textContent).toContain('slow mode');
});

test('editing fills the field, and Escape gives the draft back', async () => {
  show();
  await settle();
  controller.open('b');
  await settle();
  type(tagged('composer-text'), 'a draft');
  controller.beginEdit({ ...message('b', 0), account: 'me', text: 'as it was' });
  await settle();
  expect(find<HTMLTextAreaElement>(tagged('composer-text')).value).toBe('as it was');
  press(tagged('composer-text'), 'Escape');
  await settle();
  expect(find<HTMLTextAreaElement>(tagged('composer-text')).value).toBe('a draft');
});

test('a change that is refused stays in the field', async () => {
  show();
  await settle();
  controller.open('b');
  await settle();
  controller.beginEdit({ ...message('b', 0), account: 'me', text: 'as it was' });
  await settle();
  for (let times = 0; times < 2; times += 1) {
    if (times === 0) type(tagged('composer-text'), 'as it is');
    door.refusal = 'too late';
    press(tagged('composer-text'), 'Enter');
    await settle();
    expect(find<HTMLTextAreaElement>(tagged('composer-text')).value).toBe('as it is');
    expect(document.body.textContent).toContain('too late');
  }
});

test('a text that is too long stays in the field', async () => {
  show();
  await settle();
  controller.open('b');
  await settle();
  const long = 'a'.repeat(70_000);
  type(tagged('composer-text'), long);
  press(tagged('composer-text'), 'Enter');
  await settle();
  expect(find<HTMLTextAreaElement>(tagged('composer-text')).value).toBe(long);
});

test('what happens elsewhere takes neither the focus nor what is being changed', async () => {
  show();
  await settle();
  controller.open('b');
  await settle();
  find(tagged('search')).focus();
  door.tellTidings({ Event: { Connection: 'CatchingUp' } });
  await settle();
  expect(document.activeElement).toBe(find(tagged('search')));
  controller.beginEdit({ ...message('b', 0), account: 'me', text: 'as it was' });
  await settle();
  type(tagged('composer-text'), 'as it shall be');
  door.tellTidings({ Event: { Connection: 'Live' } });
  await settle();
  expect(find<HTMLTextAreaElement>(tagged('composer-text')).value).toBe('as it shall be');
});

test('where nobody can write, there is nothing to write in, but the reason', async () => {
  for (const chat of door.chats) chat.state = 'Removed';
  show();
  await settle();
  controller.open('b');
  await settle();
  expect(document.querySelector(tagged('composer'))).toBeNull();
  expect(document.body.textContent).toContain('You were removed from this chat.');
});

test('the arrow keys lead through the chats, and Ctrl+K to the search', async () => {
  show();
  await settle();
  const focused = () => document.activeElement?.textContent ?? '';
  window.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }));
  expect(document.activeElement).toBe(find(tagged('search')));
  press(tagged('search'), 'ArrowDown');
  expect(focused()).toContain('<img');
  press(':focus', 'ArrowDown');
  expect(focused()).toContain('ben');
  press(':focus', 'ArrowDown');
  expect(focused()).toContain('ben');
  press(':focus', 'ArrowUp');
  expect(focused()).toContain('<img');
});

test('another language is spoken at once, and the look follows', async () => {
  show();
  await settle();
  controller.choose({ language: 'sr', theme: 'dark' });
  await settle();
  expect(document.querySelector(`${tagged('search')}`)?.getAttribute('placeholder')).toBe('Pretraži razgovore i poruke');
  expect([document.documentElement.lang, document.documentElement.dataset['theme']]).toEqual(['sr-Latn', 'dark']);
  controller.choose({ language: 'en', theme: 'auto' });
  await settle();
  expect(document.documentElement.dataset['theme']).toBeUndefined();
});

test('a newer release in another tab is said, with a way to reload', async () => {
  show();
  await settle();
  door.tellStanding({ kind: 'outdated' });
  await settle();
  expect(find(tagged('banner-outdated')).textContent).toContain('Reload');
});

test('a session in memory says so', async () => {
  show();
  door.tellStanding({ kind: 'open', storage: 'memory', mine: true });
  await settle();
  expect(find(tagged('banner-memory')).textContent).toContain('gone when the last tab closes');
});

test('a locked history asks for its passphrase, and says when it is not the one', async () => {
  door.passphrase = 'sesame';
  show();
  await settle();
  door.tellStanding({ kind: 'locked', tries: 0 });
  flushSync();
  expect(document.querySelector(tagged('chat-row'))).toBeNull();
  for (const words of ['wrong', 'sesame']) {
    type(`${tagged('unlock-passphrase')} input`, words);
    press(`${tagged('unlock-passphrase')} input`, 'Enter');
    await settle();
    if (words === 'wrong') expect(find(`${tagged('unlock-passphrase')} [role=alert]`).textContent).toBe('This is not the passphrase.');
  }
  expect(find(tagged('chat-row'))).not.toBeNull();
});

test('a passphrase is set, changed and taken away in the settings', async () => {
  show();
  controller.openSettings();
  await settle();
  const give = async (fields: Record<string, string>) => {
    for (const [name, words] of Object.entries(fields)) type(`${tagged(`passphrase-${name}`)} input`, words);
    find(`${tagged('passphrase-done')} button`).click();
    await settle();
  };
  find(`${tagged('passphrase-set')} button`).click();
  await settle();
  await give({ next: 'sesame', again: 'sesam' });
  expect(door.passphrase).toBeNull();
  await give({ again: 'sesame' });
  expect(door.passphrase).toBe('sesame');
  find(`${tagged('passphrase-set')} button`).click();
  await settle();
  await give({ current: 'wrong', next: 'open', again: 'open' });
  expect(find(`${tagged('passphrase-current')} [role=alert]`).textContent).toBe('This is not the passphrase.');
  await give({ current: 'sesame' });
  expect(door.passphrase).toBe('open');
  find(`${tagged('passphrase-remove')} button`).click();
  await settle();
  await give({ current: 'open' });
  expect(door.passphrase).toBeNull();
});

test('who registers may choose a passphrase, which is set first', async () => {
  door.me = null;
  show();
  await settle();
  type(`${tagged('register-name')} input`, 'ana');
  find(`${tagged('register-lock')} button`).click();
  flushSync();
  type(`${tagged('passphrase-next')} input`, 'sesame');
  press(`${tagged('register-name')} input`, 'Enter');
  await settle();
  expect([door.passphrase, door.done]).toEqual([null, []]);
  type(`${tagged('passphrase-again')} input`, 'sesame');
  press(`${tagged('passphrase-again')} input`, 'Enter');
  await settle();
  expect(door.passphrase).toBe('sesame');
  expect(door.done).toHaveLength(1);
});

test('a link is made for so many and so long, and says what remains of it', async () => {
  door.link = { link: 'veche://x/join#y', approves: true, expires: null, uses_max: 5, used: 2 };
  await details('a');
  expect(find(tagged('link-left')).textContent).toBe('Somebody decides about each who asks. 2 people joined by it. 3 more people can join.');
  find(`${tagged('link-new')} button`).click();
  await settle();
  type(`${tagged('link-uses')} input`, '0');
  find(`${tagged('link-make')} button`).click();
  await settle();
  expect(find(`${tagged('link-uses')} [role=alert]`).textContent).toBe('Type a number from 1 on, or nothing.');
  type(`${tagged('link-uses')} input`, '12');
  const lasts = find<HTMLSelectElement>(`${tagged('link-lasts')} select`);
  lasts.value = String(24 * 3_600_000);
  lasts.dispatchEvent(new Event('change', { bubbles: true }));
  door.settled[1] = { Done: 'Done' };
  find(`${tagged('link-make')} button`).click();
  await settle();
  expect(door.done).toEqual([{ MakeLink: { chat: 'a', approves: false, lasts: 86_400_000, uses: 12 } }]);
  expect(document.querySelector(tagged('new-link'))).toBeNull();
});

test('who is banned is listed, and unbanned by a press', async () => {
  door.banned = [{ account: 'eve', name: 'eve', display_name: null, blocked: false }];
  await details('a');
  const button = find(`${tagged('banned')} button`);
  expect(button.getAttribute('aria-label')).toBe('Take the ban of eve back');
  button.click();
  await settle();
  expect(door.done).toEqual([{ Ban: { chat: 'a', names: ['eve'], banned: false } }]);
});

test('an owner lets a group go on in another place, without whom they name', async () => {
  await details('a');
  type(`${tagged('renew')} input`, '@eve, dan');
  door.settled[1] = { Done: { Chat: 'b' } };
  find(`${tagged('renew-begin')} button`).click();
  await settle();
  expect(door.done).toEqual([{ Renew: { chat: 'a', large: false, without: ['eve', 'dan'] } }]);
  expect(find(tagged('chat-title')).textContent).toBe('ben');
});

async function details(chat: string): Promise<void> {
  show();
  await settle();
  controller.open(chat);
  await settle();
  door.done.splice(0);
  controller.openInfo();
  await settle();
}
