/**
 * The heights of a list's rows, those that were measured and, for the rest, estimates. Sums are kept in a Fenwick
 * tree: to set a height, to find where a row begins and which row lies somewhere take a few steps each, however
 * many rows there are.
 */
export class Heights {
  readonly count: number;
  readonly #heights: Float64Array;
  /** tree[i] is the sum of the heights of the rows from i − (lowest bit of i) to i − 1. */
  readonly #tree: Float64Array;
  readonly #highestBit: number;

  constructor(count: number, heightOf: (index: number) => number) {
    this.count = count;
    this.#heights = new Float64Array(count);
    this.#tree = new Float64Array(count + 1);
    this.#highestBit = count === 0 ? 0 : 2 ** Math.floor(Math.log2(count));
    for (let at = 1; at <= count; at += 1) {
      const height = heightOf(at - 1);
      this.#heights[at - 1] = height;
      this.#add(at, height);
      const above = at + (at & -at);
      if (above <= count) this.#add(above, this.#tree[at] ?? 0);
    }
  }

  height(index: number): number {
    return this.#heights[index] ?? 0;
  }

  set(index: number, height: number): void {
    const change = height - this.height(index);
    this.#heights[index] = height;
    for (let at = index + 1; at <= this.count; at += at & -at) this.#add(at, change);
  }

  /** Where the row begins; for the number of rows, where the last one ends. */
  offset(index: number): number {
    let sum = 0;
    for (let at = Math.min(index, this.count); at > 0; at -= at & -at) sum += this.#tree[at] ?? 0;
    return sum;
  }

  get total(): number {
    return this.offset(this.count);
  }

  /** The row that lies at an offset: the first or the last where it is before or behind all. */
  at(offset: number): number {
    let index = 0;
    let left = offset;
    for (let step = this.#highestBit; step > 0; step /= 2) {
      const sum = this.#tree[index + step];
      if (sum === undefined || sum > left) continue;
      index += step;
      left -= sum;
    }
    return Math.max(0, Math.min(index, this.count - 1));
  }

  #add(at: number, height: number): void {
    this.#tree[at] = (this.#tree[at] ?? 0) + height;
  }
}

/**
 * What the eye is on: the end of the list, or the rows that are seen, each with how far its top lies under that of
 * the window. The first of them that is still there after a change stays where it is.
 */
export type Anchor = 'end' | { key: string; index: number; under: number }[];

/** An anchor, and how many rows there were when it was taken. */
export interface Place {
  at: Anchor;
  count: number;
}

/** Browsers round where a list is scrolled to: so many pixels from the end is at the end. */
const nearly = 2;

/** What of a list is to be drawn, and where. */
export interface Layout {
  top: number;
  total: number;
  from: number;
  /** Before this one. */
  to: number;
  /** How far down the first row that is drawn begins. */
  before: number;
  atEnd: boolean;
}

export class Rows<T> {
  readonly keys: string[];
  readonly heights: Heights;

  constructor(
    readonly items: readonly T[],
    key: (item: T) => string,
    estimate: (item: T) => number,
    /** The measured heights by key, which outlive this list of items. */
    readonly measured: Map<string, number>,
  ) {
    this.keys = items.map(key);
    this.heights = new Heights(items.length, (index) => {
      const known = measured.get(this.keys[index] as string);
      return known ?? estimate(items[index] as T);
    });
  }

  /** Notes a row's height as it was drawn; says whether that is news. */
  measure(key: string, index: number, height: number): boolean {
    this.measured.set(key, height);
    if (this.keys[index] !== key || Math.abs(this.heights.height(index) - height) < 0.25) return false;
    this.heights.set(index, height);
    return true;
  }

  /** Finds a row by its key. After a change most rows are where they were, or as far from the end as they were. */
  find(key: string, near: number, countBefore: number): number {
    if (this.keys[near] === key) return near;
    const moved = near + this.keys.length - countBefore;
    return this.keys[moved] === key ? moved : this.keys.indexOf(key);
  }

  /** The anchor for a window that begins at `top`: its rows, or an end where that is to be kept in sight. */
  anchor(top: number, window: number, sticks = { start: false, end: false }): Anchor {
    if (sticks.end && top + window >= this.heights.total - nearly) return 'end';
    if (sticks.start && top <= 0) return [];
    const { from, to } = this.range(top, top + window);
    const anchors = [];
    for (let index = from; index < to; index += 1) {
      anchors.push({ key: this.keys[index] as string, index, under: this.heights.offset(index) - top });
    }
    return anchors;
  }

  /** Draws one window more before and behind the one that is seen, so that scrolling shows no gaps. */
  layout(place: Place, window: number, stick: boolean): Layout {
    const top = this.top(place.at, window, place.count);
    const total = this.heights.total;
    // What does not fill the window lies at its end where the end is what matters.
    const gap = stick ? Math.max(0, window - total) : 0;
    const { from, to } = this.range(top - window, top + 2 * window);
    return { top, total, from, to, before: this.heights.offset(from) + gap, atEnd: top + window >= total - nearly };
  }

  /** Where the window begins so that the anchor stays where it is, and no further than the list reaches. */
  top(anchor: Anchor, window: number, countBefore: number): number {
    const most = Math.max(0, this.heights.total - window);
    if (anchor === 'end') return most;
    for (const { key, index, under } of anchor) {
      const found = this.find(key, index, countBefore);
      if (found >= 0) return within(this.heights.offset(found) - under, most);
    }
    const first = anchor[0];
    return first ? within(this.heights.offset(first.index) - first.under, most) : 0;
  }

  /** The rows between two offsets: from the first to before the second number. */
  range(top: number, bottom: number): { from: number; to: number } {
    if (this.heights.count === 0) return { from: 0, to: 0 };
    return { from: this.heights.at(top), to: this.heights.at(bottom) + 1 };
  }
}

function within(value: number, most: number): number {
  return Math.max(0, Math.min(value, most));
}

/** Tells once that an end of the list is near, and again only when the list has changed there or it was left meanwhile. */
export class NearEnd {
  #told: string | undefined;

  /** `key` is that of the outermost row. */
  comes(near: boolean, key: string | undefined): boolean {
    const news = near && key !== undefined && key !== this.#told;
    this.#told = near ? key : undefined;
    return news;
  }
}
