// How much room the browser gives, and whether it may take it away again.

export interface Room {
  /** Whether the browser has promised not to delete what is kept; unknown where it does not say. */
  persists: boolean | null;
  used: number | null;
}

export async function askToPersist(): Promise<Room> {
  try {
    await navigator.storage.persist();
  } catch {
    return { persists: null, used: null };
  }
  return lookAtRoom();
}

export async function lookAtRoom(): Promise<Room> {
  try {
    const [persists, { usage }] = await Promise.all([
      navigator.storage.persisted(),
      navigator.storage.estimate(),
    ]);
    return { persists, used: usage ?? null };
  } catch {
    return { persists: null, used: null };
  }
}
