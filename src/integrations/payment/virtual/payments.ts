import { type CreatePayment, type Payment, problemCodes } from '../wire.js';
import type { Behaviours } from './behaviour.js';
import type { CallbackSender } from './callbacks.js';
import { invalid, Problem, type Reply } from './http.js';
import type { Decision, Ledger } from './ledger.js';
import type { PendingTimers } from './timers.js';

/** Takes payments: one per idempotency key, misbehaving as it is told to. */
export class Payments {
  constructor(
    private readonly ledger: Ledger,
    private readonly behaviours: Behaviours,
    private readonly callbacks: CallbackSender,
    private readonly timers: PendingTimers,
    private readonly nowMs: () => number,
  ) {}

  /**
   * Creates the payment of a key or returns it. A key that has its payment is answered from the ledger at
   * once, whatever the behaviour.
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

  /** Writes the payment; `afterwards` says what a new one sets going, by default its callback at once. */
  private record(
    key: string,
    request: CreatePayment,
    decision: Decision,
    afterwards: (payment: Payment) => void = (payment) => this.callbacks.send(payment),
  ): Reply {
    const { payment, created } = this.ledger.record(key, request, decision, this.nowMs());
    // Another request with this key may have been written while this one waited.
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

  /** @throws {Problem} 503 when too much is waiting already. Never settles once the server closes. */
  private wait(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.timers.after(delayMs, resolve)) {
        reject(new Problem(503, 'overloaded', 'too many payments are waiting; nothing was charged'));
      }
    });
  }
}

/** @throws {Problem} 422 when the key's payment was asked for with other fields. */
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
