// The passphrase that opens the history on this device.

import { Failure } from '../bridge/calls';
import { t } from '../text/text';
import { type Context, wordsOf } from './context';

export function passphrase(context: Context) {
  const { door } = context.around;

  async function look(): Promise<void> {
    context.set({ isLocked: await door.isLocked() });
  }

  /** Sets, changes or takes away the passphrase; returns why that was refused. */
  async function lock(current: string | null, next: string | null): Promise<string | null> {
    try {
      await door.lock({ current, next });
    } catch (error) {
      // Nothing else is ever refused.
      const refused = error instanceof Failure && error.reason.kind === 'refused';
      return refused ? t('passphraseWrong') : wordsOf(error);
    }
    context.set({ isLocked: next !== null });
    return null;
  }

  return { lookAtLock: look, lock, unlock: (words: string) => door.unlock(words) };
}

/** Why a new passphrase, typed twice, is not taken; nothing where it is. */
export function refusalOf(next: string, again: string): string | null {
  if (next === '') return t('passphraseEmpty');
  return next === again ? null : t('passphraseDiffers');
}
