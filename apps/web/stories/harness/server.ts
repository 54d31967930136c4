// `veched` on a folder.

import { Program } from './program';

/** How long the port of a server that was killed may still be taken. */
const PORT_MS = 30_000;
const AGAIN_MS = 500;

export class Server {
  private running: Program | null = null;
  /** HOST:PORT/KEY, at which people register. */
  address = '';
  /** Where its page is. */
  page = '';

  constructor(
    private readonly data: string,
    private readonly flags: string[] = [],
  ) {}

  /** Starts it, or starts it again: it comes back at the same address. */
  async start(): Promise<void> {
    const end = Date.now() + PORT_MS;
    for (;;) {
      try {
        return await this.startOnce();
      } catch (error) {
        if (Date.now() > end || !/in use|has ended: $/u.test(String(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  private async startOnce(): Promise<void> {
    const program = Program.start('veched', ['serve', '--data', this.data, '--listen', '127.0.0.1:0', ...this.flags]);
    this.running = program;
    const [address = ''] = (await program.says('veche register --server ')).split(' ');
    if (this.address !== '' && this.address !== address) throw new Error(`the server came back as ${address}`);
    this.address = address;
    this.page = await program.says('in a browser: ');
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.running?.kill();
    this.running = null;
  }
}
