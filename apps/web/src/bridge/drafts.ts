// What somebody began to write survives the tab, sealed.

import { canKeepKeys, namingKey, open, seal, type Sealed, sealingKey } from './key';
import { put, remove, takeAll } from './shelf';
import type { EntryId, LogId } from './types';

export interface Draft {
  text: string;
  reply_to: EntryId | null;
}

interface Kept extends Draft {
  chat: LogId;
}

export interface Drafts {
  load(): Promise<Record<LogId, Draft>>;
  save(chat: LogId, draft: Draft | null): Promise<void>;
}

/** Drafts on this device; where nothing can be kept, they live as long as the tab. */
export const drafts: Drafts = {
  async load() {
    if (!canKeepKeys()) return {};
    const key = await sealingKey();
    const found: Record<LogId, Draft> = {};
    for (const sealed of await takeAll<Sealed>('drafts')) {
      const kept = await read(key, sealed);
      if (kept !== null) found[kept.chat] = { text: kept.text, reply_to: kept.reply_to };
    }
    return found;
  },

  async save(chat, draft) {
    if (!canKeepKeys()) return;
    const name = await nameOf(chat);
    if (draft === null) return remove('drafts', name);
    const kept: Kept = { ...draft, chat };
    const bytes = new TextEncoder().encode(JSON.stringify(kept));
    await put('drafts', name, await seal(await sealingKey(), bytes));
  },
};

async function read(key: CryptoKey, sealed: Sealed): Promise<Kept | null> {
  try {
    return JSON.parse(new TextDecoder().decode(await open(key, sealed))) as Kept;
  } catch {
    // Sealed with a key that is gone: nobody can read it any more.
    return null;
  }
}

async function nameOf(chat: LogId): Promise<string> {
  const bytes = new TextEncoder().encode(chat);
  const name = new Uint8Array(await crypto.subtle.sign('HMAC', await namingKey(), bytes));
  return Array.from(name, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
