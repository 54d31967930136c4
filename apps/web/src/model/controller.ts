// Turns what a person wants into questions to the store, and what the store tells into what is shown.

import type { Standing, Tidings } from '../bridge/calls';
import type { Settings } from '../bridge/settings';
import { t } from '../text/text';
import { account } from './account';
import { authorName } from './chat-list';
import { type Around, Context } from './context';
import { coreWords } from './core-words';
import { conversation } from './conversation';
import { history } from './export';
import { files } from './files';
import { group } from './group';
import { passphrase } from './passphrase';
import { people } from './people';
import { previewOf } from './preview';
import { Refetch, type Stale } from './refetch';
import { say } from './say';
import type { Opened } from './start';

const SEARCH_AFTER_MS = 150;
const FOUND_MAX = 50;
const TYPISTS_EVERY_MS = 1000;

export function makeController(around: Around, settings: Settings) {
  const context = new Context(around, settings);
  const talk = conversation(context);
  const persons = people(context, talk);
  const details = group(context, talk);
  const lock = passphrase(context);
  const carried = files(context);
  const accounts = account(context, lock);
  const refetch = new Refetch(look, (ms, act) => around.after(ms, act));
  let searching = 0;
  let followed: Opened | null = null;

  function start(): void {
    around.door.onTidings(heard);
    around.door.onStanding(stood);
    context.run(
      // What was written meanwhile is newer.
      around.drafts.load().then((kept) => context.set({ drafts: { ...kept, ...context.state.drafts } })),
    );
  }

  function stood(standing: Standing): void {
    const wasOpen = context.state.standing.kind === 'open';
    context.set({ standing });
    if (standing.kind !== 'open') return;
    if (wasOpen) return;
    context.intents.askAgain();
    context.run(loadAll());
  }

  /** Everything that is shown at first, and again when another tab has taken over the store. */
  async function loadAll(): Promise<void> {
    const me = await context.ask('Me', 'Me');
    context.set({ me });
    await lock.lookAtLock();
    if (me === null) return;
    if (!me.registered) accounts.resume();
    const [chats, requests, connection] = await Promise.all([
      context.ask('Chats', 'Chats'),
      context.ask('Requests', 'Requests'),
      context.ask('Connection', 'Connection'),
    ]);
    context.apply({ kind: 'chats', chats });
    context.set({ requests, connection });
    await talk.refresh();
    accounts.lookAtRoom();
    await countOutgoing();
  }

  async function countOutgoing(): Promise<void> {
    const { outgoing } = await context.ask('Pending', 'Pending');
    context.set({ outgoing });
  }

  function heard(tidings: Tidings): void {
    if ('Elsewhere' in tidings) {
      context.set({ unreachable: { kind: 'elsewhere', server: tidings.Elsewhere.server } });
    } else if ('Unreachable' in tidings) {
      context.set({ unreachable: { kind: 'words', words: tidings.Unreachable.words } });
    } else heardEvent(tidings.Event);
  }

  function heardEvent(event: Extract<Tidings, { Event: unknown }>['Event']): void {
    if ('Connection' in event) {
      const connection = event.Connection;
      const unreachable = connection === 'Live' || connection === 'CatchingUp' ? null : context.state.unreachable;
      context.set({ connection, unreachable });
      context.run(countOutgoing());
      // Registered meanwhile, perhaps in another tab.
      if (context.state.me?.registered !== true) context.run(refreshMe());
    } else if ('Settled' in event) {
      context.intents.settled(event.Settled);
      context.run(countOutgoing());
      if (context.state.me?.registered !== true) {
        context.run(refreshMe().then(() => accounts.settled(event.Settled)));
      }
    } else if ('Typing' in event) {
      const { chat, from } = event.Typing;
      context.apply({ kind: 'typing', chat, name: from, now: around.now() });
      around.after(6 * TYPISTS_EVERY_MS + 1, () => context.apply({ kind: 'time', now: around.now() }));
    } else if ('File' in event) carried.moved(event.File);
    else if ('Notice' in event) context.toast(coreWords(event.Notice));
    else refetch.note(event);
  }

  async function refreshMe(): Promise<void> {
    const me = await context.ask('Me', 'Me');
    const isNew = me?.registered === true && context.state.me?.registered !== true;
    context.set({ me });
    if (isNew) await loadAll();
  }

  async function look(stale: Stale): Promise<void> {
    try {
      if (stale.requests) await persons.refreshRequests();
      if (stale.chats) context.apply({ kind: 'chats', chats: await context.ask('Chats', 'Chats') });
      const open = context.state.timeline?.chat;
      const here = open === undefined ? undefined : stale.messages.get(open);
      if (open !== undefined && here !== undefined) await talk.look(open, here);
      if (stale.named.has(context.state.info?.chat ?? '')) details.refreshInfo();
      callForAttention(stale);
    } catch (error) {
      context.complain(error);
    }
  }

  /** Tells of what came while nobody looks; not of what is caught up. */
  function callForAttention(stale: Stale): void {
    const { settings, connection, chats } = context.state;
    if (settings.notifications === 'off' || connection !== 'Live' || !around.door.mayNotify()) return;
    for (const [chat, changed] of stale.messages) {
      const view = chats.find((one) => one.chat === chat);
      const newest = view?.last ?? null;
      const isNew = newest !== null && newest.state === 'Received' && newest.event === null;
      if (view === undefined || view.unread === 0 || !isNew || !changed.has(newest.id)) continue;
      const says = settings.notifications === 'text';
      const body = says ? t('noticeText', { name: authorName(newest), text: previewOf(newest) }) : t('noticePlain');
      around.notify({ title: says ? view.title : t('appName'), body, tag: chat }, () => talk.open(chat));
    }
  }

  function search(words: string): void {
    const number = ++searching;
    if (words.trim() === '') return context.set({ search: null });
    const messages = context.state.search?.messages ?? null;
    context.set({ search: { words, messages } });
    around.after(SEARCH_AFTER_MS, () => {
      if (number === searching) context.run(lookFor(words, number));
    });
  }

  async function lookFor(words: string, number: number): Promise<void> {
    const messages = await context.ask('Messages', { Search: { words, limit: FOUND_MAX } });
    if (number === searching) context.set({ search: { words, messages } });
  }

  /** Shows what the page was opened with, once each; what is done with it is the person's to press. */
  function follow(opened: Opened): void {
    const { link } = opened;
    if (link === null || followed === opened) return;
    followed = opened;
    persons.show(/\/join#/u.test(link) ? { kind: 'join', link } : { kind: 'new-chat', text: link });
  }

  return {
    start,
    follow,
    subscribe: (listener: (state: Context['state']) => void) => context.subscribe(listener),
    search,
    ...talk,
    ...say(context, talk),
    ...carried,
    ...history(context),
    ...persons,
    ...details,
    ...accounts,
    ...lock,
    dismissToast: (id: number) => context.apply({ kind: 'toast-over', id }),
    closePanel: () => context.set({ panel: null, info: null }),
    tell: (text: string) => context.toast(text),
    online: (on: boolean) => around.door.online(on),
    seen: (on: boolean) => {
      around.door.seen(on);
      if (on) talk.markRead();
    },
  };
}

export type Controller = ReturnType<typeof makeController>;
