import { type Instant, type ScheduleId, toInstant } from '../../src/events/ids.js';
import type { Clock } from '../../src/platform/clock.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { openQueries, type Queries } from '../../src/queries/queries.js';
import type { AvailabilityReply, SeatMapReply } from '../../src/queries/replies/catalog.js';
import type { SeatMapFilter } from '../../src/queries/seating-plans.js';
import { type History, minute, project } from '../projections/history.js';

/** A clock that stands at a moment. */
export function clockAt(now: Instant): Clock {
  return { now: () => now, nowMs: () => Date.parse(now) };
}

/** Queries over the projected history, asked at `now`. */
export async function asking(
  history: History,
  now = minute(50),
): Promise<{ queries: Queries; models: ReadModels }> {
  const models = await project(history);
  const progress = { waitFor: async () => true };
  return { models, queries: openQueries(models.read, progress, clockAt(now)) };
}

/** Every seat of a date as the tables have it at `now`; null when the date is unknown. */
export async function seatMapOf(
  queries: Queries,
  scheduleId: ScheduleId,
  filter: SeatMapFilter = {},
  now = minute(40),
): Promise<SeatMapReply | null> {
  return (await queries.seatBoard(scheduleId))?.seatMap(filter, Date.parse(now)) ?? null;
}

/** How many seats of a date are free as the tables have it at `now`; null when the date is unknown. */
export async function availabilityOf(
  queries: Queries,
  scheduleId: ScheduleId,
  now = minute(40),
): Promise<AvailabilityReply | null> {
  return (await queries.seatBoard(scheduleId))?.availability(Date.parse(now)) ?? null;
}

/** The moment `ms` after an instant. */
export function later(instant: Instant, ms: number): Instant {
  return toInstant(Date.parse(instant) + ms);
}

export const firstPage = { limit: 20, cursor: null };
