import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Call, FromWorker, ToWorker } from './calls';
import { FakeCore } from './fake/core';
import type { CoreModule } from './load-core';

let core: FakeCore;
let openings: (() => Promise<FakeCore>)[];
let said: FromWorker[];
let load: () => Promise<CoreModule>;

let sealing: () => Promise<object>;
/** As many bytes as the passphrase has letters. */
let keyFile: Uint8Array;
const wrong = () => {
  throw JSON.stringify({ Refused: 'wrong' });
};
vi.mock('./load-core', () => ({ loadCore: () => load() }));
vi.mock('./key', () => ({
  sealingKey: () => sealing(),
  keyFileOfDatabase: (make: () => Uint8Array) => Promise.resolve(make()),
  keyFileIs: (test: (file: Uint8Array) => boolean) => Promise.resolve(test(keyFile)),
  changeKeyFile: (change: (file: Uint8Array) => Uint8Array) => {
    keyFile = change(keyFile);
    return Promise.resolve();
  },
}));

const scope = globalThis as unknown as {
  onmessage: ((event: { data: ToWorker }) => void) | null;
  postMessage: (message: FromWorker) => void;
};
const tell = (data: ToWorker) => scope.onmessage?.({ data });
const held = () =>
  Promise.reject(JSON.stringify({ Broken: 'The browser gives no place for the history: in use' }));
const page = { secure: false, host: 'localhost:1', server: null };

/** A browser that gives the page files of its own. */
function giveFiles(): void {
  vi.stubGlobal('FileSystemFileHandle', class { createSyncAccessHandle() {} });
  vi.stubGlobal('navigator', { storage: { getDirectory: () => Promise.resolve({}) } });
}

beforeEach(async () => {
  core = new FakeCore();
  core.server = undefined;
  openings = [];
  said = [];
  keyFile = new Uint8Array(0);
  sealing = () => Promise.resolve({});
  load = () =>
    Promise.resolve({
      default: () => Promise.resolve(),
      Core: {
        new_key_file: () => keyFile,
        is_locked: (file) => file.length > 0,
        changed_key_file: (file, current = '', next = '') =>
          current.length === file.length ? new Uint8Array(next.length) : wrong(),
        open: (_name, file, passphrase = '') => {
          if (passphrase.length !== file.length) wrong();
          return openings.shift()?.() ?? Promise.resolve(core);
        },
        in_memory: () => core,
      },
    });
  vi.stubGlobal('postMessage', (message: FromWorker) => void said.push(message));
  vi.resetModules();
  await import('./worker');
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('where there are files and a key, the history is kept', async () => {
  giveFiles();
  tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toEqual([{ opened: 'kept' }]));
});

test('without a key, or without files, it is in memory and says so', async () => {
  giveFiles();
  sealing = () => Promise.reject(new Error('no keys in this window'));
  tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toEqual([{ opened: 'memory' }]));
  sealing = () => Promise.resolve({});
  said = [];
  tell({ open: { name: 'veche', keeps: false, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toEqual([{ opened: 'memory' }]));
  vi.stubGlobal('navigator', { storage: { getDirectory: () => Promise.reject(new Error('private')) } });
  tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
  await vi.waitFor(() => expect(said.at(-1)).toEqual({ opened: 'memory' }));
});

test('where a history was kept before, it is never in memory', async () => {
  giveFiles();
  const opens = async (keeps: boolean, words: string) => {
    said = [];
    tell({ open: { name: 'veche', keeps, keptBefore: true, page } });
    await vi.waitFor(() => expect(said).toEqual([{ failed: words }]));
  };
  await opens(false, 'this browser keeps no keys');
  sealing = () => Promise.reject(new Error('no keys now'));
  await opens(true, 'no keys now');
  vi.stubGlobal('navigator', { storage: { getDirectory: () => Promise.reject(new Error('no files now')) } });
  await opens(true, 'no files now');
});

test('a database that another tab is just letting go of is tried again', async () => {
  giveFiles();
  vi.useFakeTimers();
  openings = Array.from({ length: 20 }, () => held);
  tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(said).toEqual([]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(said).toEqual([{ opened: 'kept' }]);
});

test('a database that is never let go of is given up', async () => {
  giveFiles();
  vi.useFakeTimers();
  openings = Array.from({ length: 99 }, () => held);
  tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
  await vi.advanceTimersByTimeAsync(41_000);
  expect(said).toEqual([{ failed: 'The browser gives no place for the history: in use' }]);
});

test('a database that cannot be opened is never taken for none', async () => {
  giveFiles();
  vi.useFakeTimers();
  for (const trouble of [{ Broken: 'a newer version' }, { Refused: 'another key' }]) {
    said = [];
    openings = [() => Promise.reject(JSON.stringify(trouble))];
    tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
    // Nor is it tried again.
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual([{ failed: Object.values(trouble)[0] }]);
  }
});

test('a core that is not there is said', async () => {
  load = () => Promise.reject(new Error('no core'));
  tell({ open: { name: 'veche', keeps: false, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toEqual([{ failed: 'no core' }]));
});

test('questions are answered in their turn, files read part by part, and news told', async () => {
  vi.stubGlobal('FileReaderSync', class {
    readAsArrayBuffer(part: Blob) {
      return new Uint8Array(part.size).buffer;
    }
  });
  tell({ open: { name: 'veche', keeps: false, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toHaveLength(1));
  said = [];
  const file = new File(['abc'], 'a.txt', { type: 'text/plain' });
  tell({ call: 1, of: { sendFile: { chat: 'c', text: '', reply_to: null, file } } });
  core.tidings.push({ Event: { Chat: 'c' } });
  tell({ call: 2, of: { ask: 'Me' } });
  expect(core.told[0]).toBe('stage a.txt text/plain 3');
  expect(said[0]).toMatchObject({ answered: 1 });
  expect(said.slice(1)).toEqual([
    { tidings: { Event: { Chat: 'c' } } },
    { answered: 2, result: { value: { Text: '"Me"' } } },
  ]);
  tell({ call: 3, of: { part: { chat: 'c', message: 'm', index: 0 } } });
  tell({ call: 4, of: { part: { chat: 'c', message: 'm', index: 1 } } });
  expect(said.slice(3)).toEqual([
    { answered: 3, result: { value: new Uint8Array([1, 2]) } },
    { answered: 4, result: { value: null } },
  ]);
});

test('a server elsewhere is said, and not dialled', async () => {
  const dialled = vi.fn();
  vi.stubGlobal('WebSocket', class { constructor() { dialled(); } });
  core.server = 'other.example:443/abc';
  vi.stubEnv('DEV', false);
  tell({ open: { name: 'veche', keeps: false, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toHaveLength(2));
  expect(said[1]).toEqual({ tidings: { Elsewhere: { server: 'other.example:443' } } });
  expect(dialled).not.toHaveBeenCalled();
  vi.unstubAllEnvs();
});

test('a locked history asks until the passphrase is the right one', async () => {
  giveFiles();
  keyFile = new Uint8Array(6);
  tell({ unlock: 'too early' });
  tell({ open: { name: 'veche', keeps: true, keptBefore: true, page } });
  await vi.waitFor(() => expect(said).toEqual([{ locked: 0 }]));
  tell({ unlock: 'wrong' });
  await vi.waitFor(() => expect(said).toEqual([{ locked: 0 }, { locked: 1 }]));
  tell({ unlock: 'sesame' });
  await vi.waitFor(() => expect(said.at(-1)).toEqual({ opened: 'kept' }));
});

test('a passphrase is set, changed with the one before, and taken away', async () => {
  giveFiles();
  tell({ open: { name: 'veche', keeps: true, keptBefore: false, page } });
  await vi.waitFor(() => expect(said).toEqual([{ opened: 'kept' }]));
  let call = 0;
  const asks = async (of: Call) => {
    tell({ call: ++call, of });
    await vi.waitFor(() => expect(said.at(-1)).toMatchObject({ answered: call }));
    return (said.at(-1) as Extract<FromWorker, { answered: number }>).result;
  };
  expect(await asks('isLocked')).toEqual({ value: false });
  expect(await asks({ lock: { current: null, next: 'sesame' } })).toEqual({ value: null });
  expect(await asks('isLocked')).toEqual({ value: true });
  expect(await asks({ lock: { current: 'wrong', next: null } })).toEqual({ trouble: { Refused: 'wrong' } });
  expect(await asks('isLocked')).toEqual({ value: true });
  expect(await asks({ lock: { current: 'sesame', next: null } })).toEqual({ value: null });
  expect(await asks('isLocked')).toEqual({ value: false });
});
