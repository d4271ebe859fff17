import type { ScheduleId, SeatId } from '../events/ids.js';
import { itemKey } from '../events/order-events.js';
import { reject } from './decider.js';

/** A companion's place, and the wheelchair place that it is held and sold with. */
export interface CompanionPlace {
  readonly seatId: SeatId;
  readonly companionOf: SeatId;
}

/** A seat that is sold on a date, as its ticket describes it. */
interface SoldSeat {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly sold: { readonly companionOf?: SeatId | undefined } | null;
}

/** A companion's place among these seats of one order whose wheelchair place is not; undefined: there is none. */
export function loneCompanion(items: readonly SoldSeat[]): CompanionPlace | undefined {
  const keys = new Set(items.map(itemKey));
  for (const { scheduleId, seatId, sold } of items) {
    const companionOf = sold?.companionOf;
    if (companionOf === undefined || keys.has(itemKey({ scheduleId, seatId: companionOf }))) continue;
    return { seatId, companionOf };
  }
  return undefined;
}

/** The refusal of a command after which a companion's place would be without its wheelchair place. @param advice what to do. */
export function companionNeedsWheelchair({ seatId, companionOf }: CompanionPlace, advice: string) {
  const message = `Seat ${seatId} is the companion’s place of wheelchair place ${companionOf}: ${advice}.`;
  return reject('companion-needs-wheelchair', message, { seatId, companionOf });
}
