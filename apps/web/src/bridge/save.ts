// Hands a file to the person; the browser asks where it is to lie, or puts it where downloads lie.

/** Long enough for the browser to have begun to read it. */
const FORGET_AFTER_MS = 60_000;

export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), FORGET_AFTER_MS);
}
