// The dedicated worker: the core, its database and its socket live here.

import type { Call, FromWorker, Opening, PagePlace, Passphrases, Result, Tidings, ToWorker } from './calls';
import { wayTo } from './dial';
import { changeKeyFile, keyFileIs, keyFileOfDatabase, sealingKey } from './key';
import { Engine, type Hears, type Socket, troubleOf } from './engine';
import { type Core, type CoreModule, loadCore } from './load-core';

/** A tab that closed lets go of the database's files seconds after it let go of the lock: waits of 40 s in all. */
const OPEN_AGAIN_MS = [100, 300, 1000, ...Array.from({ length: 19 }, () => 2000)];
/** How the core's words begin where the files are held, or not to be had. */
const NO_PLACE = 'The browser gives no place for the history';

/** Only workers have it, so the types of pages do not tell of it. */
declare class FileReaderSync {
  readAsArrayBuffer(part: Blob): ArrayBuffer;
}

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}
const scope = self as unknown as WorkerScope;
const say = (message: FromWorker) => scope.postMessage(message);

let engine: Engine | null = null;
/** Takes the next passphrase that a person gives, where one is waited for. */
let takePassphrase: ((passphrase: string) => void) | null = null;

scope.onmessage = ({ data }) => {
  if ('open' in data) void open(data.open);
  else if ('online' in data) engine?.online(data.online);
  else if ('unlock' in data) takePassphrase?.(data.unlock);
  else answer(data);
};

async function open(wanted: Opening): Promise<void> {
  try {
    const module = await loadCore();
    const keyFile = await keyFileOrNone(module, wanted);
    const core = keyFile === null
      ? module.Core.in_memory()
      : await unlock(module, wanted.name, keyFile);
    engine = new Engine(core, surroundings(wanted.page));
    say({ opened: keyFile === null ? 'memory' : 'kept' });
    engine.start();
  } catch (error) {
    const trouble = troubleOf(error);
    say({ failed: 'Broken' in trouble ? trouble.Broken : trouble.Refused });
  }
}

/**
 * Nothing where the browser keeps no keys or no files, as some do not in private windows: the session is in
 * memory. Where a history was kept before, that is a failure: it would seem to be gone.
 */
async function keyFileOrNone(module: CoreModule, wanted: Opening): Promise<Uint8Array | null> {
  try {
    if (!wanted.keeps) throw new Error('this browser keeps no keys');
    await askPrivateFiles();
    await sealingKey();
  } catch (error) {
    if (wanted.keptBefore) throw error;
    return null;
  }
  return keyFileOfDatabase(() => module.Core.new_key_file());
}

/** Opens the database, with the passphrase that it takes: asked for until it is the right one. */
async function unlock(module: CoreModule, name: string, keyFile: Uint8Array): Promise<Core> {
  if (!module.Core.is_locked(keyFile)) return openKept(module, name, keyFile);
  for (let tries = 0; ; tries += 1) {
    say({ locked: tries });
    const passphrase = await new Promise<string>((resolve) => {
      takePassphrase = resolve;
    });
    takePassphrase = null;
    try {
      return await openKept(module, name, keyFile, passphrase);
    } catch (error) {
      if (!('Refused' in troubleOf(error))) throw error;
    }
  }
}

async function openKept(module: CoreModule, name: string, keyFile: Uint8Array, passphrase?: string): Promise<Core> {
  for (const wait of OPEN_AGAIN_MS) {
    try {
      return await module.Core.open(name, keyFile, passphrase);
    } catch (error) {
      const trouble = troubleOf(error);
      if (!('Broken' in trouble && trouble.Broken.startsWith(NO_PLACE))) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return module.Core.open(name, keyFile, passphrase);
}

/** Fails where this browser gives the page no files of its own (some do not in private windows). */
async function askPrivateFiles(): Promise<void> {
  await navigator.storage.getDirectory();
  if (!('createSyncAccessHandle' in FileSystemFileHandle.prototype)) throw new Error('this browser gives no files');
}

function answer({ call, of }: { call: number; of: Call }): void {
  const result = resultOf(of);
  if (!('then' in result)) return sayResult(call, result);
  void result.then((later) => sayResult(call, later));
}

/** A part of a file is handed over, not copied, where it has memory of its own. */
function sayResult(call: number, result: Result): void {
  const part = 'value' in result && result.value instanceof Uint8Array ? result.value : null;
  const isWhole = part !== null && part.byteLength === part.buffer.byteLength;
  scope.postMessage({ answered: call, result }, isWhole ? [part.buffer as ArrayBuffer] : []);
}

// A promise only for files and keys: a question is answered within its own turn.
function resultOf(call: Call): Result | Promise<Result> {
  const running = engine;
  if (running === null) return { trouble: { Broken: 'not open' } };
  if (call === 'isLocked') return ofKeys(async (core) => keyFileIs((file) => core.is_locked(file)));
  if ('lock' in call) return ofKeys((core) => lock(core, call.lock));
  if (!('sendFile' in call)) return running.call(call);
  const { sendFile } = call;
  return running.sendFile(sendFile, partsOf(sendFile.file));
}

async function lock(core: CoreModule['Core'], { current, next }: Passphrases): Promise<null> {
  await changeKeyFile((file) => core.changed_key_file(file, current ?? undefined, next ?? undefined));
  return null;
}

async function ofKeys(act: (core: CoreModule['Core']) => Promise<boolean | null>): Promise<Result> {
  try {
    return { value: await act((await loadCore()).Core) };
  } catch (error) {
    return { trouble: troubleOf(error) };
  }
}

// Read part by part, so that no file is in memory whole.
function partsOf(file: File): (offset: number, length: number) => Uint8Array {
  const reader = new FileReaderSync();
  return (offset, length) => new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + length)));
}

function surroundings(page: PagePlace) {
  return {
    dial: (address: string, hears: Hears) => {
      const way = wayTo(address, page, import.meta.env.DEV);
      return 'url' in way ? dial(way.url, hears) : { server: way.elsewhere };
    },
    after: (ms: number, act: () => void) => {
      if (ms < 1) return turn(act);
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    soon: (act: () => void) => void turn(act),
    random: () => Math.random(),
    now: () => performance.now(),
    tell: (tidings: Tidings) => say({ tidings }),
    broke: (words: string) => say({ failed: words }),
  };
}

function dial(url: string, hears: Hears): Socket {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => hears.opened();
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) hears.received(new Uint8Array(data));
  };
  socket.onclose = () => hears.gone();
  return {
    send: (bytes) => socket.send(bytes as Uint8Array<ArrayBuffer>),
    close: () => socket.close(),
  };
}

// A message to itself comes after the questions that wait already, and without the 4 ms of a timer.
const turns: (() => void)[] = [];
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => turns.shift()?.();

function turn(act: () => void): () => void {
  let wanted = true;
  turns.push(() => {
    if (wanted) act();
  });
  port2.postMessage(null);
  return () => {
    wanted = false;
  };
}
