import type { DataSource } from 'typeorm';
import { type Clock, systemClock } from '../platform/clock.js';
import { accountQueries } from './account.js';
import { catalogQueries } from './catalog.js';
import { type DeadlineQueries, deadlineQueries } from './deadlines.js';
import { orderQueries } from './orders.js';
import { queueQueries } from './queue.js';
import { saleQueries } from './sale.js';
import { SeatingPlans } from './seating-plans.js';
import { seatQueries } from './seats.js';
import { walletQueries } from './wallet.js';

/** The token {@link Queries} is injected by. */
export const QUERIES = Symbol('Queries');

/** What the queries of one process share. */
export interface QueryContext {
  /** Read-only connections. */
  readonly db: DataSource;
  readonly clock: Clock;
  readonly plans: SeatingPlans;
}

/** How long commands wait for the read models before they go on without them. */
export const waitTimeoutMs = 2_000;

/** How far the read models are, whichever process writes them. */
export interface ReadModelProgress {
  /** Waits until every read model contains everything up to `position`. @returns false when that takes too long. */
  waitFor(position: number, options: { readonly timeoutMs: number }): Promise<boolean>;
}

/**
 * Every question to the read models, each declared where it is implemented. Answers may be a moment behind the log, so
 * a decision based on one is checked against the streams. Lists are bounded by a limit or a page.
 * Make one per process: it holds a cache. @throws {ReadModelsUnavailable} when the database does not answer.
 * @param db the read models' read-only connections.
 */
export function openQueries(db: DataSource, progress: ReadModelProgress, clock: Clock = systemClock) {
  const context = { db, clock, plans: new SeatingPlans(db) };
  return {
    ...accountQueries(context),
    ...walletQueries(context),
    ...catalogQueries(context),
    ...seatQueries(context),
    ...queueQueries(context),
    ...saleQueries(context),
    ...orderQueries(context),
    ...deadlineQueries(context),
    /** Waits until the read models contain everything up to `position`. @returns false when that takes over 2 s. */
    waitFor: (position: number): Promise<boolean> => progress.waitFor(position, { timeoutMs: waitTimeoutMs }),
  };
}

export type Queries = ReturnType<typeof openQueries>;

/** The questions of commands and processes: the simulator and tests answer them without a database. */
export type CommandQueries = Pick<
  Queries,
  | 'waitFor'
  | 'takenSeats'
  | 'numberOfToken'
  | 'queueSize'
  | 'queueFront'
  | 'waitingPlaces'
  | 'sale'
  | 'schedulesOfVenue'
  | 'schedulesOfPerformance'
  | 'ownedSeats'
  | 'unfinishedBusiness'
>;
/** The questions of boards in memory. */
export type BoardQueries = Pick<Queries, 'seatBoard' | 'queueBoard' | 'queueTokens' | 'queueHead'>;
export type ProcessQueries = Pick<
  Queries,
  'openOrders' | 'openCharges' | 'queuesToServe' | 'cancelledSchedulesToSettle'
> &
  DeadlineQueries;
