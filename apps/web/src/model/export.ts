// The whole history as one file that people and programs can read. Each page is a question of its own, so that
// nobody who asks something else meanwhile waits longer than for a page.

import type { ChatView, MessageView } from '../bridge/types';
import { t } from '../text/text';
import type { Context } from './context';

/** As many as the core gives at once. */
const PAGE = 500;

export function history(context: Context) {
  /** Hands the person a file with all chats; what is written of it so far is told in the state. */
  async function write(): Promise<void> {
    if (context.state.exporting !== null) return;
    try {
      context.set({ exporting: { done: 0, total: context.state.chats.length } });
      const content = await everything();
      const day = new Date(context.around.now()).toISOString().slice(0, 10);
      context.around.saveFile(`veche-history-${day}.json`, content);
      context.toast(t('exportDone'));
    } finally {
      context.set({ exporting: null });
    }
  }

  async function everything(): Promise<Blob> {
    const chats = await context.ask('Chats', 'Chats');
    const { me } = context.state;
    const account = me && { name: me.name, display_name: me.display_name, account: me.account, server: me.server };
    const head = { format: 'veche-history', version: 1, exported: isoOf(context.around.now()), account };
    // Parts that the browser may keep elsewhere than in memory.
    const parts: Blob[] = [blobOf(`${JSON.stringify(head).slice(0, -1)},"chats":[`)];
    for (const [done, chat] of chats.entries()) {
      context.set({ exporting: { done, total: chats.length } });
      if (done > 0) parts.push(blobOf(','));
      await writeChat(chat, parts);
    }
    parts.push(blobOf('\n]}\n'));
    return new Blob(parts, { type: 'application/json' });
  }

  async function writeChat(view: ChatView, parts: Blob[]): Promise<void> {
    const { chat, kind, title, state } = view;
    parts.push(blobOf(`\n${JSON.stringify({ chat, kind, title, state }).slice(0, -1)},"messages":[`));
    let last: MessageView | undefined;
    do {
      const at = last === undefined ? 'Start' : { After: last.id };
      const page = await context.ask('Messages', { Page: { chat, at, limit: PAGE } });
      const lines = page.map((message) => `\n${JSON.stringify(exported(message))}`).join();
      if (lines !== '') parts.push(blobOf(last === undefined ? lines : `,${lines}`));
      last = page.length < PAGE ? undefined : page.at(-1);
    } while (last !== undefined);
    parts.push(blobOf(']}'));
  }

  return { exportHistory: () => context.run(write()) };
}

/** What a file tells of a message: what was said, and not what a screen needs. */
function exported(message: MessageView) {
  const { id, from, display_name, account, text, event, reply_to, edited, deleted, reactions, file, state } = message;
  const named = file && { name: file.name, media_type: file.media_type, size: file.size, sha256: file.sha256 };
  const at = isoOf(message.at);
  return { id, from, display_name, account, at, text, event, reply_to, edited, deleted, reactions, file: named, state };
}

/** Others choose the time of what they write: it may be out of all bounds. */
function isoOf(at: number): string | null {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function blobOf(text: string): Blob {
  return new Blob([text]);
}
