// What a person says, and what they do with what was said.

import type { Draft } from '../bridge/drafts';
import type { EntryId, LogId, MessageView } from '../bridge/types';
import { t } from '../text/text';
import { type Context, intentOf, wordsOf } from './context';
import type { Conversation } from './conversation';
import type { Editing } from './state';

/** The longest text, in bytes; the same as the core's. */
export const TEXT_BYTES_MAX = 64 * 1024;
/** The largest file; the same as the core's. */
export const FILE_BYTES_MAX = 100 * 1024 * 1024;

/** Others are told at most this often that somebody writes. */
const TYPING_EVERY_MS = 3000;
const SAVE_DRAFT_AFTER_MS = 400;

export function say(context: Context, conversation: Conversation) {
  const { around } = context;
  let typedAt = 0;
  const unsaved = new Set<LogId>();
  /** Chats in which something is begun in this tab. */
  const begun = new Set<LogId>();

  /** Whether the text was taken; otherwise it is to stay in the field. */
  function send(text: string): boolean {
    const { timeline, editing } = context.state;
    const words = text.trim();
    if (timeline === null || words === '') return false;
    if (new TextEncoder().encode(words).length > TEXT_BYTES_MAX) {
      context.toast(t('textTooLong'), 'error');
      return false;
    }
    context.run(editing === null ? sendNew(timeline.chat, text) : edit(editing, words));
    return true;
  }

  async function sendNew(chat: LogId, text: string): Promise<void> {
    const words = text.trim();
    const draft = context.state.drafts[chat];
    // Gone from the field at once; back again where it is refused.
    setDraft(chat, null);
    try {
      const reply_to = draft?.reply_to ?? null;
      await context.ask('Reply', { Do: { Send: { chat, text: words, reply_to } } });
      typedAt = 0;
      if (!context.state.timeline?.atEnd) conversation.toNewest();
    } catch (error) {
      setDraft(chat, { text, reply_to: draft?.reply_to ?? null });
      context.complain(error);
    }
  }

  async function edit(message: Editing, text: string): Promise<void> {
    context.set({ editing: null });
    if (text === message.text) return;
    const before = context.state.drafts[message.chat];
    try {
      const reply = await context.ask('Reply', { Do: { Edit: { ...on(message), text } } });
      if (reply !== 'Done') await context.intents.outcome(intentOf(reply));
    } catch (error) {
      editAgain({ ...message, typed: text }, before);
      context.complain(error);
    }
  }

  /** What was refused comes back into the field, unless something else is written there by now. */
  function editAgain(message: Editing, before: Draft | undefined): void {
    const { timeline, editing, drafts } = context.state;
    const isFree = editing === null && drafts[message.chat]?.text === before?.text;
    if (timeline?.chat === message.chat && isFree) context.set({ editing: message });
  }

  async function sendFiles(files: File[], text: string): Promise<void> {
    const { timeline, drafts } = context.state;
    if (timeline === null) return;
    const { chat } = timeline;
    let said = text.trim();
    let reply_to = drafts[chat]?.reply_to ?? null;
    if (said !== '' || reply_to !== null) setDraft(chat, null);
    for (const file of files) {
      if (file.size > FILE_BYTES_MAX) {
        context.toast(t('fileTooLarge', { name: file.name }), 'error');
        continue;
      }
      try {
        await around.door.sendFile(chat, said, reply_to, file);
      } catch (error) {
        context.toast(t('fileFailed', { name: file.name, words: wordsOf(error) }), 'error');
        continue;
      }
      // What is said, and what is answered, goes with the first file.
      said = '';
      reply_to = null;
    }
    // What went with no file comes back, unless something else is written by now.
    const lost = said !== '' || reply_to !== null;
    if (lost && context.state.drafts[chat] === undefined) setDraft(chat, { text: said, reply_to });
  }

  function setDraft(chat: LogId, draft: Draft | null): void {
    context.apply({ kind: 'draft', chat, draft });
    if (context.state.drafts[chat] === undefined) begun.delete(chat);
    else begun.add(chat);
    if (unsaved.has(chat)) return;
    unsaved.add(chat);
    around.after(SAVE_DRAFT_AFTER_MS, () => {
      if (unsaved.has(chat)) context.run(save(chat));
    });
  }

  function save(chat: LogId): Promise<void> {
    unsaved.delete(chat);
    return around.drafts.save(chat, context.state.drafts[chat] ?? null);
  }

  /**
   * Saves at once what would be saved in a moment: the page is about to go. Where it comes back by itself, all that
   * was begun here: another tab may have sent something of its own, and taken the draft of that chat away.
   */
  async function saveDrafts(comesBack = false): Promise<void> {
    const chats = new Set([...unsaved, ...(comesBack ? begun : [])]);
    await Promise.allSettled([...chats].map(save));
  }

  /** What stands in the field changed. */
  function write(text: string): void {
    const { timeline, editing, drafts } = context.state;
    if (timeline === null || editing !== null) return;
    const { chat } = timeline;
    setDraft(chat, { text, reply_to: drafts[chat]?.reply_to ?? null });
    if (text.trim() === '' || around.now() - typedAt < TYPING_EVERY_MS) return;
    typedAt = around.now();
    // Nobody needs to know where this fails.
    around.door.ask({ Do: { Typing: { chat } } }).catch(() => undefined);
  }

  function replyTo(message: EntryId | null): void {
    const chat = context.state.timeline?.chat;
    if (chat === undefined) return;
    context.set({ editing: null });
    setDraft(chat, { text: context.state.drafts[chat]?.text ?? '', reply_to: message });
  }

  /** Edits the last message that this person wrote, where it is in sight. */
  function editLast(): void {
    const { timeline, me } = context.state;
    const editing = timeline?.messages.findLast(
      ({ account, deleted, event, file, state }) =>
        account === me?.account && !deleted && event === null && file === null && state === 'Sent',
    );
    if (timeline?.atEnd && editing !== undefined) context.set({ editing });
  }

  function on(message: MessageView) {
    return { chat: message.chat, message: message.id };
  }

  return {
    send,
    saveDrafts,
    sendFiles: (files: File[], text: string) => context.run(sendFiles(files, text)),
    write,
    replyTo,
    beginEdit: (message: MessageView | null) => context.set({ editing: message }),
    editLast,
    /** Puts what was not sent back into the field. */
    again: ({ chat, text, reply_to }: MessageView) => setDraft(chat, { text: text ?? '', reply_to }),
    react: (message: MessageView, emoji: string) =>
      context.run(context.change({ React: { ...on(message), emoji } })),
    remove: (message: MessageView) => context.run(context.change({ Delete: on(message) })),
  };
}
