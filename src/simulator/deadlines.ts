import type { ScheduleId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import type { LogIndex } from './promises.js';

/** A fan may give back tickets of a cancelled date at any time. */
const never = Number.POSITIVE_INFINITY;

/**
 * The latest moment until which any version of a date, published by `untilMs`, lets fans give tickets back. True time and
 * milliseconds, as below.
 */
export function latestDeadline(log: LogIndex, scheduleId: ScheduleId, untilMs: number): number {
  if (cancelledAt(log, scheduleId) <= untilMs) return never;
  const deadlines = versionsOf(log, scheduleId, 0, untilMs);
  return Math.max(...deadlines, ...windowsOf(log, scheduleId, untilMs));
}

/**
 * The earliest moment after which a process that read the date between `fromMs` and `untilMs` may refuse to take tickets
 * back.
 */
export function earliestDeadline(
  log: LogIndex,
  scheduleId: ScheduleId,
  fromMs: number,
  untilMs: number,
): number {
  if (cancelledAt(log, scheduleId) <= fromMs) return never;
  const deadlines = versionsOf(log, scheduleId, fromMs, untilMs);
  return Math.max(Math.min(...deadlines), ...windowsOf(log, scheduleId, fromMs));
}

/** When the date's cancellation was written; infinity: never. */
function cancelledAt(log: LogIndex, scheduleId: ScheduleId): number {
  return log.ofType('ScheduleCancelled', streams.schedule(scheduleId))[0]?.writtenAtMs ?? never;
}

/** The deadlines by the performance's rule, of each version of the date that was in force in that time. */
function versionsOf(log: LogIndex, scheduleId: ScheduleId, fromMs: number, untilMs: number): number[] {
  const published = log.ofType('SchedulePublished', streams.schedule(scheduleId));
  return published.flatMap(({ data, writtenAtMs }, index) => {
    const isOver = (published[index + 1]?.writtenAtMs ?? never) < fromMs;
    if (writtenAtMs > untilMs || isOver) return [];
    // A performance of a simulation never changes this rule.
    const [performance] = log.ofType('PerformancePublished', streams.performance(data.performanceId));
    return [Date.parse(data.startsAt) - (performance?.data.sales.cancelBeforeStartMs ?? 0)];
  });
}

/** The ends of the refund windows that were opened by then. */
function windowsOf(log: LogIndex, scheduleId: ScheduleId, untilMs: number): number[] {
  const opened = log.ofType('RefundWindowOpened', streams.schedule(scheduleId));
  return opened.flatMap(({ data, writtenAtMs }) => (writtenAtMs <= untilMs ? [Date.parse(data.until)] : []));
}
