import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { scheduleDecider } from '../../domain/catalog.js';
import { EventStore } from '../../event-store/port.js';
import type { ScheduleId, SeatId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import type { OwnedSeat } from '../../queries/seats.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { Holds } from '../seats/end-hold.js';
import { RefundOrder, RefundOrderHandler } from './cancel-order.js';

/** What one run did: what other runs gave back, before or beside it, is not counted again. */
export interface CancellationProgress {
  /** Whether nothing is left. */
  readonly isSettled: boolean;
  readonly endedHolds: number;
  readonly refundedOrders: number;
  readonly refundedSeats: number;
  /** Given back. */
  readonly points: number;
}

/** Ends the holds of a cancelled date and refunds its orders, and records when nothing is left. */
export class SettleCancellation extends Command<CancellationProgress> {
  constructor(
    readonly scheduleId: ScheduleId,
    readonly context: CommandContext,
    /** Stops it between two seats; the next run continues. */
    readonly signal?: AbortSignal,
  ) {
    super();
  }
}

/** Seats read at once, and given back at the same time. */
const pageSize = 200;
const maxConcurrentRefunds = 8;
/** Rounds over the seats: the first that finds none is the last; orders that were paid meanwhile need another round. */
const maxRounds = 5;

/**
 * Any number of runs may work on one date, and each may stop at any point: a seat is given back only once, and the next
 * run finds the remaining seats in the read model of seats, as held or reserved.
 */
@CommandHandler(SettleCancellation)
export class SettleCancellationHandler implements ICommandHandler<SettleCancellation> {
  constructor(
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    private readonly holds: Holds,
    private readonly refunds: RefundOrderHandler,
    private readonly store: EventStore,
    @Inject(QUERIES) private readonly queries: CommandQueries,
  ) {}

  /**
   * @returns what this run did. The date is not settled when the read models are late or the run was stopped: run it again.
   * @throws {Rejected} schedule-unknown; the first failure of a seat, after all the others were worked on.
   */
  async execute({ scheduleId, context, signal }: SettleCancellation): Promise<CancellationProgress> {
    const run = new Run();
    const { cancellation } = await this.catalog.schedule(scheduleId, { isFresh: true });
    if (!cancellation) return run.progress(false);
    const reason = cancellation.reason ?? undefined;
    for (let round = 0; round < maxRounds; round++) {
      const head = await this.store.head();
      if (head !== undefined && !(await this.queries.waitFor(head))) return run.progress(false);
      const found = await this.#giveBackAll(scheduleId, reason, run, context, signal);
      if (run.failure !== undefined) throw run.failure;
      if (signal?.aborted) return run.progress(false);
      if (found > 0) continue;
      const settle = { kind: 'settle' } as const;
      await this.deciders.executeOrThrow(scheduleDecider, streams.schedule(scheduleId), settle, context);
      return run.progress(true);
    }
    return run.progress(false);
  }

  /** @returns how many seats were held or reserved. */
  async #giveBackAll(
    scheduleId: ScheduleId,
    reason: string | undefined,
    run: Run,
    context: CommandContext,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const limit = new ConcurrencyLimit(maxConcurrentRefunds);
    let found = 0;
    let after: SeatId | null = null;
    for (;;) {
      const page: readonly OwnedSeat[] = await this.queries.ownedSeats(scheduleId, after, pageSize);
      found += page.length;
      // A hold ends on all its seats at once, and one refund takes all seats of an order on this date.
      const owners = new Map(page.map((seat) => [seat.kind === 'held' ? seat.holdId : seat.orderId, seat]));
      await Promise.all(
        [...owners].map(([ownerId, seat]) =>
          limit.run(async () => {
            if (signal?.aborted) return;
            const step = stepContext(context, scheduleId, ownerId);
            await this.#giveBack(seat, reason, run, step).catch((error: unknown) => run.failed(error));
          }),
        ),
      );
      const last = page.at(-1);
      if (!last || page.length < pageSize || signal?.aborted) return found;
      after = last.seatId;
    }
  }

  async #giveBack(
    seat: OwnedSeat,
    note: string | undefined,
    run: Run,
    context: CommandContext,
  ): Promise<void> {
    const { scheduleId } = seat;
    if (seat.kind === 'held') {
      const returned = await this.holds.giveBack(seat.tokenId, seat.holdId, 'schedule-cancelled', context);
      // Without events another run, or the hold's deadline, has ended it.
      if (returned && returned.events.length > 0) run.endedHolds++;
      return;
    }
    const refund = {
      orderId: seat.orderId,
      which: { kind: 'schedule', scheduleId },
      cause: 'schedule-cancelled',
      ...(note === undefined ? {} : { note }),
    } as const;
    const { refunded } = await this.refunds.execute(new RefundOrder(refund, context));
    if (refunded.length > 0) run.refundedOrders++;
    run.refundedSeats += refunded.length;
    run.points += refunded.reduce((sum, item) => sum + item.price, 0);
  }
}

class Run {
  endedHolds = 0;
  refundedOrders = 0;
  refundedSeats = 0;
  points = 0;
  /** The first. */
  failure: unknown;

  failed(error: unknown): void {
    this.failure ??= error;
  }

  progress(isSettled: boolean): CancellationProgress {
    const { endedHolds, refundedOrders, refundedSeats, points } = this;
    return { isSettled, endedHolds, refundedOrders, refundedSeats, points };
  }
}
