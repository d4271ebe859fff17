import { type EventStore, maxReadCount, type RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import { type DomainEvent, decodeEvent, type EventType } from '../../events/registry.js';
import type { StreamName } from '../../events/streams.js';
import type { Place } from './moment.js';

interface Stored extends Place {
  readonly stream: string;
  readonly revision: number;
  readonly actor: EventMetadata['actor'];
}

/** An event of the product with where it stands, when it was decided and who caused it. */
export type StoredEvent = DomainEvent & Stored;

/** The {@link StoredEvent} of some types. */
export type StoredEventOf<Type extends EventType> = Extract<DomainEvent, { type: Type }> & Stored;

/** @throws {Error} when the type is unknown or newer than this build understands. */
export function toStored(recorded: RecordedEvent): StoredEvent {
  // encodeEvent wrote the metadata, and only execute.ts calls append.
  const { occurredAt: at, actor } = recorded.metadata as EventMetadata;
  const { stream, revision, position } = recorded;
  return { ...decodeEvent(recorded), stream, revision, position, at, actor };
}

/** A whole stream from a revision on, for streams that one person or one catalog entry fills. */
export async function readStream(store: EventStore, stream: StreamName, from = 0): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const page = await store.readStream(stream, { from: from + events.length, limit: maxReadCount });
    events.push(...page.map(toStored));
    if (page.length < maxReadCount) return events;
  }
}

/** Keeps the events of some types: a stream of one category holds only those of its own. */
export function ofTypes<Type extends EventType>(
  events: readonly StoredEvent[],
  ...types: readonly Type[]
): StoredEventOf<Type>[] {
  const wanted = new Set<EventType>(types);
  // The set holds exactly the types the result names.
  return events.filter((event) => wanted.has(event.type)) as unknown as StoredEventOf<Type>[];
}
