import type { Position } from '../port.js';

/** A place in EventStoreDB's log as requests name it: 'start', 'end', or a commit and prepare position. */
export type LogPlace = 'start' | 'end' | { readonly commit: string; readonly prepare: string };

/** An event that cannot be delivered, however often it is tried. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

/**
 * The one number that stands for an event's place in the log.
 *
 * Since version 20 an append writes no commit record of its own: each event is a record that commits itself,
 * and both its commit and its prepare position are where that record begins. Positions therefore differ from
 * event to event and one number is enough to resume with. It is checked, not assumed.
 * @throws {UnreadableEvent} when the two differ (an event of an old TCP transaction) or exceed 2^53.
 */
export function positionOf(commit: string, prepare: string): Position {
  if (commit !== prepare) {
    throw new UnreadableEvent(
      `commit position ${commit} and prepare position ${prepare} differ: EventStoreDB must be 23.10 or later and the log free of TCP transactions`,
    );
  }
  const position = Number(commit);
  if (!Number.isSafeInteger(position)) {
    throw new UnreadableEvent(
      `position ${commit} of the log is beyond 2^53, more than this adapter can count`,
    );
  }
  // A checked position of this log; the brand has no other maker here.
  return position as Position;
}

/** The place a position stands for. 0 lies before every event of the product: the server's own come first. */
export function placeOf(position: number): LogPlace {
  if (position <= 0) return 'start';
  return { commit: `${position}`, prepare: `${position}` };
}
