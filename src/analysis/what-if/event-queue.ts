interface Due {
  readonly atMs: number;
  /** Tasks of equal moments run in the order they were added: the same seed makes the same run. */
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: a binary heap of tasks by their moment. */
export class EventQueue {
  readonly #heap: Due[] = [];
  #asked = 0;
  nowMs: number;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** Runs `run` at a moment, or now if that has passed. */
  at(atMs: number, run: () => void): void {
    const due = { atMs: Math.max(atMs, this.nowMs), order: this.#asked++, run };
    const heap = this.#heap;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || !isBefore(due, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = due;
  }

  /** Advances to the next task and runs it. @returns false when none is left up to `untilMs`. */
  step(untilMs: number): boolean {
    const [next] = this.#heap;
    if (!next || next.atMs > untilMs) return false;
    this.#removeFirst();
    this.nowMs = next.atMs;
    next.run();
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const child = right && left && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, last)) break;
      heap[index] = child;
      index = 2 * index + (child === right ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
