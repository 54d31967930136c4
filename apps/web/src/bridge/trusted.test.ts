import { afterEach, expect, test, vi } from 'vitest';
import { allowed } from './trusted';

const origin = 'https://veche.example';
const check = (address: string, atWork = false) => allowed(new URL(address, origin), origin, atWork);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test('the scripts of a release may be started', () => {
  expect(check('/service-worker.js')).toBe(`${origin}/service-worker.js`);
  expect(check('/assets/worker-3fA_2-b.js')).toBe(`${origin}/assets/worker-3fA_2-b.js`);
});

test.each(['https://other.example/service-worker.js', 'data:text/javascript,1', '/assets/../veche', '/assets/a/b.js', '/x.js', '/assets/a.svg'])(
  '%s may not',
  (address) => {
    expect(() => check(address)).toThrow(TypeError);
  },
);

test('while the page is worked on, any of its own scripts may be started, and no other', () => {
  expect(check('/src/bridge/worker.ts?worker_file&type=module', true)).toContain('/src/bridge/worker.ts');
  expect(() => check('https://other.example/assets/a.js', true)).toThrow(TypeError);
});

test('the policy is made once and asked each time', async () => {
  const createPolicy = vi.fn((_name: string, rules: { createScriptURL(address: string): string }) => rules);
  vi.stubGlobal('trustedTypes', { createPolicy });
  const { scriptUrl } = await import('./trusted');
  const url = new URL('/service-worker.js', location.href);
  expect(scriptUrl(url)).toBe(url.href);
  expect(scriptUrl(url)).toBe(url.href);
  expect(createPolicy).toHaveBeenCalledOnce();
  expect(createPolicy).toHaveBeenCalledWith('veche', expect.anything());
  expect(() => scriptUrl(new URL('https://other.example/a.js'))).toThrow(TypeError);
});
