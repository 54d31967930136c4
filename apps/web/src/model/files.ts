// Files of messages: fetched, put together, shown as pictures or handed over.

import type { EntryId, FileView, LogId, MessageView } from '../bridge/types';
import { type Context, intentOf } from './context';
import { cleanName } from './file-name';

/** Only what a browser draws without running anything. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
/** A larger one is not shown by itself. */
const PICTURE_BYTES_MAX = 20 * 1024 * 1024;
const PREVIEWS_MAX = 40;

export function isPicture(message: MessageView): boolean {
  const { file } = message;
  return file !== null && PICTURES.has(file.media_type) && file.size <= PICTURE_BYTES_MAX;
}

export function files(context: Context) {
  const previews = new Map<EntryId, Promise<string | null>>();

  /** Where a picture can be drawn from; nothing where it is none, or not here yet. */
  function preview(message: MessageView): Promise<string | null> {
    const { file } = message;
    if (file === null || !file.here || !isPicture(message)) return Promise.resolve(null);
    const known = previews.get(message.id);
    if (known !== undefined) return known;
    const made = collect(message.chat, message.id, file.media_type).then(
      (content) => URL.createObjectURL(content),
      () => null,
    );
    previews.set(message.id, made);
    forgetOldest();
    return made;
  }

  function forgetOldest(): void {
    const [oldest] = previews;
    if (previews.size <= PREVIEWS_MAX || oldest === undefined) return;
    previews.delete(oldest[0]);
    void oldest[1].then((url) => url !== null && URL.revokeObjectURL(url));
  }

  async function collect(chat: LogId, message: EntryId, type: string): Promise<Blob> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let index = 0; ; index += 1) {
      const part = await context.around.door.filePart(chat, message, index);
      if (part === null) return new Blob(parts, { type });
      parts.push(part as Uint8Array<ArrayBuffer>);
    }
  }

  async function save(message: MessageView): Promise<void> {
    if (message.file === null) return;
    // A type that no browser opens by itself, whatever the author says it is.
    const content = await collect(message.chat, message.id, 'application/octet-stream');
    context.around.saveFile(cleanName(message.file.name), content);
  }

  /** A part of a file has arrived. Once all of it has, its message says so, in whichever tab it is shown. */
  function moved({ transfer, have, total }: { transfer: string; have: number; total: number }): void {
    context.apply({ kind: 'moved', transfer, moved: { have, total } });
    if (have < total) return;
    const arrived = context.state.timeline?.messages.filter(({ file }) => file?.transfer === transfer && !file.here) ?? [];
    for (const message of arrived) context.run(lookAgain(message));
  }

  async function fetch(message: MessageView, { transfer, size }: FileView): Promise<void> {
    const { chat, id } = message;
    // Shown at once, before the first part is here.
    moved({ transfer, have: 0, total: size + 1 });
    try {
      const reply = await context.ask('Reply', { Do: { Download: { chat, message: id } } });
      if (reply !== 'Done') await context.intents.outcome(intentOf(reply));
      await lookAgain(message);
    } finally {
      // Also where it cannot be had: it is on no way any more.
      context.apply({ kind: 'moved', transfer, moved: { have: size, total: size } });
    }
  }

  async function lookAgain({ chat, id }: MessageView): Promise<void> {
    const messages = await context.ask('Messages', { Message: { chat, message: id } });
    context.apply({ kind: 'messages', messages });
  }

  return {
    preview,
    moved,
    download: (message: MessageView) => {
      if (message.file !== null) context.run(fetch(message, message.file));
    },
    save: (message: MessageView) => context.run(save(message)),
  };
}
