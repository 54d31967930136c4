// Programs of ours: started, listened to, ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PATIENCE_MS, until } from './patience';

/** Where a program of ours lies. */
function pathOf(name: string): string {
  const folder = process.env['VECHE_BIN_DIR'];
  if (folder === undefined) throw new Error('VECHE_BIN_DIR is to name the folder of the built veche and veched');
  const path = resolve(join(folder, name));
  if (!existsSync(path)) throw new Error(`${path} is not there: build it, or set VECHE_BIN_DIR`);
  return path;
}

/** A program that runs. It ends with this process, if not before. */
export class Program {
  readonly lines: string[] = [];
  private complaints = '';
  private readonly ended: Promise<unknown>;
  private readonly withUs = () => this.child.kill('SIGKILL');

  private constructor(
    readonly line: string,
    private readonly child: ChildProcess,
  ) {
    if (child.stdout !== null) createInterface(child.stdout).on('line', (text) => this.lines.push(text));
    child.stderr?.on('data', (text: Buffer) => (this.complaints += text.toString()));
    process.once('exit', this.withUs);
    this.ended = once(child, 'close').finally(() => process.off('exit', this.withUs));
  }

  static start(name: string, words: string[], folder?: string, asked: 'asked' | 'left alone' = 'left alone'): Program {
    const environment = { ...process.env, TZ: 'UTC' };
    const child = spawn(pathOf(name), words, { cwd: folder, env: environment, stdio: [asked === 'asked' ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    return new Program([name, ...words].join(' '), child);
  }

  /** What follows the beginning of the first line that begins so. */
  async says(beginning: string, patienceMs?: number): Promise<string> {
    const look = () => {
      if (this.child.exitCode !== null) throw new Error(`${this.line} has ended: ${this.complaints}`);
      return Promise.resolve(this.lines.find((text) => text.startsWith(beginning)));
    };
    const line = await until(`a line of ${this.line} that begins with ${beginning}`, look, patienceMs);
    return line.slice(beginning.length);
  }

  /** Asks it for something, with a line, and waits for a new line that begins so. */
  async does(order: string, beginning: string, patienceMs?: number): Promise<void> {
    this.lines.length = 0;
    this.child.stdin?.write(`${order}\n`);
    await this.says(beginning, patienceMs);
  }

  /** Waits for a good end, and returns what was printed. */
  async finishes(): Promise<string[]> {
    const timer = setTimeout(this.withUs, PATIENCE_MS);
    await this.ended.finally(() => clearTimeout(timer));
    if (this.child.exitCode === 0) return this.lines;
    throw new Error(`${this.line} ended with ${this.child.exitCode ?? this.child.signalCode}: ${this.complaints}`);
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
