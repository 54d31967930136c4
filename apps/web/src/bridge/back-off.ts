// How long to wait before the server is dialled again.

const FIRST_MS = 500;
const MAX_MS = 60_000;

export class BackOff {
  private tries = 0;

  /** The next wait; chance spreads those who lost the same server. `random` is in [0, 1). */
  nextMs(random: number): number {
    const whole = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.tries, 10));
    this.tries += 1;
    return Math.round(whole / 2 + (random * whole) / 2);
  }

  reset(): void {
    this.tries = 0;
  }
}
