interface Entry<Key, Item> {
  readonly dueAtMs: number;
  readonly key: Key;
  /** Undefined once it was replaced or deleted; such entries leave the heap later. */
  item: Item | undefined;
}

/** setTimeout's longest delay. */
const longestDelayMs = 2 ** 31 - 1;
/** Dead entries are not worth a clean-up below this number. */
const fewDead = 1024;

/**
 * Calls back at many deadlines with one timer: a binary heap, ordered by deadline. Setting and deleting cost much less
 * than a timer object each, and most deadlines are deleted before they are due.
 */
export class DeadlineQueue<Key, Item extends object> {
  readonly #entries = new Map<Key, Entry<Key, Item>>();
  /** A heap: no entry is due before its parent, which is at `(index - 1) >> 1`. */
  #heap: Entry<Key, Item>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /**
   * @param onDue must not throw. Called in the order of the deadlines.
   * @param options.keepsProcess whether the process goes on while something is not due yet; default true.
   */
  constructor(
    private readonly onDue: (item: Item) => void,
    private readonly options: { readonly keepsProcess?: boolean } = {},
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Calls back with `item` after `delayMs`; an earlier deadline of the same key is forgotten. */
  set(key: Key, delayMs: number, item: Item): void {
    this.delete(key);
    const entry = { dueAtMs: performance.now() + delayMs, key, item };
    this.#entries.set(key, entry);
    this.#push(entry);
    if (entry.dueAtMs < this.#timerAtMs) this.#setTimer(entry.dueAtMs);
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    entry.item = undefined;
    if (this.#heap.length > 2 * this.#entries.size + fewDead) this.#dropDead();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#entries.clear();
    this.#heap = [];
  }

  #setTimer(atMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const delayMs = Math.min(Math.max(0, atMs - performance.now()), longestDelayMs);
    this.#timer = setTimeout(() => this.#fire(delayMs < longestDelayMs ? atMs : 0), delayMs);
    if (this.options.keepsProcess === false) this.#timer.unref();
  }

  /** @param atMs what the timer was set for: it may go off a little early by the other clock. */
  #fire(atMs: number): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = Math.max(performance.now(), atMs);
    for (;;) {
      const [first] = this.#heap;
      if (!first) return;
      if (first.item !== undefined && first.dueAtMs > nowMs) {
        if (first.dueAtMs < this.#timerAtMs) this.#setTimer(first.dueAtMs);
        return;
      }
      this.#pop();
      const { item, key } = first;
      if (item === undefined) continue;
      this.#entries.delete(key);
      this.onDue(item);
    }
  }

  #dropDead(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap
      .filter(({ item }) => item !== undefined)
      .sort((one, other) => one.dueAtMs - other.dueAtMs);
  }

  #push(entry: Entry<Key, Item>): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = heap[(at - 1) >> 1];
      if (!parent || parent.dueAtMs <= entry.dueAtMs) break;
      heap[at] = parent;
      at = (at - 1) >> 1;
    }
    heap[at] = entry;
  }

  /** Removes the first. */
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const isRight = left !== undefined && right !== undefined && right.dueAtMs < left.dueAtMs;
      const child = isRight ? right : left;
      if (!child || child.dueAtMs >= last.dueAtMs) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}
