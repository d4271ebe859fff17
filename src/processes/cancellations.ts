import { processContext } from '../commands/command-context.js';
import { SettleCancellation } from '../commands/orders/settle-cancellation.js';
import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, RecordedEvent } from '../event-store/port.js';
import type { ScheduleId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { allPages } from '../queries/paging.js';
import type { ProcessQueries } from '../queries/queries.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';

/**
 * Ends the holds of cancelled dates and refunds their orders, without a limit of number or time. A date is settled as soon
 * as it is cancelled, and again in each round until none of its seats is held or reserved. So an order that was paid at
 * the moment of the cancellation is refunded too.
 */
export class Cancellations {
  readonly #settling: PeriodicTask;
  readonly #subscription: LiveSubscription;
  /** Dates cancelled since the last round, which the read models may not show yet. */
  readonly #announced = new Set<ScheduleId>();

  /** @param lease shared by all processes that do this, if there are several. */
  constructor(
    store: EventStore,
    private readonly commands: Commands,
    private readonly queries: Pick<ProcessQueries, 'cancelledSchedulesToSettle'>,
    clock: Clock,
    private readonly log: ProcessLog,
    private readonly intervalMs: number,
    private readonly lease?: RoundLease,
  ) {
    this.#settling = new PeriodicTask({ name: 'cancellations', intervalMs, clock, log, lease }, (stopping) =>
      this.#settle(stopping),
    );
    let cancelled: ScheduleId[] = [];
    this.#subscription = new LiveSubscription(
      store,
      { name: 'cancellations', categories: ['schedule'], log },
      {
        take: (event) => void cancelled.push(...cancelledBy(event)),
        taken: async () => {
          const scheduleIds = cancelled;
          cancelled = [];
          await this.#announce(scheduleIds);
        },
      },
    );
  }

  start(): void {
    void this.#subscription.start();
    this.#settling.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#settling, this.#subscription];
  }

  async stop(): Promise<void> {
    await Promise.all([this.#subscription.stop(), this.#settling.stop()]);
  }

  /** Only one process starts with a date; the rounds of the others continue if that one stops. */
  async #announce(scheduleIds: readonly ScheduleId[]): Promise<void> {
    for (const scheduleId of scheduleIds) {
      const task = `cancellation of ${scheduleId}`;
      const waitMs = this.lease ? await this.lease.claim(task, this.intervalMs) : 0;
      if (waitMs === 0) this.#announced.add(scheduleId);
    }
    if (this.#announced.size > 0) this.#settling.runSoon();
  }

  async #settle(stopping: AbortSignal): Promise<void> {
    await this.#settling.forEach(this.#toSettle(), String, async (scheduleId) => {
      this.log.info({ scheduleId }, 'settling a cancelled date');
      const context = processContext('refunds');
      const progress = await this.commands.execute(new SettleCancellation(scheduleId, context, stopping));
      this.log.info({ scheduleId, ...progress }, 'worked on a cancelled date');
    });
  }

  async *#toSettle(): AsyncGenerator<readonly ScheduleId[]> {
    const announced = [...this.#announced];
    this.#announced.clear();
    yield announced;
    yield* allPages<ScheduleId>((after, limit) => this.queries.cancelledSchedulesToSettle(after, limit));
  }
}

function cancelledBy(recorded: RecordedEvent): ScheduleId[] {
  if (recorded.type !== 'ScheduleCancelled') return [];
  const event = decodeEvent(recorded);
  return event.type === 'ScheduleCancelled' ? [event.data.scheduleId] : [];
}
