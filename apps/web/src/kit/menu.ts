interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Which item a key leads to from the item at `current`; null where the key leads nowhere. */
export function nextItem(key: string, current: number, labels: readonly string[]): number | null {
  const count = labels.length;
  if (count === 0) return null;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  if (key === 'ArrowDown') return (current + 1) % count;
  if (key === 'ArrowUp') return (Math.max(current, 0) + count - 1) % count;
  return null;
}

/**
 * The item whose label begins with what was typed. One letter, however often it is typed, leads on to the next
 * such item; more letters may still mean the item they have led to.
 */
export function typedItem(typed: string, current: number, labels: readonly string[]): number | null {
  const sought = [...typed].every((letter) => letter === typed[0]) ? typed.slice(0, 1) : typed;
  const first = sought.length > 1 ? current : current + 1;
  for (let step = 0; step < labels.length; step += 1) {
    const at = (Math.max(first, 0) + step) % labels.length;
    if (labels[at]?.toLocaleLowerCase().startsWith(sought.toLocaleLowerCase())) return at;
  }
  return null;
}

/** Where a menu of that size goes: under its button, or above it where there is more room, and never off the screen. */
export function placeMenu(
  button: Box,
  menu: { width: number; height: number },
  screen: { width: number; height: number },
  rightToLeft: boolean,
): { left: number; top: number } {
  const under = screen.height - button.bottom;
  const top = menu.height <= under || under >= button.top ? button.bottom : button.top - menu.height;
  const opensRight = button.left + menu.width <= screen.width;
  const opensLeft = button.right - menu.width >= 0;
  const left = (rightToLeft ? opensLeft : !opensRight) ? button.right - menu.width : button.left;
  return { left: within(left, screen.width - menu.width), top: within(top, screen.height - menu.height) };
}

function within(value: number, most: number): number {
  return Math.max(0, Math.min(value, most));
}
