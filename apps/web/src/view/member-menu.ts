// What can be done with a member. The core decides; this only leaves out what would be refused anyway.

import type { IconName } from '../kit/icons';
import type { Controller } from '../model/controller';
import type { MemberView, Role, RulesView } from '../model/shown';
import { t } from '../text/text';
import { roleWords } from './words';

interface Entry {
  label: string;
  icon: IconName;
  danger?: boolean;
  onpress: () => void;
}

const RANK: Record<Role, number> = { Member: 0, Admin: 1, Owner: 2 };

type Intents = Pick<Controller, 'setRole' | 'removeMember' | 'ban' | 'openDirect' | 'tell'>;

export function memberMenu(member: MemberView, mine: Role, rules: RulesView | null, intents: Intents): Entry[] {
  if (member.me) return [];
  const { name } = member;
  const entries: Entry[] = [{ label: t('message'), icon: 'send', onpress: () => void write(name, intents) }];
  for (const role of ['Member', 'Admin', 'Owner'] as const) {
    if (mine !== 'Owner' || role === member.role) continue;
    const icon = role === 'Owner' ? 'crown' : role === 'Admin' ? 'shield' : 'person';
    entries.push({ label: t('makeRole', { role: roleWords(role) }), icon, onpress: () => intents.setRole(name, role) });
  }
  const isBelow = RANK[member.role] < RANK[mine];
  if (isBelow && RANK[mine] >= RANK[rules?.remove ?? 'Admin']) {
    entries.push({ label: t('removeMember'), icon: 'leave', danger: true, onpress: () => intents.removeMember(name) });
  }
  if (isBelow && mine !== 'Member') {
    entries.push({ label: t('ban'), icon: 'lock', danger: true, onpress: () => intents.ban(name) });
  }
  return entries;
}

async function write(name: string, intents: Intents): Promise<void> {
  const refused = await intents.openDirect(name);
  if (refused !== null) intents.tell(refused);
}
