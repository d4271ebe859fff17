import type { Position, SubscribeOptions } from '../port.js';
import { type LogPlace, placeOf } from './positions.js';

/** How far a subscription has got: up to where everything was delivered or does not match. */
export class Cursor {
  /** Position of the last event known to be done with; -1 before the first. */
  position: number;
  /** Where to subscribe again. */
  place: LogPlace;

  constructor(after: Exclude<SubscribeOptions['after'], 'end'>) {
    this.position = after === 'start' ? -1 : after;
    this.place = after === 'start' ? 'start' : placeOf(after);
  }

  /** Moves behind the event at a position. */
  moveTo(position: number): void {
    this.position = position;
    this.place = placeOf(position);
  }

  /** The position batches tell; 0 before every event. */
  get told(): Position {
    // Either an event's checked position, or 0, which stands for the start wherever a position is taken.
    return Math.max(0, this.position) as Position;
  }
}
