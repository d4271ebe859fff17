import { InMemoryEventStore } from '../event-store/in-memory-event-store.js';
import {
  type AppendResult,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type RecordedEvent,
} from '../event-store/port.js';
import type { World } from './world.js';

/** The durable log that all processes share. It never fails by itself: the way to it does. */
export class SimulatedLog {
  readonly store: InMemoryEventStore;
  /** Everything written, in log order. */
  readonly events: RecordedEvent[] = [];
  /** Called after each append with what it wrote. */
  readonly #listeners = new Set<(written: readonly RecordedEvent[]) => void>();

  constructor(private readonly world: World) {
    this.store = new InMemoryEventStore({ nowMs: () => world.scheduler.nowMs });
  }

  onWritten(listener: (written: readonly RecordedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws {WrongExpectedRevision} */
  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    const result = await this.store.append(stream, expected, events);
    if (result.replayed) this.world.saw('append recognised as a retry');
    else await this.#publish();
    return result;
  }

  /** Position of the newest event; 0 in an empty log. */
  get head(): number {
    return this.events.length;
  }

  async #publish(): Promise<void> {
    // Positions of the store in memory are 1, 2, 3, …
    const written = await this.store.readAll({ from: (this.head + 1) as Position });
    this.events.push(...written);
    for (const { position, stream, revision, type, id, data } of written) {
      this.world.mark(`${position} ${id}`);
      this.world.trace(() => `log ${position}: ${type} ${stream}@${revision} ${JSON.stringify(data)}`);
    }
    for (const listener of this.#listeners) listener(written);
  }
}
