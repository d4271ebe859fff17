import { processContext } from '../commands/command-context.js';
import { SettleCancellation } from '../commands/orders/settle-cancellation.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import type { ProcessQueries } from '../queries/queries.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';

/** Cancelled dates worked on in one round; those that fail are asked for beside them. */
const roundLimit = 100;

/**
 * Ends the holds of cancelled dates and refunds their orders, however many and however long after. A date is worked on
 * until nothing of it is held or reserved, also when an order was paid in the moment of the cancellation.
 */
export class Cancellations {
  readonly #settling: PeriodicTask;

  /** @param lease shared by all processes that do this, if there are several. */
  constructor(
    private readonly commands: Commands,
    private readonly queries: Pick<ProcessQueries, 'cancelledSchedulesToSettle'>,
    clock: Clock,
    private readonly log: ProcessLog,
    intervalMs: number,
    lease?: RoundLease,
  ) {
    this.#settling = new PeriodicTask({ name: 'cancellations', intervalMs, clock, log, lease }, (stopping) =>
      this.#settle(stopping),
    );
  }

  start(): void {
    this.#settling.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#settling];
  }

  async stop(): Promise<void> {
    await this.#settling.stop();
  }

  async #settle(stopping: AbortSignal): Promise<void> {
    const scheduleIds = await this.queries.cancelledSchedulesToSettle(
      roundLimit + this.#settling.items.failing,
    );
    await this.#settling.forEach(scheduleIds, String, async (scheduleId) => {
      this.log.info({ scheduleId }, 'settling a cancelled date');
      const context = processContext('refunds');
      const progress = await this.commands.execute(new SettleCancellation(scheduleId, context, stopping));
      this.log.info({ scheduleId, ...progress }, 'worked on a cancelled date');
    });
  }
}
