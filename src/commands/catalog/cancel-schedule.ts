import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { type ScheduleCommand, type ScheduleState, scheduleDecider } from '../../domain/catalog.js';
import { refuse } from '../../domain/rejection.js';
import { EventStore, type Position } from '../../event-store/port.js';
import { type Instant, instantSchema, type PerformanceId, type ScheduleId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import type { Loaded } from '../stream-repository.js';

const reason = z.string().trim().min(1).max(500);

export const cancelScheduleSchema = z.strictObject({
  /** Shown to the fans. */
  reason,
});

export const openRefundWindowSchema = z.strictObject({
  /** Fans may give tickets of the date back until then. */
  until: instantSchema,
  /** Shown to the fans. */
  reason: reason.optional(),
});

interface Changed {
  readonly position: Position | undefined;
}

/** Cancels a date for good. A process ends its holds and refunds its orders: settle-cancellation.ts. */
export class CancelSchedule extends Command<Changed> {
  constructor(
    readonly scheduleId: ScheduleId,
    readonly reason: string,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(CancelSchedule)
export class CancelScheduleHandler implements ICommandHandler<CancelSchedule> {
  constructor(private readonly deciders: DeciderHandler) {}

  /** A date that is cancelled already keeps its first reason. @throws {Rejected} schedule-unknown, busy */
  execute({ scheduleId, reason, context }: CancelSchedule): Promise<Changed> {
    return change(this.deciders, scheduleId, { kind: 'cancel', reason }, context);
  }
}

/** Cancels every date of a performance that has not begun. */
export class CancelPerformance extends Command<Changed & { readonly scheduleIds: readonly ScheduleId[] }> {
  constructor(
    readonly performanceId: PerformanceId,
    readonly reason: string,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(CancelPerformance)
export class CancelPerformanceHandler implements ICommandHandler<CancelPerformance> {
  constructor(
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    private readonly store: EventStore,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  /**
   * Repeating it cancels what a failure left.
   * @returns the dates that are cancelled now, by this command or before.
   * @throws {Rejected} performance-unknown; busy, also when the list of dates is not up to date
   */
  async execute({ performanceId, reason, context }: CancelPerformance) {
    await this.catalog.performance(performanceId);
    const head = await this.store.head();
    if (head !== undefined && !(await this.queries.waitFor(head))) {
      throw refuse('busy', 'The list of dates is not up to date: repeat the request in a moment.');
    }
    const scheduleIds: ScheduleId[] = [];
    let position: Position | undefined;
    for (const scheduleId of await this.queries.schedulesOfPerformance(performanceId, this.clock.now())) {
      const step = stepContext(context, scheduleId);
      const changed = await change(this.deciders, scheduleId, { kind: 'cancel', reason }, step);
      position = changed.position ?? position;
      scheduleIds.push(scheduleId);
    }
    return { scheduleIds, position };
  }
}

/** Lets fans give tickets of a date back until a moment, even after the performance's own deadline. */
export class OpenRefundWindow extends Command<Changed> {
  constructor(
    readonly scheduleId: ScheduleId,
    readonly until: Instant,
    readonly note: string | undefined,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(OpenRefundWindow)
export class OpenRefundWindowHandler implements ICommandHandler<OpenRefundWindow> {
  constructor(private readonly deciders: DeciderHandler) {}

  /** A window that is open longer stays as it is. @throws {Rejected} schedule-unknown, busy */
  execute({ scheduleId, until, note, context }: OpenRefundWindow): Promise<Changed> {
    const open = { kind: 'open-refund-window', until, cause: 'operator', note } as const;
    return change(this.deciders, scheduleId, open, context);
  }
}

function change(
  deciders: DeciderHandler,
  scheduleId: ScheduleId,
  command: ScheduleCommand,
  context: CommandContext,
): Promise<Loaded<ScheduleState>> {
  return deciders.executeOrThrow(scheduleDecider, streams.schedule(scheduleId), command, context);
}
