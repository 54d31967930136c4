// A form that is sent, and says why it was refused.

export class Form {
  busy = $state(false);
  error = $state<string | null>(null);

  /** Sends it; `send` gives the words of a refusal, or nothing. Returns whether it was taken. */
  async submit(send: () => Promise<string | null>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    try {
      this.error = await send();
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    } finally {
      this.busy = false;
    }
    return this.error === null;
  }
}

/** Usernames that somebody typed, with or without the sign before them. */
export function namesIn(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/u).map((name) => name.replace(/^@/u, '')).filter(Boolean))];
}
