// All that a story plays with: a server and people. Whatever happens, it is all gone at the end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrowserPerson, DESKTOP, type Look } from './browser';
import { Server } from './server';
import { TerminalPerson } from './terminal';

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'veche-story-'));
  readonly server: Server;
  private readonly browsers: BrowserPerson[] = [];

  private constructor(flags: string[]) {
    this.server = new Server(join(this.folder, 'server'), flags);
  }

  /** With further flags for the server. */
  static async set(flags: string[] = []): Promise<Stage> {
    const stage = new Stage(flags);
    await stage.server.start();
    return stage;
  }

  /** Somebody whose browser is not started yet. */
  newcomer(name: string, look: Look = DESKTOP): BrowserPerson {
    // Browsers write the path of their profile into many files: it holds no name.
    const person = new BrowserPerson(name, join(this.folder, `profile-${this.browsers.length}`), look);
    this.browsers.push(person);
    return person;
  }

  /** Somebody who has opened the page in a browser of their own. */
  async visitor(name: string, look: Look = DESKTOP): Promise<BrowserPerson> {
    const person = this.newcomer(name, look);
    await person.opens(this.server.page);
    return person;
  }

  /** The same, with an account. */
  async browser(name: string, look: Look = DESKTOP): Promise<BrowserPerson> {
    const person = await this.visitor(name, look);
    await person.registers();
    return person;
  }

  /** Somebody with an account, in the terminal. */
  async terminal(name: string): Promise<TerminalPerson> {
    const person = new TerminalPerson(name, this.folder);
    await person.registers(this.server.address);
    return person;
  }

  async killServer(): Promise<void> {
    for (const browser of this.browsers) browser.cutOff = true;
    await this.server.kill();
  }

  /** What browsers complained about since this was asked last. */
  complaints(): string[] {
    return this.browsers.flatMap(({ complaints }) => complaints.splice(0));
  }

  /** Pictures of all browsers as they are, for whoever looks for the fault. */
  async takePictures(folder: string, title: string): Promise<void> {
    const name = title.replaceAll(/\W+/gu, '-');
    const pictures = this.browsers.map((person) => person.page.screenshot({ path: join(folder, `${name}-${person.name}.png`) }));
    await Promise.allSettled(pictures);
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.browsers.map((browser) => browser.closes()));
    await this.server.kill();
    try {
      // A browser that was just closed may still write there.
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    } catch (error) {
      console.warn(`${this.folder} stays: ${String(error)}`);
    }
  }
}
