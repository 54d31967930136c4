import { createRawSnippet, flushSync, mount, unmount, type Component } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { kitSr } from '../text/kit.sr';
import { kitEn } from '../text/kit.en';
import Badge from './Badge.svelte';
import Button from './Button.svelte';
import Dialog from './Dialog.svelte';
import EmojiPicker from './EmojiPicker.svelte';
import Switch from './Switch.svelte';
import TextField from './TextField.svelte';
import VirtualList from './VirtualList.svelte';
import { setKitWords } from './words.svelte';

const shown: Record<string, unknown>[] = [];

function show<Props extends Record<string, unknown>>(component: Component<Props>, props: Props): void {
  shown.push(mount(component, { target: document.body, props }));
  flushSync();
}

function find<E extends Element = HTMLElement>(selector: string): E {
  const found = document.querySelector<E>(selector);
  if (!found) throw new Error(`nothing is ${selector}`);
  return found;
}

const words = (text: string) => createRawSnippet(() => ({ render: () => `<span>${text}</span>` }));
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...more });

beforeEach(() => localStorage.clear());
afterEach(async () => {
  for (const one of shown.splice(0)) await unmount(one);
  setKitWords(kitEn, 'en');
});

test('a busy button can be reached but does nothing', () => {
  const onpress = vi.fn();
  show(Button, { onpress, busy: true, children: words('Send') });
  find('button').focus();
  find('button').click();
  expect(document.activeElement).toBe(find('button'));
  expect(onpress).not.toHaveBeenCalled();
  show(Button, { onpress, children: words('Copy') });
  find('button:last-of-type').click();
  expect(onpress).toHaveBeenCalledOnce();
});

test('Enter submits a line, but not while a word is being composed', () => {
  const onsubmit = vi.fn();
  show(TextField, { label: 'Name', value: '', onsubmit });
  find('input').dispatchEvent(key('Enter', { isComposing: true }));
  expect(onsubmit).not.toHaveBeenCalled();
  find('input').dispatchEvent(key('Enter'));
  expect(onsubmit).toHaveBeenCalledOnce();
});

test('Enter begins a new line in a field of many, and Ctrl+Enter submits it', () => {
  const onsubmit = vi.fn();
  show(TextField, { label: 'About', value: '', multiline: true, onsubmit });
  const enter = key('Enter');
  find('textarea').dispatchEvent(enter);
  expect(enter.defaultPrevented).toBe(false);
  find('textarea').dispatchEvent(key('Enter', { ctrlKey: true }));
  expect(onsubmit).toHaveBeenCalledOnce();
});

test('what is wrong with a field is said with it', () => {
  show(TextField, { label: 'Name', value: '', hint: 'What others see', error: 'It is taken.' });
  const field = find<HTMLInputElement>('input');
  const said = (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => find(`#${id}`).textContent);
  expect(said).toEqual(['What others see', 'It is taken.']);
  expect(field.getAttribute('aria-invalid')).toBe('true');
  expect(find('label').getAttribute('for')).toBe(field.id);
});

test('a switch asks to be switched and shows only what it is told', () => {
  const onchange = vi.fn();
  show(Switch, { label: 'Notifications', checked: false, onchange });
  find('[role=switch]').click();
  flushSync();
  expect(onchange).toHaveBeenCalledWith(true);
  expect(find('[role=switch]').getAttribute('aria-checked')).toBe('false');
});

test('a badge says its label, shows a number that fits, and nothing for none', () => {
  show(Badge, { count: 1234, label: '1234 unread messages' });
  expect(find('[aria-hidden]').textContent).toBe('999+');
  expect(find('.visually-hidden').textContent).toBe('1234 unread messages');
  show(Badge, { count: 0, label: 'no unread messages' });
  expect(document.querySelectorAll('.badge')).toHaveLength(1);
});

test('a dialog has its title as its name, and gives the focus back when it goes', async () => {
  document.body.innerHTML = '<button id="opener"></button>';
  find('#opener').focus();
  const onclose = vi.fn();
  show(Dialog, { title: 'New chat', onclose, children: words('With whom?') });
  expect(find('dialog').hasAttribute('open')).toBe(true);
  expect(find(`#${find('dialog').getAttribute('aria-labelledby') ?? ''}`).textContent).toBe('New chat');
  find('dialog button').focus();
  const cancel = new Event('cancel', { cancelable: true });
  find('dialog').dispatchEvent(cancel);
  expect(cancel.defaultPrevented).toBe(true);
  expect(onclose).toHaveBeenCalledOnce();
  for (const one of shown.splice(0)) await unmount(one);
  expect(document.activeElement).toBe(find('#opener'));
  document.body.innerHTML = '';
});

test('the kit speaks the language it is told to, at once', () => {
  show(Dialog, { title: 'x', onclose: () => undefined, children: words('y') });
  expect(find('header button').getAttribute('aria-label')).toBe('Close');
  setKitWords(kitSr, 'sr');
  flushSync();
  expect(find('header button').getAttribute('aria-label')).toBe('Zatvori');
});

test('an emoji that is sought by name and picked is the recent one next time', () => {
  const onpick = vi.fn();
  show(EmojiPicker, { onpick, onclose: () => undefined });
  const field = find<HTMLInputElement>('input');
  field.value = 'žaba';
  field.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
  field.focus();
  field.dispatchEvent(key('Enter'));
  expect(onpick).toHaveBeenCalledWith('🐸');
  show(EmojiPicker, { onpick, onclose: () => undefined });
  const again = document.querySelectorAll('.picker')[1];
  expect(again?.querySelector('h3')?.textContent).toBe('Recently used');
  expect(again?.querySelector('.cells button')?.textContent).toBe('🐸');
});

test('of 100,000 rows a list draws few, and tells each its place', () => {
  const items = Array.from({ length: 100_000 }, (_, n) => `m${n}`);
  const row = createRawSnippet((item: () => string) => ({ render: () => `<p>${item()}</p>` }));
  const props = { items, key: (item: string) => item, estimate: () => 50, row, stick: true, label: 'Messages' };
  show(VirtualList as Component<typeof props>, props);
  const rows = [...document.querySelectorAll('[role=listitem]')];
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.length).toBeLessThan(100);
  expect(rows.at(-1)?.textContent).toBe('m99999');
  expect(rows.at(-1)?.getAttribute('aria-posinset')).toBe('100000');
  expect(rows.at(-1)?.getAttribute('aria-setsize')).toBe('100000');
});
