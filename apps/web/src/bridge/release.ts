import { scriptUrl } from './trusted';

/** What the page is told about releases. */
export interface ReleaseListener {
  /** A newer release is here whole and waits: the person may be asked to reload. It may be said again. */
  waits: () => void;
  /** A newer release has taken over, in this tab or at another's wish: this page has to let the database go and reload. */
  tookOver: () => void;
  /** A notification was pressed, with the data that was given to it. */
  notificationPressed?: (data: unknown) => void;
}

export interface ReleaseWatch {
  /** Has the release that waits take over in every tab. */
  activate: () => void;
  /** Asks the server whether there is a newer one. */
  check: () => void;
}

/** What is used of navigator.serviceWorker. */
export type Container = Pick<ServiceWorkerContainer, 'register' | 'controller' | 'addEventListener'>;

const hour = 3_600_000;

/** Registers the service worker, where the browser has such and the page was built, and looks for news every hour. */
export async function watchRelease(listener: ReleaseListener): Promise<ReleaseWatch> {
  const nothing = { activate: () => undefined, check: () => undefined };
  if (import.meta.env.DEV || !('serviceWorker' in navigator)) return nothing;
  const script = scriptUrl(new URL('/service-worker.js', location.origin));
  // A browser may refuse it, as in some private windows: the page works without, only not offline.
  const watch = await watchContainer(navigator.serviceWorker, script, listener).catch(() => nothing);
  setInterval(watch.check, hour);
  return watch;
}

export async function watchContainer(container: Container, script: string, listener: ReleaseListener): Promise<ReleaseWatch> {
  // The very first release that is kept takes over from none: nothing is old then.
  let controlled = container.controller !== null;
  container.addEventListener('controllerchange', () => {
    if (controlled) listener.tookOver();
    controlled = true;
  });
  container.addEventListener('message', ({ data }) => {
    if (isNotification(data)) listener.notificationPressed?.(data.notification);
  });
  const registration = await container.register(script, { updateViaCache: 'none' });
  const look = () => {
    if (registration.waiting && container.controller) listener.waits();
  };
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', look));
  look();
  return {
    activate: () => registration.waiting?.postMessage('SKIP_WAITING'),
    // Offline there is no telling.
    check: () => void registration.update().catch(() => undefined),
  };
}

function isNotification(data: unknown): data is { notification: unknown } {
  return typeof data === 'object' && data !== null && 'notification' in data;
}
