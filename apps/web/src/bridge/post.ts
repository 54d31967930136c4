// The one file of the page that says postMessage: to the worker, and to the other tabs.

import type { Door, FromWorker, PagePlace, ToWorker } from './calls';
import { canKeepKeys } from './key';
import { type Between, type Channel, SharedStore, type WorkerWire } from './owner';
import { scriptUrl } from './trusted';
import workerAddress from './worker.ts?worker&url';

/** The same for all releases, so that no two of them ever own the store at once. */
const LOCK = 'veche-store';
const DATABASE = 'veche';
/** In localStorage: that a history was kept in this browser. */
const KEPT = 'veche.kept';

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
      wire.send({ open: { name: DATABASE, keeps, keptBefore: wasKept(), page } });
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
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if ('opened' in data && data.opened === 'kept') noteKept();
        act(data);
      };
      worker.onerror = (event) => act({ failed: event.message });
    },
    end: () => worker.terminate(),
  };
}

function wasKept(): boolean {
  try {
    return localStorage.getItem(KEPT) !== null;
  } catch {
    return false;
  }
}

function noteKept(): void {
  try {
    localStorage.setItem(KEPT, '1');
  } catch {
    // Without it, a history that cannot be reached is taken for none.
  }
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
