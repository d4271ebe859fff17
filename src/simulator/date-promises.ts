import type { CommandContext } from '../commands/command-context.js';
import { addMs, type Instant, type ScheduleId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import type { KeptPromises, LogIndex } from './promises.js';
import type { FeedRevision } from './sale.js';

/** How long after its cancellation a date may still be held: catalog caches by clocks that jump, ms. */
const holdToleranceMs = 20_000;

/** Records what replies to the organiser promise about dates, and which requests of fans must fail after that. */
export class DatePromises {
  /** By date, the true time at which its cancellation was acknowledged, ms. */
  readonly #cancelled = new Map<ScheduleId, number>();

  constructor(private readonly promises: KeptPromises) {
    promises.add('each moved date opens its refund window, and no window is made shorter', areWindowsKept);
    promises.add('each cancelled date is settled once', (log) =>
      log
        .ofType('ScheduleCancelled')
        .every(
          ({ data }) =>
            log.count(streams.schedule(data.scheduleId), 'ScheduleCancelled') === 1 &&
            log.count(streams.schedule(data.scheduleId), 'ScheduleCancellationSettled') === 1,
        ),
    );
  }

  /** @param nowMs when the reply arrived, true time. */
  cancelled(scheduleId: ScheduleId, nowMs: number): void {
    if (!this.#cancelled.has(scheduleId)) this.#cancelled.set(scheduleId, nowMs);
    this.promises.add(`date ${scheduleId} is cancelled`, (log) => log.isCancelled(scheduleId));
  }

  windowOpened(scheduleId: ScheduleId, until: Instant): void {
    this.promises.add(
      `tickets of date ${scheduleId} may be given back until ${until}`,
      (log) =>
        log.count(streams.schedule(scheduleId), 'RefundWindowOpened', (data) => data.until >= until) > 0,
    );
  }

  published({ announced }: FeedRevision): void {
    for (const { date, startsAt } of announced) {
      const { scheduleId } = date;
      this.promises.add(
        `date ${scheduleId} was announced for ${startsAt}, or is cancelled`,
        (log) =>
          log.isCancelled(scheduleId) ||
          log.count(streams.schedule(scheduleId), 'SchedulePublished', (data) => data.startsAt === startsAt) >
            0,
      );
    }
  }

  /** Call it before a fan's request to pay is sent: it cannot buy what was cancelled before. */
  pays({ correlationId }: CommandContext): void {
    const cancelled = new Set(this.#cancelled.keys());
    if (cancelled.size === 0) return;
    this.promises.add(`payment ${correlationId} buys nothing on a date cancelled before`, (log) =>
      log
        .ofType('OrderPlaced')
        .every(
          (event) =>
            event.correlationId !== correlationId ||
            !event.data.items.some(({ scheduleId }) => cancelled.has(scheduleId)),
        ),
    );
  }

  /** Call it before a fan's request to hold seats is sent. @param nowMs true time */
  holds({ correlationId }: CommandContext, scheduleId: ScheduleId, nowMs: number): void {
    const cancelledAtMs = this.#cancelled.get(scheduleId);
    if (cancelledAtMs === undefined || nowMs < cancelledAtMs + holdToleranceMs) return;
    this.promises.add(`request ${correlationId} holds no seat of a date cancelled before`, (log) =>
      log.ofType('SeatHeld').every((event) => event.correlationId !== correlationId),
    );
  }
}

function areWindowsKept(log: LogIndex): boolean {
  const starts = new Map<ScheduleId, Instant>();
  /** By date, until when tickets may be given back; and at least until when they must. */
  const windows = new Map<ScheduleId, Instant>();
  const due = new Map<ScheduleId, Instant>();
  const cancelled = new Set<ScheduleId>();
  for (const event of log.all) {
    switch (event.type) {
      case 'SchedulePublished': {
        const { scheduleId, performanceId, startsAt, status } = event.data;
        const before = starts.get(scheduleId);
        starts.set(scheduleId, startsAt);
        if (before === undefined || before === startsAt) continue;
        if (status === 'cancelled' || cancelled.has(scheduleId)) continue;
        // A performance of a simulation never changes this rule.
        const [performance] = log.ofType('PerformancePublished', streams.performance(performanceId));
        const windowMs = performance?.data.sales.refundWindowMs ?? 0;
        const until = addMs(event.occurredAt, windowMs);
        if (windowMs > 0 && until > (due.get(scheduleId) ?? '')) due.set(scheduleId, until);
        continue;
      }
      case 'RefundWindowOpened': {
        const { scheduleId, until } = event.data;
        if (until < (windows.get(scheduleId) ?? '')) return false;
        windows.set(scheduleId, until);
        continue;
      }
      case 'ScheduleCancelled':
        cancelled.add(event.data.scheduleId);
        continue;
      default:
        continue;
    }
  }
  return [...due].every(([scheduleId, until]) => (windows.get(scheduleId) ?? '') >= until);
}
