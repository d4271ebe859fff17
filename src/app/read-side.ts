import type { Provider } from '@nestjs/common';
import { PROJECTION_OPERATIONS, type ProjectionOperations } from '../api/projection-operations.js';
import { PROJECTION_REBUILDS } from '../api/projection-rebuilds.js';
import { READ_POSITION, type ReadPosition } from '../api/read-position.js';
import { READINESS } from '../api/readiness.js';
import { READS, type Reads } from '../api/reads.js';
import type { EventStore, Position } from '../event-store/port.js';
import { addMs, type Instant, toInstant } from '../events/ids.js';
import type { PersonalKeys } from '../personal-data/personal-keys.js';
import { revealingStore } from '../personal-data/store-views.js';
import type { Clock } from '../platform/clock.js';
import type { Log } from '../platform/logging.js';
import { allProjections } from '../projections/all-projections.js';
import { ProjectionRunner } from '../projections/engine/runner.js';
import type { ReadModels } from '../projections/open-read-models.js';
import { CheckpointProgress } from '../queries/checkpoint-progress.js';
import { type QueryContext, queryContext } from '../queries/context.js';
import { getAvailability } from '../queries/get-availability.js';
import { getCharge } from '../queries/get-charge.js';
import { getOrder } from '../queries/get-order.js';
import { getPerformance } from '../queries/get-performance.js';
import { getQueue } from '../queries/get-queue.js';
import { getQueueFairness, listQueueNumbers } from '../queries/get-queue-fairness.js';
import { getQueueToken } from '../queries/get-queue-token.js';
import { getSchedule } from '../queries/get-schedule.js';
import { getSeatMap } from '../queries/get-seat-map.js';
import { getUser } from '../queries/get-user.js';
import { getVenue } from '../queries/get-venue.js';
import { getWallet } from '../queries/get-wallet.js';
import { listHolds } from '../queries/list-holds.js';
import { listOrders } from '../queries/list-orders.js';
import { listPerformances } from '../queries/list-performances.js';
import { listReservations } from '../queries/list-reservations.js';
import { listSchedules } from '../queries/list-schedules.js';
import { listWalletHistory } from '../queries/list-wallet-history.js';
import { queryPorts } from '../queries/query-ports.js';
import type { LogFit } from './log-fit.js';
import { projectionOperations } from './projection-operations.js';
import { projectionRebuilds } from './projection-rebuilds.js';
import { type ReadModelProgress, readModelPorts } from './read-model-ports.js';
import { type Following, readinessOf } from './readiness.js';

/** How far the read models are, whichever process writes them. */
export interface ReadProgress extends ReadModelProgress {
  /** Where they were when last looked at; -1 before the first event. */
  readonly position: number;
}

/** The read models and everything that reads them. */
export interface ReadSide {
  readonly progress: ReadProgress;
  readonly ports: ReturnType<typeof readModelPorts>;
  /** What the API reads through. */
  readonly providers: readonly Provider[];
  close(): Promise<void>;
}

interface Parts {
  readonly store: EventStore;
  readonly fit: LogFit;
  readonly personalKeys: PersonalKeys;
  /** See Engines. */
  readonly maxLag: number;
  readonly readModels: ReadModels;
  readonly clock: Clock;
  readonly log: Log;
}

/** Follows the log with the projections of this process. */
export function projectingReadSide(parts: Parts): ReadSide {
  const { store, fit, personalKeys, readModels, clock, log } = parts;
  const runner = new ProjectionRunner({
    store: revealingStore(store, personalKeys),
    dataSource: readModels.write,
    dialect: readModels.dialect,
    projections: allProjections,
    clock,
    logger: log,
    onMisfit: (misfit) => fit.found(misfit),
  });
  runner.start();
  return readSide(parts, runner, projectionOperations({ ...parts, runner }), {
    trouble: async () => {
      const { running, lastError } = await runner.status();
      return lastError ?? (running ? undefined : 'not running');
    },
    stop: () => runner.stop(),
  });
}

/** Reads what another process projects. */
export function followingReadSide(parts: Parts): ReadSide {
  const names = allProjections.map(({ name }) => name);
  const progress = new CheckpointProgress(parts.readModels.read, names);
  return readSide(parts, progress, projectionOperations({ ...parts, runner: undefined }), {
    trouble: async () => undefined,
    stop: () => progress.stop(),
  });
}

function readSide(
  { store, fit, maxLag, readModels, clock }: Parts,
  progress: ReadProgress,
  operations: ProjectionOperations,
  following: Following & { stop(): Promise<void> },
): ReadSide {
  return {
    progress,
    ports: readModelPorts(queryPorts(readModels.read), progress, clock),
    providers: [
      { provide: READS, useValue: readsOf(queryContext(readModels.read, clock)) },
      { provide: READ_POSITION, useValue: readPositionOf(progress, store, fit) },
      {
        provide: READINESS,
        useValue: readinessOf({ store, fit, readModels, operations, following, maxLag }),
      },
      { provide: PROJECTION_OPERATIONS, useValue: operations },
      { provide: PROJECTION_REBUILDS, useValue: projectionRebuilds({ readModels, clock }) },
    ],
    close: () => following.stop(),
  };
}

function readsOf(context: QueryContext): Reads {
  const own = <Reply extends { readonly userId: unknown }>(reply: Reply | null, userId: unknown) =>
    reply?.userId === userId ? reply : null;
  return {
    user: (userId) => getUser(context, userId),
    wallet: (userId) => getWallet(context, userId),
    walletHistory: (userId, page) => listWalletHistory(context, userId, page),
    charge: async (userId, chargeId) => own(await getCharge(context, chargeId), userId),
    venue: (venueId, language) => getVenue(context, venueId, language ?? undefined),
    performances: (search, page, language) => listPerformances(context, search, page, language ?? undefined),
    performance: (performanceId, language) => getPerformance(context, performanceId, language ?? undefined),
    async schedules(performanceId, { from, to }, page) {
      if (!(await getPerformance(context, performanceId))) return null;
      const range = {
        from: from === undefined ? undefined : startOfDay(from),
        to: to === undefined ? undefined : addMs(startOfDay(to), dayMs),
      };
      return listSchedules(context, performanceId, range, page);
    },
    schedule: (scheduleId) => getSchedule(context, scheduleId),
    availability: (scheduleId) => getAvailability(context, scheduleId),
    seatMap: (scheduleId, { section, status }) =>
      getSeatMap(context, scheduleId, { sectionId: section, status }),
    queueToken: ({ tokenId }) => getQueueToken(context, tokenId),
    queue: (performanceId) => getQueue(context, performanceId),
    queueFairness: (performanceId) => getQueueFairness(context, performanceId),
    queueNumbers: async (performanceId, page) =>
      (await getQueueFairness(context, performanceId)) && listQueueNumbers(context, performanceId, page),
    holds: (userId) => listHolds(context, userId),
    orders: (userId, page) => listOrders(context, userId, page),
    order: async (userId, orderId) => own(await getOrder(context, orderId), userId),
    reservations: (userId, page, language) => listReservations(context, userId, page, language ?? undefined),
  };
}

const dayMs = 86_400_000;

function startOfDay(date: string): Instant {
  return toInstant(Date.parse(`${date}T00:00:00.000Z`));
}

/** After waiting so long, a read checks whether the log has the position at all, ms. */
const askAfterMs = 250;

/**
 * Waits for read positions that the log has. After the log was restored from a backup, clients may name positions that
 * never come: their reads are answered with the current state.
 */
export function readPositionOf(
  progress: ReadProgress,
  log: Pick<EventStore, 'head'>,
  { mayLag }: Pick<LogFit, 'mayLag'>,
): ReadPosition {
  return {
    async waitFor(position, timeoutMs) {
      const firstMs = Math.min(timeoutMs, askAfterMs);
      if (await progress.waitFor(position, { timeoutMs: firstMs })) return true;
      const reached = progress.waitFor(position, { timeoutMs: timeoutMs - firstMs });
      if (mayLag) return reached;
      const isBeyond = log.head().then(
        (head) => head === undefined || position > head,
        () => false,
      );
      return Promise.race([reached, isBeyond.then((isPast) => isPast || reached)]);
    },
    // Checkpoints hold positions the store gave us.
    current: () => progress.position as Position,
  };
}
