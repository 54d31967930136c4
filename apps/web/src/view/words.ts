// Small sentences that several views say.

import { personName } from '../model/chat-list';
import type { ChatView, LinkView, MemberView, Role } from '../model/shown';
import type { Typist } from '../model/state';
import { t } from '../text/text';
import { moment } from './format';

export function typingWords(typing: Typist[], kind: ChatView['kind']): string {
  const [one, other, third] = typing;
  if (one === undefined) return '';
  if (third !== undefined && kind === 'Group') return t('typingMany');
  return other === undefined
    ? t('typingOne', { name: one.name })
    : t('typingTwo', { name: one.name, other: other.name });
}

export function roleWords(role: Role): string {
  return { Member: t('roleMember'), Admin: t('roleAdmin'), Owner: t('roleOwner') }[role];
}

/** How long somebody may be silent after they were added until they count as not arrived. */
const ARRIVAL_MS = 3 * 24 * 3_600_000;

export function memberWords(member: MemberView, now = Date.now()): string {
  const missing = member.silent_since !== null && now - member.silent_since >= ARRIVAL_MS;
  return [personName(member), member.me ? `(${t('you')})` : '', missing ? `(${t('notArrived')})` : '']
    .filter(Boolean)
    .join(' ');
}

/** Why nobody can write in a chat; nothing where they can. */
export function stateWords(chat: ChatView): string | null {
  switch (chat.state) {
    case 'Active':
      return null;
    case 'Joining':
      return t('stateJoining');
    case 'Repairing':
      return t('stateRepairing');
    case 'Left':
      return t('stateLeft');
    case 'Removed':
      return t('stateRemoved');
  }
}

/** What a group's link does, and what remains of it. */
export function linkWords(link: LinkView, now = Date.now()): string {
  const left = link.uses_max === null ? null : Math.max(0, link.uses_max - link.used);
  return [
    link.approves ? t('linkApproves') : t('linkLetsIn'),
    t('linkUsed', { count: link.used }),
    left === null ? '' : t('linkLeft', { count: left }),
    link.expires === null ? '' : t(link.expires > now ? 'linkUntil' : 'linkOver', { when: moment(link.expires) }),
  ]
    .filter(Boolean)
    .join(' ');
}

export async function copy(text: string, tell: (words: string) => void): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(t('copied'));
  } catch {
    tell(t('copyFailed'));
  }
}
