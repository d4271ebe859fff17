import { type EventStore, maxReadCount, type Position, type RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import type { Instant } from '../../events/ids.js';
import { type DomainEvent, decodeEvent, type EventType } from '../../events/registry.js';
import type { StreamName } from '../../events/streams.js';
import type { Clock } from '../../platform/clock.js';
import { type AsOf, type Moment, MomentAhead } from './port.js';

interface Stored extends LogPosition {
  readonly stream: string;
  readonly revision: number;
  readonly actor: EventMetadata['actor'];
}

/** An event with its position, the time it was decided and its actor. */
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

/** A whole stream from a revision on. For streams of one person or one catalog entry, which are short. */
export async function readStream(store: EventStore, stream: StreamName, from = 0): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const page = await store.readStream(stream, { from: from + events.length, limit: maxReadCount });
    events.push(...page.map(toStored));
    if (page.length < maxReadCount) return events;
  }
}

/** The events of some types. */
export function ofTypes<Type extends EventType>(
  events: readonly StoredEvent[],
  ...types: readonly Type[]
): StoredEventOf<Type>[] {
  const wanted = new Set<EventType>(types);
  // The set holds exactly the types the result names.
  return events.filter((event) => wanted.has(event.type)) as unknown as StoredEventOf<Type>[];
}

/** The position of an event in the log and the time it was decided. */
export interface LogPosition {
  readonly position: Position;
  readonly at: Instant;
}

/** The whole log: no engine has a higher position. */
export const latest: Moment = { kind: 'position', position: Number.MAX_SAFE_INTEGER as Position };

/** Whether an event belongs to the log as of a moment. */
function isWithin(event: LogPosition, moment: Moment): boolean {
  return moment.kind === 'time' ? event.at <= moment.at : event.position <= moment.position;
}

/**
 * The events as of a moment: those before the first later one. Clocks of processes differ a little, and a state must
 * be a fold of the beginning of a stream, without gaps.
 */
export function upTo<Event extends LogPosition>(events: readonly Event[], moment: Moment): readonly Event[] {
  const end = events.findIndex((event) => !isWithin(event, moment));
  return end === -1 ? events : events.slice(0, end);
}

/** The moment as a reply states it. @param positions of all events taken into account, at least one. */
export function asOf(moment: Moment, positions: readonly LogPosition[]): AsOf['asOf'] {
  const [first] = positions;
  if (!first) throw new Error('an empty log has no state');
  let { position, at } = first;
  for (const event of positions) {
    if (event.position > position) position = event.position;
    if (event.at > at) at = event.at;
  }
  return { position, at: moment.kind === 'time' ? moment.at : at };
}

/** @throws {MomentAhead} when the moment lies in the future. */
export async function refuseFuture(moment: Moment, store: EventStore, clock: Clock): Promise<void> {
  switch (moment.kind) {
    case 'time': {
      const now = clock.now();
      if (moment.at > now) throw new MomentAhead(now);
      return;
    }
    case 'position': {
      const head = await store.head();
      // 0 is before the first event of every engine.
      if (head === undefined || moment.position > head) throw new MomentAhead(head ?? (0 as Position));
    }
  }
}
