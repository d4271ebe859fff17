import type { RecordedEvent } from '../event-store/port.js';
import { type DomainEvent, decodeEvent, type EventType } from '../events/registry.js';
import type { StreamName } from '../events/streams.js';

type EventOf<Type extends EventType> = Extract<DomainEvent, { type: Type }>;

/** The log by stream, to look up what became of a command. */
export class LogIndex {
  readonly #streams = new Map<string, DomainEvent[]>();

  constructor(events: readonly RecordedEvent[]) {
    for (const recorded of events) {
      const known = this.#streams.get(recorded.stream);
      if (known) known.push(decodeEvent(recorded));
      else this.#streams.set(recorded.stream, [decodeEvent(recorded)]);
    }
  }

  events(stream: StreamName): readonly DomainEvent[] {
    return this.#streams.get(stream) ?? [];
  }

  /** How many events of a type a stream has, of those that match. */
  count<Type extends EventType>(
    stream: StreamName,
    type: Type,
    matches: (data: EventOf<Type>['data']) => boolean = () => true,
  ): number {
    // The type says which event it is, and so whose data.
    const fits = matches as (data: DomainEvent['data']) => boolean;
    return this.events(stream).filter((event) => event.type === type && fits(event.data)).length;
  }
}

interface Promised {
  readonly what: string;
  readonly isKept: (log: LogIndex) => boolean;
}

/**
 * What clients were told: an acknowledged command is in the log exactly once, of a refused one nothing remains. The
 * log alone cannot show that.
 */
export class KeptPromises {
  readonly #promised: Promised[] = [];

  /** @param what for people: what was promised to whom. */
  add(what: string, isKept: (log: LogIndex) => boolean): void {
    this.#promised.push({ what, isKept });
  }

  /** Those that the log does not keep. */
  broken(events: readonly RecordedEvent[]): string[] {
    const log = new LogIndex(events);
    return this.#promised.filter(({ isKept }) => !isKept(log)).map(({ what }) => what);
  }
}
