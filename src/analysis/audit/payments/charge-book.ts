import type { RecordedEvent } from '../../../event-store/port.js';
import { decodeEvent } from '../../../events/registry.js';
import type { EventRef } from '../report.js';

/** What the log says of one charge. */
export interface BookedCharge {
  readonly amount: number;
  readonly status: 'requested' | 'approved' | 'declined';
  /** Null unless approved. */
  readonly paymentId: string | null;
  /** The event that says so. */
  readonly ref: EventRef;
}

/** Every charge of the log by its id, which is the idempotency key of its payment. */
export class ChargeBook {
  readonly #charges = new Map<string, BookedCharge>();

  /** Takes the next event of the charges' streams. */
  apply(recorded: RecordedEvent): void {
    const { stream, revision, position } = recorded;
    const ref: EventRef = { stream, revision, position };
    const event = decodeEvent(recorded);
    switch (event.type) {
      case 'ChargeRequested':
        this.#charges.set(event.data.chargeId, {
          amount: event.data.amount,
          status: 'requested',
          paymentId: null,
          ref,
        });
        return;
      case 'ChargeApproved': {
        const { chargeId, amount, paymentId } = event.data;
        this.#charges.set(chargeId, { amount, status: 'approved', paymentId, ref });
        return;
      }
      case 'ChargeDeclined':
        this.#charges.set(event.data.chargeId, {
          amount: event.data.amount,
          status: 'declined',
          paymentId: null,
          ref,
        });
        return;
      default:
        return; // nothing else lies in a charge's stream, or the log's own audit says so
    }
  }

  get(chargeId: string): BookedCharge | undefined {
    return this.#charges.get(chargeId);
  }

  entries(): Iterable<[chargeId: string, charge: BookedCharge]> {
    return this.#charges;
  }
}
