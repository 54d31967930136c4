// The one file of the page that says postMessage: to the worker, and to the other tabs.

import type { Door, FromWorker, PagePlace, ToWorker } from './calls';
import { canKeepKeys } from './key';
import { type Between, type Channel, SharedStore, type WorkerWire } from './owner';
import { scriptUrl } from './trusted';
import workerAddress from './worker.ts?worker&url';

/** The same for all releases, so that no two of them ever own the store at once. */
const LOCK = 'veche-store';
const DATABASE = 'veche';

declare const __VECHE_MADE_AT__: string;

/** Opens the door to the store, here or in the tab that owns it. */
export function openDoor(page: PagePlace): Door {
  return new SharedStore({
    tab: crypto.getRandomValues(new Uint32Array(4)).join('-'),
    build: __VECHE_MADE_AT__,
    isOlder: (one, other) => Number(one) < Number(other),
    channel: tabs(),
    lock: holdLock,
    start: () => {
      const wire = workerWire(startWorker());
      const keeps = navigator.locks !== undefined && canKeepKeys();
      wire.send({ open: { name: DATABASE, keeps, page } });
      return Promise.resolve(wire);
    },
  });
}

function startWorker(): Worker {
  return new Worker(scriptUrl(new URL(workerAddress, location.href)), { type: 'module' });
}

function workerWire(worker: Worker): WorkerWire {
  return {
    send: (message: ToWorker) => worker.postMessage(message),
    hear: (act: (message: FromWorker) => void) => {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => act(data);
      worker.onerror = (event) => act({ failed: event.message });
    },
    end: () => worker.terminate(),
  };
}

function tabs(): Channel {
  const channel = new BroadcastChannel('veche');
  return {
    send: (message: Between) => channel.postMessage(message),
    hear: (act) => {
      channel.onmessage = ({ data }: MessageEvent<Between>) => act(data);
    },
  };
}

async function holdLock(hold: () => Promise<void>, signal: AbortSignal): Promise<void> {
  // Without https there are no locks, and no database either: each tab has a session in memory.
  if (navigator.locks === undefined) return hold();
  await navigator.locks.request(LOCK, { signal }, hold);
}
