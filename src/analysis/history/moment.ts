import type { EventStore, Position } from '../../event-store/port.js';
import type { Instant } from '../../events/ids.js';
import type { Clock } from '../../platform/clock.js';
import { type AsOf, type Moment, MomentAhead } from './port.js';

/** Where an event stands in the log and when it was decided. */
export interface Place {
  readonly position: Position;
  readonly at: Instant;
}

/** The whole log: no engine's positions go further. */
export const latest: Moment = { kind: 'position', position: Number.MAX_SAFE_INTEGER as Position };

/** Whether an event belongs to the log as of a moment. */
export function isWithin(place: Place, moment: Moment): boolean {
  return moment.kind === 'time' ? place.at <= moment.at : place.position <= moment.position;
}

/**
 * The events as of a moment: those before the first that is later. Clocks of several processes differ a little,
 * and a state must be a fold of the stream's beginning, never of a selection.
 */
export function upTo<Event extends Place>(events: readonly Event[], moment: Moment): readonly Event[] {
  const end = events.findIndex((event) => !isWithin(event, moment));
  return end === -1 ? events : events.slice(0, end);
}

/** What to call the moment in a reply. @param places of everything taken into account, at least one. */
export function asOf(moment: Moment, places: readonly Place[]): AsOf['asOf'] {
  const [first] = places;
  if (!first) throw new Error('nothing is known as of nothing');
  let { position, at } = first;
  for (const place of places) {
    if (place.position > position) position = place.position;
    if (place.at > at) at = place.at;
  }
  return { position, at: moment.kind === 'time' ? moment.at : at };
}

/** @throws {MomentAhead} when the moment has not come yet. */
export async function refuseFuture(moment: Moment, store: EventStore, clock: Clock): Promise<void> {
  switch (moment.kind) {
    case 'time': {
      const now = clock.now();
      if (moment.at > now) throw new MomentAhead(now);
      return;
    }
    case 'position': {
      const head = await store.head();
      // 0 lies before every event of every engine.
      if (head === undefined || moment.position > head) throw new MomentAhead(head ?? (0 as Position));
    }
  }
}
