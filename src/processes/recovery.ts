import { processContext } from '../commands/command-context.js';
import { AdvanceCheckout } from '../commands/orders/checkout-process.js';
import { AdvanceCharge } from '../commands/wallet/charge-points.js';
import { type Instant, toInstant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import type { ProcessQueries } from '../queries/queries.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';

/** Orders, and charges, resumed in one round; those that fail, which are the oldest, are asked for beside them. */
const roundLimit = 200;
/** Charges resumed at the same time: each may wait for the payment system's time-out. */
const chargesAtOnce = 10;

/** Resumes open orders and charges: after a restart at once, later when they are stale. */
export class Recovery {
  readonly #orders: PeriodicTask;
  readonly #charges: PeriodicTask;
  readonly #startedAtMs: number;

  /**
   * @param resumeAfterMs age from which an open order or charge counts as left by the request that began it; those
   * that were open when this process started are resumed at once.
   * @param lease shared by all processes that recover, if there are several.
   */
  constructor(
    private readonly commands: Commands,
    private readonly queries: Pick<ProcessQueries, 'openOrders' | 'openCharges'>,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
    private readonly resumeAfterMs: number,
    intervalMs: number,
    lease?: RoundLease,
  ) {
    this.#startedAtMs = clock.nowMs();
    const settings = { intervalMs, clock, log, lease };
    this.#orders = new PeriodicTask({ name: 'checkout', ...settings }, () => this.#resumeOrders());
    this.#charges = new PeriodicTask({ name: 'charging', ...settings }, () => this.#resumeCharges());
  }

  start(): void {
    this.#orders.start();
    this.#charges.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#orders, this.#charges];
  }

  async stop(): Promise<void> {
    await Promise.all([this.#orders.stop(), this.#charges.stop()]);
  }

  async #resumeOrders(): Promise<void> {
    const orderIds = await this.queries.openOrders(
      this.#staleBefore(),
      roundLimit + this.#orders.items.failing,
    );
    if (orderIds.length > 0) this.log.info({ orders: orderIds.length }, 'resuming open orders');
    await this.#orders.forEach(orderIds, String, (orderId) =>
      this.commands.execute(new AdvanceCheckout(orderId, processContext('checkout'))),
    );
  }

  async #resumeCharges(): Promise<void> {
    const chargeIds = await this.queries.openCharges(
      this.#staleBefore(),
      roundLimit + this.#charges.items.failing,
    );
    if (chargeIds.length > 0) this.log.info({ charges: chargeIds.length }, 'resuming open charges');
    await this.#charges.forEach(
      chargeIds,
      String,
      (chargeId) => this.commands.execute(new AdvanceCharge(chargeId, processContext('charging'))),
      { atOnce: chargesAtOnce },
    );
  }

  #staleBefore(): Instant {
    return toInstant(Math.max(this.clock.nowMs() - this.resumeAfterMs, this.#startedAtMs));
  }
}
