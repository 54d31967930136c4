// Small things about the field in which a message is written.

/** As high as what is written in it; the style says how high at most. */
export function fitHeight(field: HTMLTextAreaElement): void {
  field.style.blockSize = 'auto';
  const border = field.offsetHeight - field.clientHeight;
  field.style.blockSize = `${field.scrollHeight + border}px`;
}

/** Puts something where the caret is, or in the place of what is marked; returns the whole text. */
export function insertAt(field: HTMLTextAreaElement, what: string): string {
  field.setRangeText(what, field.selectionStart, field.selectionEnd, 'end');
  return field.value;
}
