// The details of the open chat: who is in it, who may do what, its link.

import type { ChatView, Command, LogId, Role, RulesChange } from '../bridge/types';
import { t } from '../text/text';
import type { Context } from './context';
import type { Conversation } from './conversation';

const MEMBERS_PAGE = 50;
const FOUND_MAX = 50;

/** New rules in which nothing changes. */
const SAME: RulesChange = { post: null, add: null, remove: null, rename: null, slow: null };

/** A link that is to be made. */
export interface NewLink {
  /** Whether somebody decides about each who asks. */
  approves: boolean;
  /** For how many milliseconds it is good. */
  lasts: number | null;
  /** For how many people. */
  uses: number | null;
}

export function group(context: Context, conversation: Conversation) {
  function info(chat: LogId, values: Partial<NonNullable<Context['state']['info']>>): void {
    context.apply({ kind: 'info', chat, values });
  }

  function openInfo(): void {
    const chat = openChat(context);
    if (chat === undefined) return;
    const empty = { members: [], more: false, words: '', rules: null, link: null };
    context.set({
      panel: { kind: 'info' },
      info: { ...empty, chat: chat.chat, joinRequests: [], banned: [], safetyNumber: null },
    });
    context.run(refresh(chat));
  }

  /** Looks at everything again; what cannot be had, because this person may not, stays empty. */
  async function refresh(view: ChatView): Promise<void> {
    const { chat } = view;
    if (view.kind === 'Direct') {
      const safetyNumber = await orNull(context.ask('Text', { SafetyNumber: { name: view.title } }));
      info(chat, { safetyNumber });
    } else {
      const [rules, link, joinRequests, banned] = await Promise.all([
        orNull(context.ask('Rules', { Rules: { chat } })),
        orNull(context.ask('Link', { Link: { chat } })),
        orNull(context.ask('JoinRequests', { JoinRequests: { chat } })),
        orNull(context.ask('Contacts', { Banned: { chat } })),
      ]);
      info(chat, { rules, link, joinRequests: joinRequests ?? [], banned: banned ?? [] });
    }
    await findMembers(context.state.info?.words ?? '');
  }

  async function findMembers(words: string): Promise<void> {
    const chat = context.state.info?.chat;
    if (chat === undefined) return;
    info(chat, { words });
    const members = await (words.trim() === ''
      ? context.ask('Members', { Members: { chat, after: null, limit: MEMBERS_PAGE } })
      : context.ask('Members', { FindMembers: { chat, words: words.trim(), limit: FOUND_MAX } }));
    // Something else is looked for by now.
    if (context.state.info?.words !== words) return;
    info(chat, { members, more: words.trim() === '' && members.length === MEMBERS_PAGE });
  }

  async function moreMembers(): Promise<void> {
    const known = context.state.info;
    const last = known?.members.at(-1);
    if (known === null || last === undefined || !known.more) return;
    const { chat, words } = known;
    const after = last.account;
    const next = await context.ask('Members', { Members: { chat, after, limit: MEMBERS_PAGE } });
    const now = context.state.info;
    if (now?.words !== words || now.members.at(-1)?.account !== after) return;
    info(chat, { members: [...now.members, ...next], more: next.length === MEMBERS_PAGE });
  }

  /** Has it done, and looks again once it is. */
  async function change(command: Command): Promise<string | null> {
    const refused = await context.tryChange(command, refreshOpen);
    if (refused === null) {
      refreshOpen();
      if (context.state.connection !== 'Live') context.toast(t('doneLater'));
    }
    return refused;
  }

  function refreshOpen(): void {
    const view = context.state.chats.find(({ chat }) => chat === context.state.info?.chat);
    if (view !== undefined && context.state.panel?.kind === 'info') context.run(refresh(view));
  }

  /** As `change`, for what is pressed and not typed: a refusal is told. */
  function press(command: Command): void {
    context.run(
      change(command).then((refused) => {
        if (refused !== null) context.toast(refused, 'error');
      }),
    );
  }

  /** Lets the group go on in another place, and shows it there. */
  async function renew(large: boolean, without: string[]): Promise<string | null> {
    const refused = await context.tryChange({ Renew: { chat: chat(), large, without } }, (outcome) => {
      if (typeof outcome === 'object' && 'Chat' in outcome) conversation.open(outcome.Chat);
    });
    if (refused === null) context.set({ panel: null });
    return refused;
  }

  const chat = () => context.state.info?.chat ?? '';
  return {
    openInfo,
    refreshInfo: refreshOpen,
    findMembers: (words: string) => context.run(findMembers(words)),
    moreMembers: () => context.run(moreMembers()),
    addMembers: (names: string[]) => change({ AddMembers: { chat: chat(), names } }),
    rename: (title: string) => change({ Rename: { chat: chat(), title: title.trim() } }),
    removeMember: (name: string) => press({ RemoveMembers: { chat: chat(), names: [name] } }),
    ban: (name: string) => press({ Ban: { chat: chat(), names: [name], banned: true } }),
    unban: (name: string) => press({ Ban: { chat: chat(), names: [name], banned: false } }),
    setRole: (name: string, role: Role) => press({ SetRole: { chat: chat(), name, role } }),
    setRules: (rules: Partial<RulesChange>) =>
      press({ SetRules: { chat: chat(), rules: { ...SAME, ...rules } } }),
    guard: (on: boolean) => press({ Guard: { chat: chat(), on } }),
    makeLink: (wanted: NewLink) => change({ MakeLink: { chat: chat(), ...wanted } }),
    renew,
    closeLink: () => press({ CloseLink: { chat: chat() } }),
    letIn: (name: string) => press({ LetIn: { chat: chat(), names: [name] } }),
    turnAway: (name: string) => press({ TurnAway: { chat: chat(), names: [name] } }),
    leave: () => {
      press({ Leave: { chat: chat() } });
      context.set({ panel: null });
    },
    skipMissed: (missed: LogId) => context.run(context.change({ SkipMissed: { chat: missed } })),
  };
}

export function openChat(context: Context): ChatView | undefined {
  const { timeline, chats } = context.state;
  return chats.find(({ chat }) => chat === timeline?.chat);
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch {
    return null;
  }
}
