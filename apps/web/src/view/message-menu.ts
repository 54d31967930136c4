// What can be done with a message.

import type { IconName } from '../kit/icons';
import type { Controller } from '../model/controller';
import type { MessageView } from '../model/shown';
import { t } from '../text/text';
import { copy } from './words';

export interface Entry {
  label: string;
  icon: IconName;
  danger?: boolean;
  onpress: () => void;
}

interface Around {
  own: boolean;
  /** Whether this person can write in the chat. */
  writes: boolean;
  intents: Pick<Controller, 'replyTo' | 'beginEdit' | 'again' | 'tell'>;
  onreact: (message: MessageView) => void;
  ondelete: (message: MessageView) => void;
}

export function messageMenu(message: MessageView, around: Around): Entry[] {
  if (message.deleted) return [];
  const { own, writes, intents } = around;
  const isFailed = typeof message.state === 'object';
  const text = message.text ?? '';
  const entries: (Entry | false)[] = [
    writes && !isFailed && { label: t('reply'), icon: 'reply', onpress: () => intents.replyTo(message.id) },
    writes && !isFailed && { label: t('react'), icon: 'smile', onpress: () => around.onreact(message) },
    own && writes && isFailed && text !== '' && {
      label: t('again'), icon: 'retry', onpress: () => intents.again(message),
    },
    text !== '' && { label: t('copy'), icon: 'copy', onpress: () => void copy(text, intents.tell) },
    own && writes && !isFailed && message.file === null && {
      label: t('edit'), icon: 'edit', onpress: () => intents.beginEdit(message),
    },
    own && writes && !isFailed && {
      label: t('delete'), icon: 'delete', danger: true, onpress: () => around.ondelete(message),
    },
  ];
  return entries.filter((entry) => entry !== false);
}
