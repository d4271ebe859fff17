import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { type CreatePayment, type Payment, problemCodes } from '../wire.js';
import type { CallbackSender, PendingTimers } from './callbacks.js';
import { invalid, Problem, type Reply } from './http.js';
import type { Decision, Ledger } from './ledger.js';

/** Takes payments, one per idempotency key, and misbehaves as configured. */
export class Payments {
  constructor(
    private readonly ledger: Ledger,
    private readonly behaviours: Behaviours,
    private readonly callbacks: CallbackSender,
    private readonly timers: PendingTimers,
    private readonly nowMs: () => number,
  ) {}

  /**
   * Creates the payment of a key or returns it. If the key has a payment, the answer comes from the ledger at once,
   * whatever the behaviour.
   * @throws {Problem} 400 forbidden callback host, 422 key reused, 500 told to fail, 503 overloaded.
   */
  async create(key: string, request: CreatePayment): Promise<Reply> {
    if (request.callbackUrl !== undefined && !this.callbacks.allows(request.callbackUrl)) {
      throw invalid('callbackUrl', 'this host is not allowed');
    }
    const existing = this.ledger.findByKey(key);
    if (existing !== undefined) return replay(existing, request);
    if (this.timers.full)
      throw new Problem(503, 'overloaded', 'too many payments are waiting; nothing was charged');
    const plan = this.behaviours.plan(request.paymentMethod, key);
    switch (plan.mode) {
      case 'approve':
        return this.record(key, request, { status: 'approved' });
      case 'decline':
        return this.record(key, request, { status: 'declined', reason: plan.reason });
      case 'delay':
        await this.wait(plan.delayMs);
        return this.record(key, request, { status: 'approved' });
      case 'pending':
        return this.record(key, request, { status: 'pending' }, (payment) =>
          this.settleLater(payment, plan.delayMs),
        );
      case 'timeout-after-commit':
        this.record(key, request, { status: 'approved' });
        return { kind: 'hang', forMs: plan.delayMs };
      case 'fail-before-commit':
        throw new Problem(500, 'told-to-fail', 'failed before anything was written');
      case 'duplicate-delivery':
        return this.record(key, request, { status: 'approved' }, (payment) => {
          for (const times of [1, 2])
            this.timers.after(times * plan.delayMs, () => this.callbacks.send(payment));
        });
    }
  }

  /** Writes the payment; `afterwards` runs for a new one, by default it sends the callback at once. */
  private record(
    key: string,
    request: CreatePayment,
    decision: Decision,
    afterwards: (payment: Payment) => void = (payment) => this.callbacks.send(payment),
  ): Reply {
    const { payment, created } = this.ledger.record(key, request, decision, this.nowMs());
    // Another request with this key may have written the payment while this one waited.
    if (!created) return replay(payment, request);
    afterwards(payment);
    return { kind: 'answer', status: payment.status === 'pending' ? 202 : 201, body: payment };
  }

  private settleLater(payment: Payment, delayMs: number): void {
    this.timers.after(delayMs, () => {
      const settled = this.ledger.settle(payment.paymentId, this.nowMs());
      if (settled !== undefined) this.callbacks.send(settled);
    });
  }

  /** @throws {Problem} 503 when too many payments wait. Never settles after the server has closed. */
  private wait(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.timers.after(delayMs, resolve)) {
        reject(new Problem(503, 'overloaded', 'too many payments are waiting; nothing was charged'));
      }
    });
  }
}

/** @throws {Problem} 422 when the payment of the key has other fields. */
function replay(payment: Payment, request: CreatePayment): Reply {
  const same =
    payment.amount === request.amount &&
    payment.paymentMethod === request.paymentMethod &&
    payment.reference === request.reference &&
    payment.callbackUrl === (request.callbackUrl ?? null);
  if (!same) {
    throw new Problem(
      422,
      problemCodes.keyReused,
      'this idempotency key belongs to a payment with other fields',
    );
  }
  return { kind: 'answer', status: payment.status === 'pending' ? 202 : 200, body: payment };
}

/** What the payment system does with a request that would create a payment. */
const modeSchema = z.enum([
  'approve',
  'decline',
  'delay',
  'pending',
  'timeout-after-commit',
  'fail-before-commit',
  'duplicate-delivery',
]);
type Mode = z.infer<typeof modeSchema>;

/** Body of `PUT /behaviour`. */
export const behaviourSchema = z.strictObject({
  mode: modeSchema,
  /**
   * How long `delay`, `pending`, `timeout-after-commit` and `duplicate-delivery` take, also when a test card chooses
   * them.
   */
  delayMs: z.number().int().min(0).max(600_000).optional(),
  /**
   * Number of requests the mode applies to before it is `approve` again; without it, the mode stays until it is
   * changed.
   */
  remaining: z.number().int().min(1).max(1_000_000).optional(),
});
export type Behaviour = z.infer<typeof behaviourSchema>;

interface CurrentBehaviour {
  readonly mode: Mode;
  readonly delayMs: number;
  /** Null: no end. */
  readonly remaining: number | null;
}

/** What to do with one request. */
type Plan =
  | { readonly mode: Exclude<Mode, 'decline'>; readonly delayMs: number }
  | { readonly mode: 'decline'; readonly reason: string };

type Card =
  | { readonly mode: Exclude<Mode, 'decline'> }
  | { readonly mode: 'decline'; readonly reason: string };

/** Test cards: tokens to send as `paymentMethod`. */
const cards: ReadonlyMap<string, Card> = new Map([
  ['card-approve', { mode: 'approve' }],
  ['card-decline-insufficient', { mode: 'decline', reason: 'insufficient-funds' }],
  ['card-decline-stolen', { mode: 'decline', reason: 'stolen-card' }],
  ['card-decline-expired', { mode: 'decline', reason: 'expired-card' }],
  ['card-slow', { mode: 'delay' }],
  ['card-pending', { mode: 'pending' }],
  ['card-timeout-after-commit', { mode: 'timeout-after-commit' }],
  ['card-fail-before-commit', { mode: 'fail-before-commit' }],
  ['card-duplicate', { mode: 'duplicate-delivery' }],
]);

const defaultDelayMs = 3000;

/**
 * Number of keys whose first failure is remembered. A forgotten key fails once more, which a client must handle anyway.
 */
const rememberedKeys = 10_000;

/** The behaviour of the virtual payment system: test cards, and one mode for all requests with `card-approve`. */
export class Behaviours {
  private behaviour: CurrentBehaviour;
  private readonly failedOnce = new LRUCache<string, true>({ max: rememberedKeys });

  constructor(initial: Behaviour = { mode: 'approve' }) {
    this.behaviour = this.filledIn(initial, defaultDelayMs);
  }

  get current(): CurrentBehaviour {
    return this.behaviour;
  }

  /** Replaces the mode; `delayMs` stays as it was unless given. */
  change(behaviour: Behaviour): void {
    this.behaviour = this.filledIn(behaviour, this.behaviour.delayMs);
  }

  /** Decides about one request that would create a payment, and subtracts it from `remaining`. */
  plan(paymentMethod: string, idempotencyKey: string): Plan {
    const card = cards.get(paymentMethod);
    if (card === undefined) return { mode: 'decline', reason: 'unknown-card' };
    if (card.mode === 'decline') return card;
    const { delayMs } = this.behaviour;
    if (card.mode === 'approve') return this.planByMode();
    if (card.mode !== 'fail-before-commit') return { mode: card.mode, delayMs };
    if (this.failedOnce.has(idempotencyKey)) return { mode: 'approve', delayMs };
    this.failedOnce.set(idempotencyKey, true);
    return { mode: card.mode, delayMs };
  }

  private planByMode(): Plan {
    const { mode, delayMs, remaining } = this.behaviour;
    if (remaining !== null) {
      this.behaviour =
        remaining > 1
          ? { mode, delayMs, remaining: remaining - 1 }
          : { mode: 'approve', delayMs, remaining: null };
    }
    return mode === 'decline' ? { mode, reason: 'declined-by-issuer' } : { mode, delayMs };
  }

  private filledIn(behaviour: Behaviour, delayMs: number): CurrentBehaviour {
    return {
      mode: behaviour.mode,
      delayMs: behaviour.delayMs ?? delayMs,
      remaining: behaviour.remaining ?? null,
    };
  }
}
