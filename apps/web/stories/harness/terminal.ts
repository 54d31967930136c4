// A person with a home, who types commands.

import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { until, untilSame } from './patience';
import type { Person, Seen } from './person';
import { Program } from './program';

interface Said {
  id: string;
  text?: string;
  event?: string;
  reply_to?: string;
  edited?: boolean;
  deleted?: boolean;
  /** Who gave which emoji. */
  reactions?: Record<string, string[]>;
  file?: { name: string };
}

export class TerminalPerson implements Person {
  private readonly home: string;
  /** The folder in which the commands run. */
  readonly desk: string;

  constructor(
    readonly name: string,
    folder: string,
  ) {
    this.home = join(folder, name, 'home');
    this.desk = join(folder, name, 'desk');
    mkdirSync(this.desk, { recursive: true });
  }

  async registers(address: string): Promise<void> {
    await this.types('register', '--server', address, '--name', this.name);
  }

  /** Runs a command to its good end, and returns the objects that it prints. */
  async types<T>(...words: string[]): Promise<T[]> {
    const lines = await Program.start('veche', ['--home', this.home, '--json', ...words], this.desk).finishes();
    return lines.map((line) => JSON.parse(line) as T);
  }

  /** Starts a program that has the home until it is killed: other commands are handed over to it, which is quick. */
  stays(): Program {
    return Program.start('veche', ['--home', this.home, '--json', 'sync', '--wait', '100000', '--timeout', '100000'], this.desk);
  }

  /** Says something, and returns the id of the message. */
  async writes(chat: string, text: string, ...more: string[]): Promise<string> {
    const [said] = await this.types<{ id: string }>('send', chat, text, ...more);
    if (said === undefined) throw new Error('nothing was said');
    return said.id;
  }

  /** Accepts the first request that comes. */
  async accepts(): Promise<void> {
    const request = await until(`a request to ${this.name}`, async () => {
      await this.types('sync');
      return (await this.types<{ id: string }>('requests'))[0];
    });
    await this.types('accept', request.id);
  }

  async replies(chat: string, to: string, text: string): Promise<void> {
    await this.writes(chat, text, '--reply', (await this.finds(chat, { text: to })).id);
  }

  async reacts(chat: string, text: string, emoji: string): Promise<void> {
    await this.types('react', chat, (await this.finds(chat, { text })).id, emoji);
  }

  async edits(chat: string, text: string, next: string): Promise<void> {
    await this.types('edit', chat, (await this.finds(chat, { text })).id, next);
  }

  async deletes(chat: string, text: string): Promise<void> {
    await this.types('delete', chat, (await this.finds(chat, { text })).id);
  }

  /** Saves the file of a message, and returns what is in it. */
  async savesFile(chat: string, message: Seen): Promise<Buffer> {
    const { id } = await this.finds(chat, message);
    const [saved] = await this.types<{ path: string }>('save', chat, id);
    if (saved === undefined) throw new Error('nothing was saved');
    return readFileSync(resolve(this.desk, saved.path));
  }

  async sees(chat: string, message: Seen): Promise<void> {
    await this.finds(chat, message);
  }

  async seesDeleted(chat: string, text: string): Promise<void> {
    await until(`${this.name} sees that “${text}” was deleted`, async () => {
      const all = await this.reads(chat);
      return all.every((said) => said.text !== text) && all.some(({ deleted }) => deleted === true);
    });
  }

  async seesLast(chat: string, texts: string[]): Promise<void> {
    await untilSame(`${this.name} sees the last texts of ${chat}`, texts, async () => {
      const all = await this.reads(chat);
      return all.flatMap(({ text }) => text ?? []).slice(-texts.length);
    });
  }

  /** All texts of a chat, oldest first. */
  async readsTexts(chat: string): Promise<string[]> {
    return (await this.reads(chat)).flatMap(({ text }) => text ?? []);
  }

  private async finds(chat: string, wanted: Seen): Promise<Said> {
    return until(`${this.name} sees ${JSON.stringify(wanted)} in ${chat}`, async () => {
      const all = await this.reads(chat);
      return all.find((said) => isSame(said, wanted, all));
    });
  }

  private async reads(chat: string): Promise<Said[]> {
    await this.types('sync');
    return this.types<Said>('export', chat);
  }
}

function isSame(said: Said, wanted: Seen, all: Said[]): boolean {
  const answered = all.find(({ id }) => id === said.reply_to)?.text ?? '';
  return (
    (said.text ?? '') === wanted.text &&
    (wanted.answers === undefined || answered.includes(wanted.answers)) &&
    (wanted.reaction === undefined || wanted.reaction in (said.reactions ?? {})) &&
    (wanted.edited === undefined || (said.edited ?? false) === wanted.edited) &&
    (wanted.file === undefined || said.file?.name === wanted.file)
  );
}
