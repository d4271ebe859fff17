import { type ChargeId, paymentIdSchema } from '../events/ids.js';
import type {
  PaymentLookup,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
} from '../integrations/payment/port.js';
import { type Life, theWorld } from './scheduler.js';
import type { World } from './world.js';

interface LedgerEntry {
  readonly key: ChargeId;
  readonly amount: number;
  readonly callbackUrl: string | undefined;
  readonly status: 'approved' | 'declined' | 'pending';
}

/** The test card that is always declined; all others are approved. */
export const declinedCard = 'card-decline-stolen';

/** The payment system. Its ledger is reliable; the connections to it are not. */
export class SimulatedPaymentSystem {
  readonly ledger = new Map<ChargeId, LedgerEntry>();
  /** Called for each final payment; set once by the office. */
  onSettled: (key: ChargeId) => void = () => undefined;

  constructor(private readonly world: World) {}

  /** One process's connection to it. */
  for(process: { readonly name: string; readonly life: Life }): PaymentProvider {
    return {
      createPayment: (request, signal) => this.#create(process, request, signal),
      findPayment: async (key) => {
        this.world.saw('payment looked up after a conflict');
        return this.#find(key);
      },
    };
  }

  #create(
    { name, life }: { readonly name: string; readonly life: Life },
    request: PaymentRequest,
    signal: AbortSignal | undefined,
  ): Promise<PaymentOutcome> {
    const { world } = this;
    const where = `${name} charge ${request.idempotencyKey}`;
    const hasFailed = world.strikes('payment-failed', 0.05, where);
    const isLost = world.strikes('payment-reply-lost', 0.05, where);
    const isHung = world.strikes('payment-hung', 0.05, where);
    const isTaken = !hasFailed && !(isHung && world.latency.chance(0.5));
    return new Promise((resolve) => {
      const answer = (outcome: PaymentOutcome) =>
        world.scheduler.after(world.delayMs(), () => resolve(outcome), life);
      const arrive = () => {
        const outcome: PaymentOutcome = isTaken ? this.#take(request) : unknown('status 500');
        if (isHung) return;
        answer(isLost ? unknown('the connection was reset') : outcome);
      };
      world.scheduler.after(world.delayMs(), arrive, theWorld);
      signal?.addEventListener('abort', () => resolve(unknown('timed out')));
    });
  }

  #take({ idempotencyKey: key, amount, paymentMethod, callbackUrl }: PaymentRequest): PaymentOutcome {
    const { world } = this;
    const before = this.ledger.get(key);
    if (before) {
      world.saw('payment asked for again');
      const isSame = before.amount === amount && before.callbackUrl === callbackUrl;
      return isSame ? outcomeOf(before) : { kind: 'conflict', reason: 'another request' };
    }
    const status = paymentMethod === declinedCard ? 'declined' : 'approved';
    const isPending = world.strikes('payment-pending', 0.1, `charge ${key}`);
    this.ledger.set(key, { key, amount, callbackUrl, status: isPending ? 'pending' : status });
    world.mark(`payment ${key} ${status}`);
    if (isPending) {
      world.scheduler.after(world.latency.between(500, 15_000), () => this.#settle(key, status), theWorld);
    } else {
      this.#report(key);
    }
    return outcomeOf({ key, amount, callbackUrl, status: isPending ? 'pending' : status });
  }

  #settle(key: ChargeId, status: 'approved' | 'declined'): void {
    const entry = this.ledger.get(key);
    if (!entry) return;
    this.ledger.set(key, { ...entry, status });
    this.#report(key);
  }

  /** Reports a final payment at least once, after a delay. */
  #report(key: ChargeId): void {
    const { world } = this;
    const lateMs = world.strikes('callback-late', 0.2, `charge ${key}`) ? 20_000 : 100;
    const times = world.strikes('callback-doubled', 0.2, `charge ${key}`) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      world.scheduler.after(world.latency.between(0, lateMs), () => this.onSettled(key), theWorld);
    }
  }

  #find(key: ChargeId): PaymentLookup {
    const entry = this.ledger.get(key);
    return entry ? outcomeOf(entry) : { kind: 'not-found' };
  }
}

function outcomeOf({ key, amount, status }: LedgerEntry): PaymentOutcome {
  switch (status) {
    case 'approved':
      return { kind: 'approved', paymentId: paymentIdSchema.parse(`pay-${key}`), amount };
    case 'declined':
      return { kind: 'declined', reason: 'stolen-card' };
    case 'pending':
      return { kind: 'pending' };
  }
}

function unknown(reason: string): { kind: 'unknown'; reason: string } {
  return { kind: 'unknown', reason };
}
