// What is shown of a message in one line.

import type { LastView, MessageView } from '../bridge/types';
import { t } from '../text/text';
import { plainLine } from './plain-words';

const CHARACTERS_MAX = 120;

export function previewOf(message: MessageView | LastView): string {
  if (message.event !== null) return line(message.event);
  if (message.deleted) return t('deleted');
  const text = line(message.text ?? '');
  if (message.file === null) return text;
  const name = line(typeof message.file === 'string' ? message.file : message.file.name);
  return text === '' ? t('fileNamed', { name }) : `${t('fileNamed', { name })} ${text}`;
}

/** The beginning of a text, in one line and never cut within a character. */
export function line(text: string): string {
  // More than is shown, so that a long text is not gone through.
  const words = plainLine(text.slice(0, 4 * CHARACTERS_MAX)).split(/\s+/u).filter(Boolean).join(' ');
  const characters = [...words];
  return characters.length <= CHARACTERS_MAX ? words : `${characters.slice(0, CHARACTERS_MAX).join('')}…`;
}
