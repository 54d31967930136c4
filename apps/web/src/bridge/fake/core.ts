// A core for tests: answers what a test put into it, and writes down what it was told.

import type { Core, ReadPart } from '../load-core';
import type { News, Trouble } from '../types';

export class FakeCore implements Core {
  readonly told: string[] = [];
  readonly out: Uint8Array[] = [];
  readonly tidings: News[] = [];
  server: string | undefined = 'localhost:1/aaaa';
  wake: number | undefined = undefined;
  wantsToHangUp = false;
  busy = false;
  trouble: Trouble | null = null;
  onReceived: (bytes: Uint8Array) => void = () => undefined;

  ask(json: string): string {
    this.told.push(`ask ${json}`);
    if (this.trouble !== null) throw JSON.stringify(this.trouble);
    return JSON.stringify({ Text: json });
  }

  connected(): void {
    this.told.push('connected');
  }

  received(bytes: Uint8Array): void {
    this.told.push(`received ${bytes.join()}`);
    this.onReceived(bytes);
  }

  disconnected(): void {
    this.told.push('disconnected');
  }

  tick(): void {
    this.told.push('tick');
    this.wake = undefined;
  }

  outgoing(): Uint8Array | undefined {
    return this.out.shift();
  }

  news(): string | undefined {
    const next = this.tidings.shift();
    return next === undefined ? undefined : JSON.stringify(next);
  }

  wake_in(): number | undefined {
    return this.wake;
  }

  hangs_up(): boolean {
    const hangsUp = this.wantsToHangUp;
    this.wantsToHangUp = false;
    return hangsUp;
  }

  address(): string | undefined {
    return this.server;
  }

  is_busy(): boolean {
    return this.busy;
  }

  stage_file(name: string, media_type: string, size: number, read: ReadPart): number {
    this.told.push(`stage ${name} ${media_type} ${read(0, size).length}`);
    return 7;
  }

  file_part(_chat: string, _message: string, index: number): Uint8Array | undefined {
    return index === 0 ? new Uint8Array([1, 2]) : undefined;
  }
}
