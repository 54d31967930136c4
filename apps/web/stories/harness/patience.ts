// Waiting for what is to come, and no longer than it may take.

/** Nothing in a story takes longer, unless something is wrong. */
export const PATIENCE_MS = 45_000;
const LOOK_AGAIN_MS = 50;

/** Looks until there is something to be seen, and returns it. What was seen last is said where that never comes. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`in ${patienceMs / 1000} seconds this did not come: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Looks until what is there is what is wanted. */
export async function untilSame<T>(what: string, wanted: T, look: () => Promise<T>): Promise<void> {
  let last: T | undefined;
  const same = async () => {
    last = await look();
    return JSON.stringify(last) === JSON.stringify(wanted);
  };
  await until(what, same).catch((error: unknown) => {
    throw new Error(`${String(error)}; wanted ${JSON.stringify(wanted)}, there is ${JSON.stringify(last)}`);
  });
}
