import { beforeEach, expect, test, vi } from 'vitest';
import { watchContainer, type Container } from './release';

class Worker extends EventTarget {
  readonly postMessage = vi.fn();
}

class Registration extends EventTarget {
  waiting: Worker | null = null;
  installing: Worker | null = null;
  readonly update = vi.fn(() => Promise.reject(new TypeError('offline')));

  /** A newer release comes, is kept whole, and waits. */
  release(): Worker {
    const worker = new Worker();
    this.installing = worker;
    this.dispatchEvent(new Event('updatefound'));
    this.installing = null;
    this.waiting = worker;
    worker.dispatchEvent(new Event('statechange'));
    return worker;
  }
}

class FakeContainer extends EventTarget {
  controller: Worker | null = new Worker();
  readonly registration = new Registration();
  readonly register = vi.fn(() => Promise.resolve(this.registration));
}

let container: FakeContainer;
const listener = { waits: vi.fn(), tookOver: vi.fn(), notificationPressed: vi.fn() };
const watch = () => watchContainer(container as unknown as Container, '/service-worker.js', listener);

beforeEach(() => {
  vi.clearAllMocks();
  container = new FakeContainer();
});

test('the worker is asked for past the browser’s own cache', async () => {
  await watch();
  expect(container.register).toHaveBeenCalledWith('/service-worker.js', { updateViaCache: 'none' });
  expect(listener.waits).not.toHaveBeenCalled();
});

test('a newer release is told of, and takes over only when told to', async () => {
  const { activate } = await watch();
  const worker = container.registration.release();
  expect(listener.waits).toHaveBeenCalledOnce();
  expect(worker.postMessage).not.toHaveBeenCalled();
  activate();
  expect(worker.postMessage).toHaveBeenCalledWith('SKIP_WAITING');
  container.dispatchEvent(new Event('controllerchange'));
  expect(listener.tookOver).toHaveBeenCalledOnce();
});

test('a release that waited before the page was opened is told of', async () => {
  container.registration.waiting = new Worker();
  await watch();
  expect(listener.waits).toHaveBeenCalledOnce();
});

test('the very first release is no news, the one after it is', async () => {
  container.controller = null;
  await watch();
  container.registration.release();
  expect(listener.waits).not.toHaveBeenCalled();
  container.dispatchEvent(new Event('controllerchange'));
  expect(listener.tookOver).not.toHaveBeenCalled();
  container.dispatchEvent(new Event('controllerchange'));
  expect(listener.tookOver).toHaveBeenCalledOnce();
});

test('a pressed notification hands over its data, and other messages nothing', async () => {
  await watch();
  container.dispatchEvent(new MessageEvent('message', { data: { notification: { chat: 'c1' } } }));
  container.dispatchEvent(new MessageEvent('message', { data: 'hello' }));
  container.dispatchEvent(new MessageEvent('message', { data: null }));
  expect(listener.notificationPressed.mock.calls).toEqual([[{ chat: 'c1' }]]);
});

test('to look for a newer release offline does no harm', async () => {
  const { check } = await watch();
  check();
  await Promise.resolve();
  expect(container.registration.update).toHaveBeenCalledOnce();
});
