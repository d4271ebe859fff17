import type { StoredEventOf } from '../../../src/analysis/history/past-events.js';
import type { Viewer } from '../../../src/analysis/history/port.js';
import { sentenceOf, type Timeline } from '../../../src/analysis/history/timeline.js';
import type { Position } from '../../../src/event-store/port.js';
import type { EventMetadata } from '../../../src/events/event.js';
import type { Instant } from '../../../src/events/ids.js';
import type { DomainEvent, EventType } from '../../../src/events/registry.js';
import type { Language } from '../../../src/queries/replies/reply.js';
import { id, minute } from '../../projections/history.js';

type DataOf<Type extends EventType> = Extract<DomainEvent, { type: Type }>['data'];

let positions = 0;

/** One event as the log has it, later than all those made before. */
export function stored<Type extends EventType>(
  type: Type,
  data: DataOf<Type>,
  { at = minute(0), revision = 0, actor = { kind: 'anonymous' } as EventMetadata['actor'] } = {},
): StoredEventOf<Type> {
  const place = { stream: 'a-stream', revision, position: ++positions as Position, at, actor };
  // The type and its data were given together.
  return { type, data, ...place } as unknown as StoredEventOf<Type>;
}

export const operator: Viewer = { kind: 'operator' };
export const fan = (name: string): Viewer => ({ kind: 'fan', userId: id(name) });

/** A timeline as a list of sentences, oldest first, and its summary. */
export function read(timeline: Timeline, language: Language = 'en'): { entries: string[]; summary: string } {
  return {
    entries: timeline.entries.map(({ reason }) => sentenceOf(reason, language)),
    summary: sentenceOf(timeline.summary, language),
  };
}

/** The moment `seconds` after nine o'clock, as {@link minute}. */
export function second(seconds: number): Instant {
  return minute(seconds / 60);
}
