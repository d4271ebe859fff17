import type { Instant, SeatId } from '../../events/ids.js';
import type { CancellationCause } from '../../events/order-events.js';
import type { DomainEvent, EventType } from '../../events/registry.js';
import type { Person } from './port.js';

type DataOf<Type extends EventType> = Extract<DomainEvent, { type: Type }>['data'];

/** A hold that ended because its deadline passed. */
interface Lapse {
  readonly who: Person;
  /** The deadline. */
  readonly at: Instant;
}

/** Why a payment failed, with the evidence; null where the log has none. */
export type PaymentFailure =
  | { readonly kind: 'insufficient-points'; readonly total: number; readonly balance: number | null }
  /** A date of the order was cancelled. */
  | { readonly kind: 'not-on-sale' }
  | { readonly kind: 'hold-lapsed'; readonly seatId: SeatId | null; readonly deadline: Instant | null }
  | {
      readonly kind: 'seat-taken';
      readonly seatId: SeatId | null;
      readonly deadline: Instant | null;
      readonly taken: { readonly by: Person; readonly at: Instant } | null;
    };

/** The meaning of an event or of a whole history; sentences-english.ts and sentences-korean.ts state it in words. */
export type Reason =
  | {
      readonly kind: 'seat-held';
      readonly who: Person;
      readonly until: Instant;
      /** The lapsed hold that made the seat free. */
      readonly lapse: Lapse | null;
    }
  | ({ readonly kind: 'hold-lapsed' } & Lapse)
  | {
      readonly kind: 'hold-released';
      readonly who: Person;
      readonly why: DataOf<'SeatHoldReleased'>['reason'];
    }
  | { readonly kind: 'seat-sold'; readonly who: Person }
  | {
      readonly kind: 'reservation-cancelled';
      readonly who: Person;
      readonly why: DataOf<'SeatReservationCancelled'>['reason'];
    }
  | {
      readonly kind: 'seat-now';
      readonly state:
        | { readonly kind: 'untouched' }
        | { readonly kind: 'free' }
        | { readonly kind: 'held'; readonly who: Person; readonly until: Instant }
        | { readonly kind: 'sold'; readonly who: Person };
      readonly lapse:
        | (Lapse & { readonly taken: { readonly by: Person; readonly at: Instant } | null })
        | null;
    }
  | { readonly kind: 'order-placed'; readonly who: Person; readonly seats: number; readonly total: number }
  | { readonly kind: 'order-unpaid' }
  | { readonly kind: 'order-paid'; readonly total: number }
  | { readonly kind: 'order-failed'; readonly failure: PaymentFailure }
  /** @property note in the words of the operator or the organiser. */
  | { readonly kind: 'order-cancelled'; readonly cause: CancellationCause; readonly note: string | null }
  | {
      readonly kind: 'order-items-cancelled';
      readonly cause: CancellationCause;
      readonly note: string | null;
      readonly seatIds: readonly SeatId[];
      readonly amount: number;
    }
  | { readonly kind: 'order-items-refunded'; readonly amount: number }
  /** @property amount points given back; 0: none had been taken. */
  | { readonly kind: 'order-refunded'; readonly amount: number }
  | { readonly kind: 'queue-joined'; readonly who: Person; readonly tickets: number }
  | { readonly kind: 'number-given'; readonly who: Person; readonly number: number }
  | { readonly kind: 'place-drawn'; readonly who: Person; readonly place: number }
  | { readonly kind: 'turn-waiting'; readonly who: Person }
  | { readonly kind: 'turn-came'; readonly who: Person; readonly enterBefore: Instant }
  | { readonly kind: 'turn-entered'; readonly who: Person; readonly until: Instant }
  | {
      readonly kind: 'seats-asked';
      readonly who: Person;
      readonly seatIds: readonly SeatId[];
      readonly until: Instant;
    }
  | {
      readonly kind: 'seats-returned';
      readonly who: Person;
      readonly seatIds: readonly SeatId[];
      readonly why: DataOf<'SeatsReturned'>['reason'];
      /** The deadline of their hold. */
      readonly deadline: Instant | null;
    }
  | { readonly kind: 'turn-completed'; readonly who: Person }
  | {
      readonly kind: 'turn-not-taken';
      readonly who: Person;
      /** When the turn came and until when the fan had to enter; null where the log has no record. */
      readonly window: { readonly from: Instant; readonly until: Instant } | null;
    }
  | { readonly kind: 'time-used-up'; readonly who: Person; readonly until: Instant | null }
  /** The fan was inside without a hold for too long. */
  | { readonly kind: 'turn-idle'; readonly who: Person }
  /** Too many of the fan's holds ended without a payment. */
  | { readonly kind: 'turn-unpaid'; readonly who: Person }
  | { readonly kind: 'queue-was-full'; readonly who: Person }
  | { readonly kind: 'sale-ended'; readonly who: Person }
  | { readonly kind: 'queue-left'; readonly who: Person };

/** The {@link Reason} of one kind. */
export type ReasonOf<Kind extends Reason['kind']> = Extract<Reason, { kind: Kind }>;

/** A language: a sentence or two for each kind of reason. */
export type Sentences = { readonly [Kind in Reason['kind']]: (reason: ReasonOf<Kind>) => string };

/** A moment in a sentence: `2026-11-22 09:05:00 UTC`, with the milliseconds when there are any. */
export function formatInstant(instant: Instant): string {
  return `${instant.slice(0, -1).replace('T', ' ').replace('.000', '')} UTC`;
}
