import type { Provider } from '@nestjs/common';
import { READ_POSITION, type ReadPosition } from './api/read-position.js';
import { READINESS, type Readiness } from './api/readiness.js';
import { READS, type Reads } from './api/reads.js';
import type { EventStore, Position } from './event-store/port.js';
import { addMs, type Instant, toInstant } from './events/ids.js';
import type { Clock } from './platform/clock.js';
import type { Log } from './platform/logging.js';
import { allProjections } from './projections/all-projections.js';
import { ProjectionRunner } from './projections/engine/runner.js';
import type { ReadModels } from './projections/open-read-models.js';
import { type QueryContext, queryContext } from './queries/context.js';
import { getAvailability } from './queries/get-availability.js';
import { getCharge } from './queries/get-charge.js';
import { getOrder } from './queries/get-order.js';
import { getPerformance } from './queries/get-performance.js';
import { getQueue } from './queries/get-queue.js';
import { getQueueToken } from './queries/get-queue-token.js';
import { getSchedule } from './queries/get-schedule.js';
import { getSeatMap } from './queries/get-seat-map.js';
import { getUser } from './queries/get-user.js';
import { getVenue } from './queries/get-venue.js';
import { getWallet } from './queries/get-wallet.js';
import { listHolds } from './queries/list-holds.js';
import { listOrders } from './queries/list-orders.js';
import { listPerformances } from './queries/list-performances.js';
import { listReservations } from './queries/list-reservations.js';
import { listSchedules } from './queries/list-schedules.js';
import { listWalletHistory } from './queries/list-wallet-history.js';
import { queryPorts } from './queries/query-ports.js';
import { readModelPorts } from './read-model-ports.js';

/** Projections that follow the log, and everything that reads what they write. */
export interface ReadSide {
  readonly runner: ProjectionRunner;
  readonly ports: ReturnType<typeof readModelPorts>;
  /** What the API reads through. */
  readonly providers: readonly Provider[];
  close(): Promise<void>;
}

/** Starts the projections. */
export function openReadSide(parts: {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly clock: Clock;
  readonly log: Log;
}): ReadSide {
  const { store, readModels, clock, log } = parts;
  const runner = new ProjectionRunner({
    store,
    dataSource: readModels.write,
    dialect: readModels.dialect,
    projections: allProjections,
    clock,
    logger: log,
  });
  runner.start();
  return {
    runner,
    ports: readModelPorts(queryPorts(readModels.read), runner, clock),
    providers: [
      { provide: READS, useValue: readsOf(queryContext(readModels.read, clock)) },
      { provide: READ_POSITION, useValue: readPositionOf(runner) },
      { provide: READINESS, useValue: readinessOf(store, runner) },
    ],
    close: () => runner.stop(),
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

function readPositionOf(runner: ProjectionRunner): ReadPosition {
  return {
    waitFor: (position, timeoutMs) => runner.waitFor(position, { timeoutMs }),
    // Checkpoints hold positions the store gave us.
    current: () => runner.position as Position,
  };
}

/** How many events the read models may be behind before this process should not be asked. */
const maxLagEvents = 50_000;

function readinessOf(store: EventStore, runner: ProjectionRunner): Readiness {
  return {
    async check() {
      const head = await answersWithin(1_000, store.head());
      const storeCheck = {
        name: 'event-store',
        ok: head.ok,
        detail: head.ok ? 'answers' : 'does not answer',
      };
      if (!head.ok) return { ready: false, checks: [storeCheck] };
      const { position, headPosition, running, lastError, projections } = await runner.status();
      const parked = projections.filter((projection) => projection.parked).map(({ name }) => name);
      const lag = headPosition - position;
      const isFollowing = running && lastError === null && parked.length === 0 && lag <= maxLagEvents;
      const detail =
        lastError ?? (parked.length > 0 ? `parked: ${parked.join(', ')}` : `${lag} behind the log`);
      const checks = [storeCheck, { name: 'read-models', ok: isFollowing, detail }];
      return { ready: isFollowing, checks };
    },
  };
}

async function answersWithin(
  timeoutMs: number,
  question: Promise<unknown>,
): Promise<{ readonly ok: boolean }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ok: boolean }>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false }), timeoutMs);
  });
  const answered = question.then(
    () => ({ ok: true }),
    () => ({ ok: false }),
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
