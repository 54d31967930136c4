/**
 * The one policy that lets a script be started by its address. The page's security policy allows it by its name,
 * and it allows the two kinds of script that a release has: the service worker, and what was built to assets/.
 *
 * A worker's address comes from `import address from './worker.ts?worker&url'`: so Vite builds it, and knows its name.
 */
interface Policy {
  createScriptURL(address: string): string;
}

interface PolicyFactory {
  createPolicy(name: string, rules: Policy): Policy;
}

const rules: Policy = { createScriptURL: (address) => allowed(new URL(address), location.origin, import.meta.env.DEV) };
let policy: Policy | undefined;

/** What a script may be started by. It is called a string, as the types of browsers know nothing of trusted ones yet. */
export function scriptUrl(url: URL): string {
  policy ??= trustedTypes()?.createPolicy('veche', rules) ?? rules;
  return policy.createScriptURL(url.href);
}

/** The address, where it is one of ours. While the page is worked on, scripts lie where their sources do. */
export function allowed(url: URL, origin: string, atWork: boolean): string {
  const known = url.pathname === '/service-worker.js' || /^\/assets\/[\w-]+\.js$/u.test(url.pathname);
  if (url.origin !== origin || !(known || atWork)) throw new TypeError(`${url.href} is no script of this page`);
  return url.href;
}

/** Browsers without trusted types start scripts by plain addresses. */
function trustedTypes(): PolicyFactory | undefined {
  return (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
}
