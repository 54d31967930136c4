// What lies in the files of a browser's profile.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Where in the folder a text lies as it is, in UTF-8 or in UTF-16. */
export function filesWith(folder: string, texts: string[]): string[] {
  const wanted = texts.flatMap((text) => [
    { text, bytes: Buffer.from(text, 'utf8') },
    { text, bytes: Buffer.from(text, 'utf16le') },
  ]);
  return filesIn(folder).flatMap((path) => {
    const content = readFileSync(path);
    const found = wanted.filter(({ bytes }) => content.includes(bytes)).map(({ text }) => text);
    return [...new Set(found)].map((text) => `${relative(folder, path)}: ${text}`);
  });
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
