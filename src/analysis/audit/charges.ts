import { addMs, type ChargeId, type Instant, type UserId } from '../../events/ids.js';
import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { EventRef } from './report.js';

interface AuditedCharge {
  readonly userId: UserId;
  readonly amount: number;
  readonly status: 'requested' | 'approved' | 'declined' | 'credited';
  readonly at: Instant;
  readonly ref: EventRef;
}

/** Follows every charge from the request to the points in the wallet. */
export class Charges implements CheckGroup {
  readonly #charges = new Map<ChargeId, AuditedCharge>();

  constructor(
    private readonly findings: Findings,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    ChargeRequested: ({ data, at, ref }) => {
      const { chargeId, userId, amount } = data;
      const known = this.#charges.get(chargeId);
      this.findings.expect(
        'charge-outcome',
        known === undefined,
        () => `charge ${chargeId} is requested again`,
        ref,
        ...(known ? [known.ref] : []),
      );
      this.#charges.set(chargeId, { userId, amount, status: 'requested', at, ref });
    },
    ChargeApproved: (fact) => this.#decide(fact, 'approved'),
    ChargeDeclined: (fact) => this.#decide(fact, 'declined'),
    PointsCharged: ({ data, at, ref }) => {
      const charge = this.#charges.get(data.chargeId);
      this.findings.expect(
        'charge-credited-once',
        charge?.status === 'approved' && charge.userId === data.userId && charge.amount === data.amount,
        () =>
          `${data.amount} points are credited for charge ${data.chargeId}, which is ${charge?.status ?? 'unknown'}`,
        ref,
        ...(charge ? [charge.ref] : []),
      );
      if (charge) this.#charges.set(data.chargeId, { ...charge, status: 'credited', at, ref });
    },
  };

  finish(now: Instant): void {
    for (const [chargeId, charge] of this.#charges) {
      if (charge.status !== 'approved') continue;
      this.findings.expect(
        'charge-overdue',
        now <= addMs(charge.at, this.options.settleMs),
        () => `charge ${chargeId} was approved at ${charge.at} and is not credited`,
        charge.ref,
      );
    }
  }

  #decide(
    { data, at, ref }: Fact<'ChargeApproved' | 'ChargeDeclined'>,
    status: 'approved' | 'declined',
  ): void {
    const { chargeId, userId, amount } = data;
    const charge = this.#charges.get(chargeId);
    this.findings.expect(
      'charge-outcome',
      charge?.status === 'requested' && charge.userId === userId && charge.amount === amount,
      () => `charge ${chargeId} is ${status} while it is ${charge?.status ?? 'unknown'}`,
      ref,
      ...(charge ? [charge.ref] : []),
    );
    this.#charges.set(chargeId, { userId, amount, status, at, ref });
  }
}
