// The Rust client, as wasm-bindgen makes it.

export interface Core {
  ask(json: string): string;
  connected(): void;
  received(bytes: Uint8Array): void;
  disconnected(): void;
  tick(): void;
  outgoing(): Uint8Array | undefined;
  news(): string | undefined;
  wake_in(): number | undefined;
  hangs_up(): boolean;
  address(): string | undefined;
  /** What has come is not all processed: no more is to be given before ticks have seen to it. */
  is_busy(): boolean;
  /** `read` gives any part of the file at once. */
  stage_file(name: string, media_type: string, size: number, read: ReadPart): number;
  file_part(chat: string, message: string, index: number): Uint8Array | undefined;
}

export type ReadPart = (offset: number, length: number) => Uint8Array;

export interface CoreModule {
  default(): Promise<unknown>;
  Core: {
    /** What is kept of the database's key: the key itself. */
    new_key_file(): Uint8Array;
    /** Whether it takes a passphrase. */
    is_locked(keyFile: Uint8Array): boolean;
    /** The same key, behind another passphrase or none. */
    changed_key_file(keyFile: Uint8Array, current?: string, next?: string): Uint8Array;
    open(name: string, keyFile: Uint8Array, passphrase?: string): Promise<Core>;
    in_memory(): Core;
  };
}

// A glob, so that the page can be built and looked at before the Rust side is compiled.
const built = import.meta.glob<CoreModule>('./core/veche_web.js');

export async function loadCore(): Promise<CoreModule> {
  const load = built['./core/veche_web.js'];
  if (load === undefined) throw new Error('this build has no core');
  const module = await load();
  await module.default();
  return module;
}
