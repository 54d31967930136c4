// A group of any size, whose owner stays and says what is wanted: `veche-testing crowd`.

import { Program } from './program';

/** A thousand accounts, or messages by the ten thousand, take minutes. */
const LONG_MS = 1_200_000;

export class Crowd {
  private constructor(
    private readonly program: Program,
    /** Whoever has it is let in. */
    readonly link: string,
  ) {}

  static async gathers(address: string, title: string, members: number): Promise<Crowd> {
    const words = ['crowd', '--server', address, '--title', title, '--members', `${members}`];
    const program = Program.start('veche-testing', words, undefined, 'asked');
    return new Crowd(program, await program.says('link ', LONG_MS));
  }

  /** The owner says so many messages, and then one with these words. */
  async says(count: number, last: string): Promise<void> {
    await this.program.does(`say ${count} ${last}`, 'said ', LONG_MS);
  }

  async ends(): Promise<void> {
    await this.program.kill();
  }
}
