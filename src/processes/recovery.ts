import { processContext } from '../commands/command-context.js';
import { AdvanceCheckout } from '../commands/orders/checkout-process.js';
import { AdvanceCharge } from '../commands/wallet/charge-points.js';
import { type ChargeId, type Instant, type OrderId, toInstant } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import type { OpenItem } from '../queries/paging.js';
import type { ProcessQueries } from '../queries/queries.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';

/** Charges resumed at the same time: each may wait for the payment system's time-out. */
const chargesAtOnce = 10;
/** How long an item that stays open is put off at most, ms. */
const maxRetryMs = 600_000;

/** Resumes open orders and charges: after a restart at once, later when they are stale. */
export class Recovery {
  readonly #orders: PeriodicTask;
  readonly #charges: PeriodicTask;
  readonly #openOrders: OpenItems<OrderId>;
  readonly #openCharges: OpenItems<ChargeId>;
  readonly #startedAtMs: number;

  /**
   * @param resumeAfterMs age from which an open order or charge counts as left by the request that began it; those
   * that were open when this process started are resumed at once.
   * @param lease shared by all processes that recover, if there are several.
   */
  constructor(
    private readonly commands: Commands,
    queries: Pick<ProcessQueries, 'openOrders' | 'openCharges'>,
    private readonly clock: Clock,
    log: ProcessLog,
    private readonly resumeAfterMs: number,
    intervalMs: number,
    lease?: RoundLease,
  ) {
    this.#startedAtMs = clock.nowMs();
    this.#openOrders = new OpenItems(clock, (after, limit) =>
      queries.openOrders(this.#staleBefore(), after, limit),
    );
    this.#openCharges = new OpenItems(clock, (after, limit) =>
      queries.openCharges(this.#staleBefore(), after, limit),
    );
    const settings = { intervalMs, clock, log, lease, maxRetryMs };
    this.#orders = new PeriodicTask({ name: 'checkout', ...settings }, () => this.#resumeOrders());
    // A slow payment system is no reason for an alert.
    this.#charges = new PeriodicTask({ name: 'charging', ...settings, itemLevel: 'warn' }, () =>
      this.#resumeCharges(),
    );
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
    await this.#orders.forEach(this.#openOrders.round(), String, (orderId) =>
      this.commands.execute(new AdvanceCheckout(orderId, processContext('checkout'))),
    );
  }

  async #resumeCharges(): Promise<void> {
    await this.#charges.forEach(
      this.#openCharges.round(),
      String,
      async (chargeId) => {
        const result = await this.commands.execute(new AdvanceCharge(chargeId, processContext('charging')));
        if (result.status === 'pending') throw new ChargeStillOpen(result.cause);
      },
      { atOnce: chargesAtOnce },
    );
  }

  #staleBefore(): Instant {
    return toInstant(Math.max(this.clock.nowMs() - this.resumeAfterMs, this.#startedAtMs));
  }
}

/** The payment system has not decided: the charge is retried later, like an item that failed. */
export class ChargeStillOpen extends Error {
  override readonly name = 'ChargeStillOpen';
}

/** Items read at once. */
const pageSize = 200;
/** A round begins no further item after this time, ms, so that new ones need not wait for a long list of slow ones. */
const roundMs = 10_000;

/**
 * The open items for the rounds of a task. Each round begins with the items that changed last, and then goes on where
 * the round before stopped: an item that has just become stale waits for one round at most, however many are stuck, and
 * each of the others gets its turn. Keeps one page and one cursor.
 */
class OpenItems<Id extends string> {
  /** The last item of the list that a round has come to; null: the next round begins from the start. */
  #cursor: OpenItem<Id> | null = null;

  /** @param read the items that follow one, those changed last first. */
  constructor(
    private readonly clock: Pick<Clock, 'nowMs'>,
    private readonly read: (after: OpenItem<Id> | null, limit: number) => Promise<OpenItem<Id>[]>,
  ) {}

  /** The items of one round, one at a time. */
  async *round(): AsyncGenerator<readonly Id[]> {
    const startedAtMs = this.clock.nowMs();
    const isOver = (shareMs: number) => this.clock.nowMs() >= startedAtMs + shareMs;
    const newest = await this.read(null, pageSize);
    for (const { id } of newest) {
      // The time that is left is used for the rest of the list.
      if (isOver(roundMs / 2)) break;
      yield [id];
    }
    this.#cursor ??= newest.at(-1) ?? null;
    for (let page = newest; page.length === pageSize; ) {
      page = await this.read(this.#cursor, pageSize);
      for (const item of page) {
        if (isOver(roundMs)) return;
        yield [item.id];
        this.#cursor = item;
      }
    }
    this.#cursor = null;
  }
}
