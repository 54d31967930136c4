// A right click, the menu key or a long press on something opens the menu that it holds.

const LONG_MS = 500;

export function openMenuWithin(element: HTMLElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => element.querySelector<HTMLElement>('[aria-haspopup=menu]')?.click();
  const stop = () => clearTimeout(timer);

  function contextmenu(event: MouseEvent) {
    // Who has marked a text, or points at a link or picture, wants the browser's own menu.
    const marked = getSelection()?.isCollapsed === false;
    const target = event.target instanceof Element ? event.target : null;
    if (marked || target?.closest('a, img, [role=menu], textarea') !== null) return;
    event.preventDefault();
    stop();
    if (element.querySelector('[aria-haspopup=menu][aria-expanded=true]') === null) open();
  }

  function pointerdown(event: PointerEvent) {
    stop();
    const target = event.target instanceof Element ? event.target : null;
    if (event.pointerType === 'mouse' || target?.closest('button, a') !== null) return;
    // Some phones have no event of their own for a long press.
    timer = setTimeout(() => {
      if (element.querySelector('[aria-expanded=true]') === null) open();
    }, LONG_MS);
  }

  element.addEventListener('contextmenu', contextmenu);
  element.addEventListener('pointerdown', pointerdown);
  for (const end of ['pointerup', 'pointercancel', 'pointermove']) element.addEventListener(end, stop);
  return stop;
}
