// Waits for what becomes of a change that the core has kept.

import type { Door } from '../bridge/calls';
import type { Outcome, Settled } from '../bridge/types';

/** The server or the core refused a change for good; the message is for a person. */
export class Refused extends Error {}

export class Intents {
  private readonly waiting = new Map<number, (() => void)[]>();

  constructor(private readonly door: Pick<Door, 'ask'>) {}

  /** Settles when the intent does; that may take until there is a server. */
  async outcome(intent: number): Promise<Outcome> {
    for (;;) {
      // Listen before asking: it may settle in between.
      const news = new Promise<void>((resolve) => {
        this.waiting.set(intent, [...(this.waiting.get(intent) ?? []), resolve]);
      });
      const settled = await this.standing(intent);
      if (settled === 'Waiting') await news;
      else if ('Done' in settled) return settled.Done;
      else throw new Refused(settled.Failed);
    }
  }

  settled(intent: number): void {
    const waiting = this.waiting.get(intent) ?? [];
    this.waiting.delete(intent);
    for (const go of waiting) go();
  }

  /** Another tab owns the store now: what it told may have been missed. */
  askAgain(): void {
    for (const intent of [...this.waiting.keys()]) this.settled(intent);
  }

  private async standing(intent: number): Promise<Settled> {
    const answer = await this.door.ask({ Intent: intent });
    if (!('Settled' in answer)) throw new Error('the core answered something else');
    return answer.Settled;
  }
}
