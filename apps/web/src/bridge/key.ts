// Keys that the browser keeps: one that no script can read, and the database's key sealed with it. So
// whoever copies the files of the database alone opens nothing.

import { put, putFirst, take } from './shelf';

interface Sealed {
  nonce: Uint8Array<ArrayBuffer>;
  bytes: ArrayBuffer;
}

/** Whether this browser lets a page keep keys; without https it does not. */
export function canKeepKeys(): boolean {
  return typeof indexedDB !== 'undefined' && globalThis.crypto?.subtle !== undefined;
}

/** The key under which drafts and the database's key are sealed. */
export async function sealingKey(): Promise<CryptoKey> {
  const there = await take<CryptoKey>('keys', 'sealing');
  if (there !== undefined) return there;
  const made = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
  return putFirst('keys', 'sealing', made);
}

/** The key that turns a chat's id into a name that says nothing. */
export async function namingKey(): Promise<CryptoKey> {
  const there = await take<CryptoKey>('keys', 'naming');
  if (there !== undefined) return there;
  const made = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return putFirst('keys', 'naming', made);
}

/** What is kept of the database's key; made by the tab that owns the store, which is alone in that. */
export async function keyFileOfDatabase(make: () => Uint8Array): Promise<Uint8Array> {
  const sealing = await sealingKey();
  const there = await take<Sealed>('keys', 'database');
  if (there !== undefined) return open(sealing, there);
  const made = new Uint8Array(make());
  await put('keys', 'database', await seal(sealing, made));
  return made;
}

/** Puts something else in its place, whole or not at all. Nothing changes where `change` fails. */
export async function changeKeyFile(change: (keyFile: Uint8Array) => Uint8Array): Promise<void> {
  const sealing = await sealingKey();
  const there = await take<Sealed>('keys', 'database');
  if (there === undefined) throw new Error('no key is kept here');
  const changed = new Uint8Array(change(await open(sealing, there)));
  await put('keys', 'database', await seal(sealing, changed));
}

/** Whether what is kept of the database's key is as `test` says. */
export async function keyFileIs(test: (keyFile: Uint8Array) => boolean): Promise<boolean> {
  const there = await take<Sealed>('keys', 'database');
  return there !== undefined && test(await open(await sealingKey(), there));
}

export async function seal(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<Sealed> {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  return { nonce, bytes: await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, bytes) };
}

export async function open(key: CryptoKey, sealed: Sealed): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: 'AES-GCM', iv: sealed.nonce };
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed.bytes));
}

export type { Sealed };
