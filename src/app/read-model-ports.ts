import type {
  QueueNumbers,
  SaleDates,
  SeatAvailability,
  UnfinishedBusiness,
  VenueUse,
  WaitingLine,
} from '../commands/ports.js';
import type { PerformanceId, TokenId } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import type { Queues } from '../processes/admission.js';
import type { Deadlines, HoldDeadline, TokenDeadline } from '../processes/expiry.js';
import type { OpenWork } from '../processes/recovery.js';
import type { HeldSeatCursor, QueryPorts } from '../queries/ports.js';

/** Waits until the read models know everything up to a position. */
export interface ReadModelProgress {
  waitFor(position: number, options: { readonly timeoutMs: number }): Promise<boolean>;
}

/** How long a command waits for the read models before it goes on without them. */
const waitTimeoutMs = 2_000;
const pageSize = 500;

/** What commands and processes ask of the read models, answered by the queries. */
export function readModelPorts(queries: QueryPorts, progress: ReadModelProgress, clock: Clock) {
  const seatAvailability: SeatAvailability = {
    async unavailableSeats(scheduleId, now) {
      return new Set(await queries.unavailableSeats(scheduleId, now));
    },
  };

  const queueNumbers: QueueNumbers = {
    async numberOf(tokenId, position) {
      await progress.waitFor(position, { timeoutMs: waitTimeoutMs });
      return (await queries.numberOfToken(tokenId))?.number ?? undefined;
    },
    async queueSize(performanceId) {
      const queue = await queries.queueSnapshot(performanceId);
      return { waiting: queue?.waiting ?? 0, leftWaiting: queue?.vacantBeyond ?? 0 };
    },
  };

  const waitingLine: WaitingLine = {
    async look(performanceId, { after, from, limit }) {
      if (!(await progress.waitFor(after, { timeoutMs: waitTimeoutMs }))) return undefined;
      // The places first: who leaves between the two questions is counted as inside, never the reverse.
      const waitingPlaces = await queries.waitingPlaces(performanceId, from, limit);
      const queue = await queries.queueSnapshot(performanceId);
      return { waitingPlaces, active: queue?.active ?? 0 };
    },
  };

  const venueUse: VenueUse = {
    async schedulesOf(venueId) {
      return (await queries.schedulesOfVenue(venueId)).map((schedule) => schedule.scheduleId);
    },
    async takenSeats(scheduleId, now, after) {
      const isKnown = after === undefined || (await progress.waitFor(after, { timeoutMs: waitTimeoutMs }));
      return isKnown ? new Set(await queries.unavailableSeats(scheduleId, now)) : undefined;
    },
  };

  const saleDates: SaleDates = {
    isSaleOver: (performanceId, now) => queries.isSaleOver(performanceId, now),
  };

  const business: UnfinishedBusiness = {
    async of(userId, now, after) {
      const isKnown = after === undefined || (await progress.waitFor(after, { timeoutMs: waitTimeoutMs }));
      return isKnown ? queries.unfinishedBusiness(userId, now) : undefined;
    },
  };

  const deadlines: Deadlines = {
    liveHolds: () => liveHolds(queries),
    liveTokens: () => liveTokens(queries),
    lapsedHolds: async (now, limit) => distinctHolds(await queries.lapsedHolds(now, limit)),
    lapsedTokens: (now, limit) => queries.lapsedTokens(now, limit),
    waitingAfterSale: (endedBy, limit) => queries.waitingAfterSale(endedBy, limit),
  };

  const queues: Queues = { onSale: () => onSale(queries, clock) };

  const openWork: OpenWork = {
    openOrders: async (olderThan, limit) =>
      (await queries.openOrders(olderThan, limit)).map((o) => o.orderId),
    openCharges: async (olderThan, limit) =>
      (await queries.openCharges(olderThan, limit)).map((c) => c.chargeId),
  };

  return {
    seatAvailability,
    queueNumbers,
    waitingLine,
    venueUse,
    saleDates,
    business,
    deadlines,
    queues,
    openWork,
  };
}

async function* liveHolds(queries: QueryPorts): AsyncGenerator<readonly HoldDeadline[]> {
  let cursor: HeldSeatCursor = null;
  for (;;) {
    const seats = await queries.liveHolds(cursor, pageSize);
    yield distinctHolds(seats);
    const last = seats.at(-1);
    if (!last || seats.length < pageSize) return;
    cursor = last;
  }
}

async function* liveTokens(queries: QueryPorts): AsyncGenerator<readonly TokenDeadline[]> {
  let after: TokenId | null = null;
  for (;;) {
    const tokens: readonly (TokenDeadline & { tokenId: TokenId })[] = await queries.liveTokens(
      after,
      pageSize,
    );
    yield tokens;
    const last = tokens.at(-1);
    if (!last || tokens.length < pageSize) return;
    after = last.tokenId;
  }
}

async function* onSale(queries: QueryPorts, clock: Clock): AsyncGenerator<readonly PerformanceId[]> {
  let after: PerformanceId | null = null;
  for (;;) {
    const page: readonly PerformanceId[] = await queries.performancesOnSale(clock.now(), after, pageSize);
    yield page;
    const last = page.at(-1);
    if (!last || page.length < pageSize) return;
    after = last;
  }
}

/** One entry a hold: its seats share the deadline. */
function distinctHolds(seats: readonly HoldDeadline[]): HoldDeadline[] {
  return [...new Map(seats.map((seat) => [seat.holdId, seat])).values()];
}
