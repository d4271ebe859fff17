import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventStore, Position, RecordedEvent } from '../../event-store/port.js';
import type { Category } from '../../events/registry.js';

/** Events read at once: few enough not to keep other requests waiting while they are parsed. */
const pageSize = 512;

/**
 * The events of some categories after one position up to another, in log order, a batch at a time. Between two
 * batches other work runs.
 * @param after exclusive. @param until inclusive: a position the log had reached, so that nothing before it can
 *   still appear.
 */
export async function* eventsOf(
  store: EventStore,
  categories: readonly Category[],
  after: Position,
  until: Position,
): AsyncGenerator<readonly RecordedEvent[]> {
  const sources = categories.map((category) => new CategorySource(store, category, after, until));
  for (;;) {
    for (const source of sources) await source.fill();
    // Whatever lies before the end of every page read is complete.
    const complete = Math.min(...sources.map((source) => source.readUpTo));
    const batch = sources.flatMap((source) => source.takeUpTo(complete));
    if (batch.length > 0) yield batch.sort((a, b) => a.position - b.position);
    if (complete === Number.POSITIVE_INFINITY) return;
    await nextTurn();
  }
}

class CategorySource {
  #page: readonly RecordedEvent[] = [];
  #last: Position;
  #isDone = false;

  constructor(
    private readonly store: EventStore,
    private readonly category: Category,
    after: Position,
    private readonly until: Position,
  ) {
    this.#last = after;
  }

  /** Up to where everything was read. */
  get readUpTo(): number {
    return this.#isDone ? Number.POSITIVE_INFINITY : this.#last;
  }

  /** Reads the next page when nothing is left of the one before. */
  async fill(): Promise<void> {
    if (this.#isDone || this.#page.length > 0) return;
    const page = await this.store.readCategory(this.category, { from: this.#last, limit: pageSize });
    const last = page.at(-1);
    // A read begins with the event at its position, which the page before had already.
    const fresh = page.filter(({ position }) => position > this.#last && position <= this.until);
    this.#isDone = page.length < pageSize || last === undefined || last.position >= this.until;
    this.#last = last?.position ?? this.#last;
    this.#page = fresh;
  }

  takeUpTo(position: number): readonly RecordedEvent[] {
    const end = this.#page.findIndex((event) => event.position > position);
    const taken = end === -1 ? this.#page : this.#page.slice(0, end);
    this.#page = end === -1 ? [] : this.#page.slice(end);
    return taken;
  }
}
