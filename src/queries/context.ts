import type { DataSource } from 'typeorm';
import { type Clock, systemClock } from '../platform/clock.js';
import { SeatingPlans } from './seating-plans.js';

/** What queries work with: the read-only database, a clock, and the seating plans kept in memory. */
export interface QueryContext {
  readonly db: DataSource;
  readonly clock: Clock;
  readonly plans: SeatingPlans;
}

/** A context on the read models' read-only connection; make one per process, it holds a cache. */
export function queryContext(db: DataSource, clock: Clock = systemClock): QueryContext {
  return { db, clock, plans: new SeatingPlans(db) };
}
