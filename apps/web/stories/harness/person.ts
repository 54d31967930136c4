// What can be asked of anybody, however they look at their chats.

/** A message as somebody sees it. */
export interface Seen {
  text: string;
  /** A part of the message that it answers. */
  answers?: string;
  /** Emoji that somebody gave. */
  reaction?: string;
  edited?: boolean;
  /** The name of its file. */
  file?: string;
}

export interface Person {
  readonly name: string;
  /** Waits until the message is there. */
  sees(chat: string, message: Seen): Promise<void>;
  /** Waits until a message is there no more, and a deleted one is. */
  seesDeleted(chat: string, text: string): Promise<void>;
  /** Waits until these are the last texts of the chat, in this order. */
  seesLast(chat: string, texts: string[]): Promise<void>;
}

/** Waits until each of them has seen it. */
export async function allSee(people: Person[], chat: string, message: Seen): Promise<void> {
  await Promise.all(people.map((person) => person.sees(chat, message)));
}
