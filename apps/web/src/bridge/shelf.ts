// A few small records in IndexedDB: keys, and what is sealed with them.

const NAME = 'veche';
const SHELVES = ['keys', 'drafts'] as const;
type Shelf = (typeof SHELVES)[number];

let opened: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const shelf of SHELVES) request.result.createObjectStore(shelf);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

export async function take<T>(shelf: Shelf, name: string): Promise<T | undefined> {
  return settled<T | undefined>((await database()).transaction(shelf).objectStore(shelf).get(name));
}

export async function takeAll<T>(shelf: Shelf): Promise<T[]> {
  return settled<T[]>((await database()).transaction(shelf).objectStore(shelf).getAll());
}

/** Puts a record there and returns once it is on the disk. */
export async function put(shelf: Shelf, name: string, value: unknown): Promise<void> {
  const change = await writing(shelf);
  change.objectStore(shelf).put(value, name);
  return done(change);
}

/** Puts a record there where none is; two tabs that do it at once both get the one that is kept. */
export async function putFirst<T>(shelf: Shelf, name: string, value: T): Promise<T> {
  const change = await writing(shelf);
  const store = change.objectStore(shelf);
  const there = await settled<T | undefined>(store.get(name));
  if (there === undefined) store.put(value, name);
  await done(change);
  return there ?? value;
}

export async function remove(shelf: Shelf, name: string): Promise<void> {
  const change = await writing(shelf);
  change.objectStore(shelf).delete(name);
  return done(change);
}

async function writing(shelf: Shelf): Promise<IDBTransaction> {
  return (await database()).transaction(shelf, 'readwrite', { durability: 'strict' });
}

function settled<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error);
  });
}

function done(change: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onerror = () => reject(change.error);
    change.onabort = () => reject(change.error);
  });
}
