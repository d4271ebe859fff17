import type { EventStore, Position, RecordedEvent } from '../../src/event-store/port.js';
import { LogFacts } from './log-facts.js';

/** Reads the log from its start, and on from where it was. */
export class LogReader {
  readonly facts = new LogFacts();
  #last: Position | undefined;

  constructor(private readonly store: EventStore) {}

  async catchUp(): Promise<void> {
    for (;;) {
      const last = this.#last;
      const page: RecordedEvent[] = await this.store.readAll({ from: last ?? 'start' });
      // Positions have gaps of unknown size: a page begins with the last event of the one before.
      const fresh = page.filter(({ position }) => last === undefined || position > last);
      for (const event of fresh) this.facts.apply(event);
      const newest = fresh.at(-1);
      if (!newest) return;
      this.#last = newest.position;
    }
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
