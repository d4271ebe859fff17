import type { RecordedEvent } from '../../event-store/port.js';
import { addMs, type Instant } from '../../events/ids.js';
import { decodeEvent } from '../../events/registry.js';
import { type CheckResult, type EventRef, type Finding, Findings } from './checks.js';

/** One charge, as the log records it. */
interface BookedCharge {
  readonly amount: number;
  readonly status: 'requested' | 'approved' | 'declined' | 'needs-attention' | 'settled';
  /** Null unless approved by the payment system. */
  readonly paymentId: string | null;
  /** The charge's last event. */
  readonly ref: EventRef;
}

/** Every charge of the log by its id, which is the idempotency key of its payment. */
export class ChargeBook {
  readonly #charges = new Map<string, BookedCharge>();

  /** Applies the next event of the charge streams. */
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
      case 'ChargeNeedsAttention':
        this.#charges.set(event.data.chargeId, {
          amount: event.data.amount,
          status: 'needs-attention',
          paymentId: null,
          ref,
        });
        return;
      case 'ChargeSettled':
        this.#charges.set(event.data.chargeId, {
          amount: event.data.amount,
          status: 'settled',
          paymentId: null,
          ref,
        });
        return;
      default:
        return; // the audit of the log reports other types in a charge stream
    }
  }

  get(chargeId: string): BookedCharge | undefined {
    return this.#charges.get(chargeId);
  }

  entries(): Iterable<[chargeId: string, charge: BookedCharge]> {
    return this.#charges;
  }
}

/** One line of the payment system's ledger: the fields that are compared. */
export interface LedgerPayment {
  readonly paymentId: string;
  /** The charge's id. */
  readonly idempotencyKey: string;
  readonly status: 'approved' | 'declined' | 'pending';
  readonly amount: number;
  /** Null while pending. */
  readonly settledAt: Instant | null;
}

/** Checks of the payment system's ledger against the log; codes are part of the report's format. */
const paymentChecks = {
  'payment-charged': ['payments', 'every payment taken is an approved charge of the log, under its own id'],
  'payment-amount': ['payments', 'a payment and its charge are about the same amount'],
  'charge-paid': ['payments', 'every approved charge of the log was taken by the payment it names'],
  'declined-unpaid': ['payments', 'no payment was taken for a declined charge'],
} as const satisfies Record<string, readonly [invariant: string, meaning: string]>;

type PaymentCheckCode = keyof typeof paymentChecks;

export interface PaymentReport {
  readonly clean: boolean;
  /** Lines of the ledger read. */
  readonly payments: number;
  /** Points taken by the payment system, and points of approved charges in the log. */
  readonly taken: number;
  readonly charged: number;
  /** Payments taken a moment ago whose charge is not decided in the log yet. */
  readonly inFlight: { readonly count: number; readonly amount: number };
  /** Payments taken whose charge waits for an operator or was settled by one, who decides what is right. */
  readonly leftToOperators: { readonly count: number; readonly amount: number };
  readonly checks: readonly CheckResult<PaymentCheckCode>[];
  readonly findingCount: number;
  readonly findings: readonly Finding<PaymentCheckCode>[];
}

interface PaymentAuditOptions {
  /** The moment to judge by: a payment taken shortly before it, or later, may not be in the log yet. */
  readonly now: Instant;
  /** How long a payment may take to get into the log, ms. */
  readonly settleMs: number;
}

/**
 * Compares the payment system's ledger with the log, both ways. Read the charges first and the ledger after:
 * a payment is older than the event that records it.
 */
export async function auditPayments(
  ledger: AsyncIterable<LedgerPayment>,
  charges: ChargeBook,
  { now, settleMs }: PaymentAuditOptions,
): Promise<PaymentReport> {
  const findings = new Findings<PaymentCheckCode>(paymentChecks);
  /** Ids of payments taken, by charge. */
  const takenBy = new Map<string, string>();
  const inFlight = { count: 0, amount: 0 };
  const leftToOperators = { count: 0, amount: 0 };
  let payments = 0;
  let taken = 0;
  for await (const { paymentId, idempotencyKey, status, amount, settledAt } of ledger) {
    payments++;
    if (status !== 'approved') continue;
    taken += amount;
    const charge = charges.get(idempotencyKey);
    const isUndecided = charge === undefined || charge.status === 'requested';
    if (isUndecided && settledAt !== null && settledAt > addMs(now, -settleMs)) {
      inFlight.count++;
      inFlight.amount += amount;
      continue;
    }
    if (charge?.status === 'needs-attention' || charge?.status === 'settled') {
      leftToOperators.count++;
      leftToOperators.amount += amount;
      continue;
    }
    takenBy.set(idempotencyKey, paymentId);
    if (charge?.status !== 'declined') judgePayment(findings, { paymentId, idempotencyKey, amount }, charge);
  }
  const charged = judgeCharges(findings, charges, takenBy);
  return {
    clean: findings.count === 0,
    payments,
    taken,
    charged,
    inFlight,
    leftToOperators,
    checks: findings.results(),
    findingCount: findings.count,
    findings: findings.kept,
  };
}

type PaymentFindings = Findings<PaymentCheckCode>;

function judgePayment(
  findings: PaymentFindings,
  { paymentId, idempotencyKey, amount }: Pick<LedgerPayment, 'paymentId' | 'idempotencyKey' | 'amount'>,
  charge: BookedCharge | undefined,
): void {
  const took = `payment ${paymentId} took ${amount} points for charge ${idempotencyKey}`;
  const known = charge
    ? `${charge.status}${charge.paymentId ? ` by ${charge.paymentId}` : ''}`
    : 'not in the log';
  const refs = charge ? [charge.ref] : [];
  findings.expect(
    'payment-charged',
    charge?.paymentId === paymentId,
    () => `${took}, which is ${known}`,
    ...refs,
  );
  if (!charge) return;
  findings.expect(
    'payment-amount',
    charge.amount === amount,
    () => `${took}, which is about ${charge.amount}`,
    ...refs,
  );
}

/** @returns points of approved charges. */
function judgeCharges(
  findings: PaymentFindings,
  charges: ChargeBook,
  takenBy: ReadonlyMap<string, string>,
): number {
  let charged = 0;
  for (const [chargeId, { status, amount, paymentId, ref }] of charges.entries()) {
    const takenAs = takenBy.get(chargeId);
    if (status === 'approved') {
      charged += amount;
      findings.expect(
        'charge-paid',
        takenAs === paymentId,
        () =>
          `charge ${chargeId} of ${amount} points names payment ${paymentId}, the ledger has ${takenAs ?? 'none'}`,
        ref,
      );
    }
    if (status === 'declined') {
      findings.expect(
        'declined-unpaid',
        takenAs === undefined,
        () => `charge ${chargeId} was declined, and payment ${takenAs} took ${amount} points`,
        ref,
      );
    }
  }
  return charged;
}
