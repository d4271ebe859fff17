import { processContext } from '../commands/command-context.js';
import { AdvanceCheckout } from '../commands/orders/checkout-process.js';
import { AdvanceCharge } from '../commands/wallet/charge-points.js';
import { type Instant, toInstant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessQueries } from '../queries/queries.js';
import type { Commands, ProcessLog } from './ports.js';
import { Repeating, untilStopped } from './repeating.js';
import type { Turns } from './turns.js';

/** Orders, and charges, taken up in one round. */
const roundLimit = 200;
/** Charges asked about at the same time: each may wait for the payment system's time-out. */
const chargesAtOnce = 10;

/** Drives open orders and charges to their end: after a restart at once, later when they are stale. */
export class Recovery {
  readonly #orders: Repeating;
  readonly #charges: Repeating;
  readonly #startedAtMs: number;

  /**
   * @param resumeAfterMs age from which an open order or charge counts as left behind by the request that
   * began it; those that were open when this process started are taken up at once.
   * @param turns shared by all processes that recover, if there are several.
   */
  constructor(
    private readonly commands: Commands,
    private readonly queries: Pick<ProcessQueries, 'openOrders' | 'openCharges'>,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
    private readonly resumeAfterMs: number,
    intervalMs: number,
    turns?: Turns,
  ) {
    this.#startedAtMs = clock.nowMs();
    this.#orders = new Repeating(
      'checkout',
      intervalMs,
      (stopping) => this.#resumeOrders(stopping),
      log,
      turns,
    );
    this.#charges = new Repeating(
      'charging',
      intervalMs,
      (stopping) => this.#resumeCharges(stopping),
      log,
      turns,
    );
  }

  start(): void {
    this.#orders.start();
    this.#charges.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#orders.stop(), this.#charges.stop()]);
  }

  async #resumeOrders(stopping: AbortSignal): Promise<void> {
    const orderIds = await this.queries.openOrders(this.#staleBefore(), roundLimit);
    if (orderIds.length > 0) this.log.info({ orders: orderIds.length }, 'resuming open orders');
    await untilStopped(stopping, orderIds, (orderId) =>
      this.#attempt(
        { orderId },
        this.commands.execute(new AdvanceCheckout(orderId, processContext('checkout'))),
      ),
    );
  }

  async #resumeCharges(stopping: AbortSignal): Promise<void> {
    const chargeIds = await this.queries.openCharges(this.#staleBefore(), roundLimit);
    if (chargeIds.length > 0) this.log.info({ charges: chargeIds.length }, 'resuming open charges');
    for (let first = 0; first < chargeIds.length && !stopping.aborted; first += chargesAtOnce) {
      const some = chargeIds.slice(first, first + chargesAtOnce);
      await Promise.all(
        some.map((chargeId) =>
          this.#attempt(
            { chargeId },
            this.commands.execute(new AdvanceCharge(chargeId, processContext('charging'))),
          ),
        ),
      );
    }
  }

  /** One that fails must not keep the others waiting: it is tried again in the next round. */
  async #attempt(details: object, work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.log.error({ ...details, err: error }, 'could not be resumed; it is tried again');
    }
  }

  #staleBefore(): Instant {
    return toInstant(Math.max(this.clock.nowMs() - this.resumeAfterMs, this.#startedAtMs));
  }
}
