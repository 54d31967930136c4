import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import type { Release } from './src/bridge/releaseFiles';

const worker = 'service-worker.js';
/** Pictures are compressed already. */
const shrinks = /\.(?:css|html|js|svg|wasm|webmanifest)$/u;

/** Puts the list of all that was built into the service worker, once it is written. */
export function listRelease(): Plugin {
  return {
    name: 'veche-list-release',
    apply: 'build',
    writeBundle({ dir }) {
      if (dir === undefined) return;
      const files = new Map(filesBelow(dir).map((path) => [path.slice(dir.length).replaceAll('\\', '/'), readFileSync(path)]));
      const script = readFileSync(join(dir, worker), 'utf8');
      writeFileSync(join(dir, worker), fillIn(script, releaseOf(files)));
    },
  };
}

/** Puts beside each file what a server sends of it to a browser that takes it compressed. */
export function compressRelease(): Plugin {
  return {
    name: 'veche-compress-release',
    apply: 'build',
    writeBundle: {
      order: 'post',
      // After the list is in the service worker.
      sequential: true,
      handler({ dir }) {
        if (dir === undefined) return;
        for (const path of filesBelow(dir).filter((path) => shrinks.test(path))) {
          const content = readFileSync(path);
          writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }));
          writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
        }
      },
    },
  };
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The release that these files make, by their paths. */
export function releaseOf(files: ReadonlyMap<string, Uint8Array>): Release {
  const hash = createHash('sha256');
  const kept = [...files].filter(([path]) => path !== `/${worker}`).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, content] of kept) hash.update(`${path}\n${content.length}\n`).update(content);
  const page = new TextDecoder().decode(files.get('/index.html'));
  return {
    id: hash.digest('hex').slice(0, 16),
    files: kept.map(([path]) => (path === '/index.html' ? '/' : path)),
    named: kept.map(([path]) => path).filter((path) => path.startsWith('/assets/') && page.includes(`"${path}"`)),
  };
}

/** A worker that already has something else by that name, or lost it, would keep nothing: better no build at all. */
export function fillIn(script: string, release: Release): string {
  const parts = script.split('VECHE_RELEASE');
  if (parts.length !== 2) throw new Error(`the service worker names its release ${parts.length - 1} times`);
  if (/^\s*(import|export)\b/mu.test(script)) throw new Error('the service worker must be one file without imports');
  return parts.join(JSON.stringify(release));
}
