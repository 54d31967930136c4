// People and how to reach them: new chats, groups, links, requests, contacts.

import type { Command, Outcome, PersonReference } from '../bridge/types';
import { t } from '../text/text';
import type { Context } from './context';
import { coreWords } from './core-words';
import type { Conversation } from './conversation';
import type { Panel } from './state';

export function people(context: Context, conversation: Conversation) {
  /** Opens the chat that came of something, where the person still waits for it. */
  function openOutcome(outcome: Outcome): void {
    if (typeof outcome === 'string' || !('Chat' in outcome)) return;
    context.set({ panel: null });
    conversation.open(outcome.Chat);
  }

  async function refreshContacts(): Promise<void> {
    context.set({ contacts: await context.ask('Contacts', 'Contacts') });
  }

  async function refreshRequests(): Promise<void> {
    context.set({ requests: await context.ask('Requests', 'Requests') });
  }

  /** Reads what somebody pasted and goes on with what it is; returns why nothing can be done with it. */
  async function begin(pasted: string): Promise<string | null> {
    const text = pasted.trim();
    if (text === '') return t('nothingTyped');
    const read = await context.ask('Pasted', { Read: { text } });
    if ('Unknown' in read) return coreWords(read.Unknown);
    if ('Join' in read) return join(read.Join);
    const person: PersonReference = 'Contact' in read ? { Link: read.Contact } : { Username: read.Name };
    return keep({ OpenDirect: person }, openOutcome);
  }

  async function join(link: string): Promise<string | null> {
    const read = await context.ask('Pasted', { Read: { text: link.trim() } });
    if ('Unknown' in read) return coreWords(read.Unknown);
    if (!('Join' in read)) return t('notAJoinLink');
    return keep({ JoinByLink: read.Join }, () => context.toast(t('joinAsked')));
  }

  /** Has it done and closes the panel, or returns the words of a refusal. */
  async function keep(command: Command, whenDone?: (outcome: Outcome) => void): Promise<string | null> {
    const refused = await context.tryChange(command, whenDone);
    if (refused !== null) return refused;
    context.set({ panel: null });
    if (context.state.connection !== 'Live') context.toast(t('doneLater'));
    return null;
  }

  async function answerRequest(command: Command): Promise<void> {
    await context.change(command, (outcome) => {
      openOutcome(outcome);
      context.run(refreshRequests());
    });
    await refreshRequests();
  }

  function show(panel: Panel | null): void {
    context.set({ panel });
    if (panel?.kind === 'contacts' || panel?.kind === 'new-group') context.run(refreshContacts());
    if (panel?.kind === 'requests') context.run(refreshRequests());
  }

  return {
    show,
    begin,
    join,
    createGroup: (title: string, members: string[], large: boolean) =>
      keep({ CreateGroup: { title: title.trim(), members, large } }, openOutcome),
    addContact: (name: string) =>
      context.tryChange({ AddContact: { Username: name } }, () => context.run(refreshContacts())),
    openDirect: (name: string) => keep({ OpenDirect: { Username: name } }, openOutcome),
    block: (name: string, blocked: boolean) =>
      context.run(context.change({ Block: { name, blocked } }).then(refreshContacts)),
    accept: (request: string) => context.run(answerRequest({ Accept: { request } })),
    decline: (request: string) => context.run(answerRequest({ Decline: { request } })),
    safetyNumber: (name: string) => context.ask('Text', { SafetyNumber: { name } }),
    refreshRequests,
    refreshContacts,
  };
}
