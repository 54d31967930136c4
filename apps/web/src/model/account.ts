// The account, and what a person chose for this browser.

import { allowNotices } from '../bridge/notify';
import { askToPersist, lookAtRoom } from '../bridge/room';
import type { Settings } from '../bridge/settings';
import { t } from '../text/text';
import { type Context, wordsOf } from './context';
import { coreWords } from './core-words';
import type { passphrase } from './passphrase';

export interface Registration {
  server: string;
  name: string;
  invite: string;
  /** What is to open the history on this device. */
  passphrase: string | null;
}

export function account(context: Context, lock: ReturnType<typeof passphrase>) {
  let registration = 0;

  /** With a passphrase, nothing of the account is kept before that locks it. */
  async function register({ server, name, invite, passphrase: words }: Registration): Promise<void> {
    const number = ++registration;
    const stand = (waits: boolean, error: string | null) => {
      if (number === registration) context.set({ registering: { waits, error } });
    };
    stand(true, null);
    const refused = words === null ? null : await lock.lock(null, words);
    if (refused !== null) return stand(false, refused);
    try {
      const code = invite.trim() === '' ? null : invite.trim();
      const command = { Register: { server: server.trim(), name: name.trim().toLowerCase(), invite: code } };
      const reply = await context.ask('Reply', { Do: command });
      if (typeof reply !== 'string' && 'Intent' in reply) await context.intents.outcome(reply.Intent);
      const phrase = await context.ask('Text', 'Phrase');
      context.set({ me: await context.ask('Me', 'Me'), phrase });
      stand(false, null);
      context.set({ room: await askToPersist() });
    } catch (error) {
      stand(false, wordsOf(error));
    }
  }

  /** An account that was begun before this tab was opened: its registration still waits. */
  function resume(): void {
    if (registration === 0) context.set({ registering: { waits: true, error: null } });
  }

  /** Something settled while an account waits that this tab has not begun. */
  async function settled(intent: number): Promise<void> {
    const { me, registering } = context.state;
    if (registration > 0 || !registering.waits) return;
    const outcome = await context.ask('Settled', { Intent: intent });
    if (typeof outcome === 'object' && 'Failed' in outcome) {
      context.set({ registering: { waits: false, error: coreWords(outcome.Failed) } });
    } else if (me?.registered) {
      context.set({ registering: { waits: false, error: null }, phrase: await context.ask('Text', 'Phrase') });
    }
  }

  function choose(values: Partial<Settings>): void {
    const settings = { ...context.state.settings, ...values };
    context.set({ settings });
    context.around.saveSettings(settings);
  }

  async function chooseNotices(notifications: Settings['notifications']): Promise<void> {
    const allowed = notifications === 'off' || (await allowNotices());
    if (!allowed) context.toast(t('noticesRefused'), 'error');
    choose({ notifications: allowed ? notifications : 'off' });
  }

  async function persist(): Promise<void> {
    const room = await askToPersist();
    context.set({ room });
    if (room.persists === false) context.toast(t('storageRefused'));
  }

  async function setReceipts(on: boolean): Promise<void> {
    await context.change({ SetReceipts: on });
    context.set({ me: await context.ask('Me', 'Me') });
  }

  async function setDisplayName(name: string): Promise<string | null> {
    const refused = await context.tryChange({ SetDisplayName: name.trim() });
    if (refused === null) context.set({ me: await context.ask('Me', 'Me') });
    return refused;
  }

  async function openSettings(): Promise<void> {
    context.set({ panel: { kind: 'settings' } });
    const [contactLink, room] = await Promise.all([context.ask('Text', 'ContactLink'), lookAtRoom()]);
    context.set({ contactLink, room });
  }

  return {
    register: (wanted: Registration) => void register(wanted),
    resume,
    settled,
    phraseKept: () => context.set({ phrase: null }),
    showPhrase: () => context.ask('Text', 'Phrase'),
    choose,
    chooseNotices: (kind: Settings['notifications']) => context.run(chooseNotices(kind)),
    setReceipts: (on: boolean) => context.run(setReceipts(on)),
    setDisplayName,
    openSettings: () => context.run(openSettings()),
    lookAtRoom: () => context.run(lookAtRoom().then((room) => context.set({ room }))),
    persist: () => context.run(persist()),
  };
}
