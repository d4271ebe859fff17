import { type Instant, toInstant } from '../../src/events/ids.js';
import type { Clock } from '../../src/platform/clock.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { openQueries, type Queries } from '../../src/queries/queries.js';
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

/** The moment `ms` after an instant. */
export function later(instant: Instant, ms: number): Instant {
  return toInstant(Date.parse(instant) + ms);
}

export const firstPage = { limit: 20, cursor: null };
