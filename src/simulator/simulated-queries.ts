import type { Instant, PerformanceId, VenueId } from '../events/ids.js';
import {
  PerformanceRow,
  ScheduleRow,
  ScheduleSeatRow,
  SeatRow,
  SectionRow,
  VenueRow,
} from '../projections/catalog/entities.js';
import { PriceList } from '../projections/catalog/prices.js';
import type { Entity } from '../projections/engine/entity.js';
import { OrderRow } from '../projections/orders.js';
import { QueueRow, TokenRow } from '../projections/queue.js';
import { ChargeRow } from '../projections/wallet.js';
import { ReadModelsUnavailable } from '../queries/database.js';
import type { HeldSeat, LiveToken } from '../queries/deadlines.js';
import type { OpenItem } from '../queries/paging.js';
import {
  type BoardQueries,
  type CommandQueries,
  type ProcessQueries,
  type ReadModelProgress,
  waitTimeoutMs,
} from '../queries/queries.js';
import { frontOf, sizeOf, toTokenState } from '../queries/queue.js';
import { QueueBoard } from '../queries/queue-board.js';
import { saleOf } from '../queries/sale.js';
import { SeatBoard } from '../queries/seat-board.js';
import { seatingPlanOf } from '../queries/seating-plans.js';
import { takenSeatsOf, toOwnedSeat } from '../queries/seats.js';
import type { Life } from './scheduler.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { World } from './world.js';

/** The queries of src/queries, answered from the simulated tables: committed rows, sometimes after a delay. */
export function simulatedQueries(
  world: World,
  database: SimulatedDatabase,
  { name, life }: { readonly name: string; readonly life: Life },
  progress: ReadModelProgress,
): CommandQueries & ProcessQueries & BoardQueries {
  /** @throws {ReadModelsUnavailable} when the fault `database-read-failed` strikes. */
  async function rowsOf<Row extends object>(entity: Entity<Row>) {
    const hasFailed = world.strikes('database-read-failed', 0.002, name);
    const rows = database.rows(entity);
    if (hasFailed || world.latency.chance(0.3)) await world.later(life, world.delayMs(), () => undefined);
    if (hasFailed) throw new ReadModelsUnavailable(new Error('the connection was lost'));
    return rows;
  }

  /** Up to where all of these projections are. Read before their tables, as in src/queries. */
  const positionOf = (...names: readonly string[]) => {
    const checkpoints = database.checkpoints();
    return Math.min(...names.map((name) => checkpoints.get(name) ?? -1));
  };

  return {
    waitFor: (position) => progress.waitFor(position, { timeoutMs: waitTimeoutMs }),

    async lapsedHolds(now, after, limit) {
      const seats = (await rowsOf(ScheduleSeatRow)).flatMap(toHeldSeat).sort(byDeadline);
      const lapsed = seats.filter((seat) => seat.expiresAt <= now);
      return lapsed.filter((seat) => after === null || byDeadline(seat, after) > 0).slice(0, limit);
    },

    async liveHolds(after, limit) {
      const seats = (await rowsOf(ScheduleSeatRow)).flatMap(toHeldSeat).sort(byDeadline);
      return seats.filter((seat) => after === null || byDeadline(seat, after) > 0).slice(0, limit);
    },

    async lapsedTokens(now, limit) {
      const tokens = (await rowsOf(TokenRow)).flatMap(toLiveToken);
      const lapsed = tokens.filter(({ expiresAt }) => expiresAt <= now);
      return lapsed.sort((a, b) => order(a.expiresAt, b.expiresAt)).slice(0, limit);
    },

    async liveTokens(after, limit) {
      const tokens = (await rowsOf(TokenRow)).flatMap(toLiveToken);
      const later = tokens.filter(({ tokenId }) => after === null || tokenId > after.tokenId);
      return later.sort((a, b) => order(a.tokenId, b.tokenId)).slice(0, limit);
    },

    async openOrders(olderThan, after, limit) {
      const orders = await rowsOf(OrderRow);
      const entered = new Set(
        database.rows(TokenRow).flatMap((token) => (token.status === 'entered' ? [token.token_id] : [])),
      );
      const isOpen = (row: OrderRow) =>
        !row.settled || (row.order_status === 'paid' && entered.has(row.token_id));
      const open = orders.filter((row) => row.updated_at < olderThan && isOpen(row));
      return newestFirst(
        open.map((row) => ({ id: row.order_id, updatedAt: row.updated_at })),
        after,
        limit,
      );
    },

    async openCharges(olderThan, after, limit) {
      const charges = await rowsOf(ChargeRow);
      const open = charges.filter(
        ({ status, updated_at }) =>
          (status === 'requested' || status === 'approved') && updated_at < olderThan,
      );
      return newestFirst(
        open.map((row) => ({ id: row.charge_id, updatedAt: row.updated_at })),
        after,
        limit,
      );
    },

    async queueSize(performanceId) {
      return sizeOf((await rowsOf(QueueRow)).find((row) => row.performance_id === performanceId));
    },

    async queueFront(performanceId, admittedUpTo) {
      const queue = (await rowsOf(QueueRow)).find((row) => row.performance_id === performanceId);
      const ended = database
        .rows(TokenRow)
        .filter(
          ({ performance_id, place, status }) =>
            performance_id === performanceId &&
            place !== null &&
            place >= (queue?.admitted_up_to ?? 0) &&
            place < admittedUpTo &&
            !['waiting', 'admitted', 'entered'].includes(status),
        );
      return frontOf(queue && { ...queue, ended_since: ended.length }, admittedUpTo);
    },

    async waitingPlaces(performanceId, fromPlace, limit) {
      const tokens = await rowsOf(TokenRow);
      const places = tokens.flatMap(({ place, status, performance_id }) =>
        place !== null && place >= fromPlace && status === 'waiting' && performance_id === performanceId
          ? [place]
          : [],
      );
      return places.sort((a, b) => a - b).slice(0, limit);
    },

    async numberOfToken(tokenId) {
      const token = (await rowsOf(TokenRow)).find((row) => row.token_id === tokenId);
      return token?.number ?? undefined;
    },

    async queuesToServe({ now, opensBefore }, after, limit) {
      const queues = await rowsOf(QueueRow);
      const schedules = database.rows(ScheduleRow);
      const isOnSale = (id: PerformanceId) =>
        schedules.some((row) => row.performance_id === id && isToCome(row, now));
      const ids = queues
        .filter(({ opened, waiting, opens_at }) =>
          opened ? waiting > 0 : opens_at === null || opens_at < opensBefore,
        )
        .map((row) => row.performance_id);
      return ids
        .filter((id) => (after === null || id > after) && isOnSale(id))
        .sort(order)
        .slice(0, limit);
    },

    async sale(performanceId, now) {
      const dates = (await rowsOf(ScheduleRow)).filter((row) => row.performance_id === performanceId);
      const performance = database.rows(PerformanceRow).find((row) => row.performance_id === performanceId);
      return saleOf(dates, performance?.sales_closes_at ?? null, now);
    },

    async waitingAfterSale(endedBy, limit) {
      const tokens = (await rowsOf(TokenRow)).filter(({ status }) => status === 'waiting');
      const dates = database.rows(ScheduleRow);
      const performances = database.rows(PerformanceRow);
      const isClosed = (id: PerformanceId) =>
        performances.some(
          ({ performance_id, sales_closes_at: closesAt }) =>
            performance_id === id && closesAt !== null && closesAt <= endedBy,
        );
      const isOver = (id: PerformanceId) =>
        isClosed(id) ||
        (dates.some((date) => date.performance_id === id) &&
          !dates.some((date) => date.performance_id === id && isToCome(date, endedBy)));
      return tokens
        .flatMap((token) => (isOver(token.performance_id) ? [token.token_id] : []))
        .slice(0, limit);
    },

    /** Needed only for erasing accounts, which no simulated client does. */
    async unfinishedBusiness() {
      throw new Error('no account is erased in a simulation');
    },

    async takenSeats(scheduleId, now) {
      const seats = await rowsOf(ScheduleSeatRow);
      return new Set(
        seats.flatMap((seat) =>
          seat.schedule_id === scheduleId && isTaken(seat, now) ? [seat.seat_id] : [],
        ),
      );
    },

    async schedulesOfPerformance(performanceId, now) {
      const schedules = (await rowsOf(ScheduleRow)).filter(
        (row) => row.performance_id === performanceId && row.schedule_date_time > now,
      );
      return schedules
        .sort(
          (a, b) => order(a.schedule_date_time, b.schedule_date_time) || order(a.schedule_id, b.schedule_id),
        )
        .map((row) => row.schedule_id);
    },

    async cancelledSchedulesToSettle(after, limit) {
      const schedules = (await rowsOf(ScheduleRow)).filter(
        (row) =>
          row.status === 'cancelled' &&
          row.schedule_id > (after ?? '') &&
          (row.cancellation_settled_at === null || row.taken_seats !== 0),
      );
      return schedules
        .map((row) => row.schedule_id)
        .sort(order)
        .slice(0, limit);
    },

    async ownedSeats(scheduleId, after, limit) {
      const seats = (await rowsOf(ScheduleSeatRow)).filter(
        (row) => row.schedule_id === scheduleId && row.status !== 'free' && row.seat_id > (after ?? ''),
      );
      return seats
        .sort((a, b) => order(a.seat_id, b.seat_id))
        .slice(0, limit)
        .flatMap((row) => toOwnedSeat(row) ?? []);
    },

    async seatBoard(scheduleId) {
      const position = positionOf('catalog');
      const date = (await rowsOf(ScheduleRow)).find((row) => row.schedule_id === scheduleId);
      const venue = database.rows(VenueRow).find((row) => row.venue_id === date?.venue_id);
      if (!date || !venue) return null;
      const { venue_id: venueId, performance_id: performanceId } = date;
      const ofVenue = (row: { readonly venue_id: VenueId; readonly withdrawn: boolean }) =>
        row.venue_id === venueId && !row.withdrawn;
      const sections = database.rows(SectionRow).filter(ofVenue);
      const seats = database.rows(SeatRow).filter(ofVenue);
      const plan = seatingPlanOf(
        venue,
        sections.sort((a, b) => a.ordinal - b.ordinal || order(a.section_id, b.section_id)),
        seats.sort((a, b) => a.row_index - b.row_index || a.seat_column - b.seat_column),
      );
      const performance = database.rows(PerformanceRow).find((row) => row.performance_id === performanceId);
      const prices = new PriceList(performance?.prices ?? []);
      const taken = (await rowsOf(ScheduleSeatRow)).filter(
        (row) => row.schedule_id === scheduleId && (row.status !== 'free' || row.available_from !== null),
      );
      const priced = { scheduleId, performanceId, venueId, prices, plan };
      return new SeatBoard(priced, takenSeatsOf(taken), position);
    },

    async queueBoard(performanceId) {
      const position = positionOf('tokens', 'catalog');
      const queue = (await rowsOf(QueueRow)).find((row) => row.performance_id === performanceId);
      const dates = (await rowsOf(ScheduleRow)).filter((row) => row.performance_id === performanceId);
      const performance = database.rows(PerformanceRow).find((row) => row.performance_id === performanceId);
      const sale = { dates, closesAt: performance?.sales_closes_at ?? null };
      return new QueueBoard(performanceId, queue, sale, position);
    },

    async queueTokens(tokenIds) {
      const position = positionOf('tokens');
      const rows = (await rowsOf(TokenRow)).filter((row) => tokenIds.includes(row.token_id));
      return rows.map((row) => toTokenState({ ...row, position }));
    },

    async queueHead(performanceId, admittedUpTo) {
      const waiting = (await rowsOf(TokenRow)).filter(
        (row) => row.performance_id === performanceId && row.status === 'waiting' && row.place !== null,
      );
      const next = waiting
        .filter(({ place }) => place !== null && place >= admittedUpTo)
        .sort((a, b) => (a.place ?? 0) - (b.place ?? 0));
      return next[0]?.number ?? null;
    },

    async schedulesOfVenue(venueId) {
      const schedules = (await rowsOf(ScheduleRow)).filter((row) => row.venue_id === venueId);
      return schedules
        .sort(
          (a, b) => order(a.schedule_date_time, b.schedule_date_time) || order(a.schedule_id, b.schedule_id),
        )
        .map((row) => row.schedule_id);
    },
  };
}

/** A page of open things, those changed last first. */
function newestFirst<Id extends string>(
  items: readonly OpenItem<Id>[],
  after: OpenItem<Id> | null,
  limit: number,
): OpenItem<Id>[] {
  const compare = (a: OpenItem<Id>, b: OpenItem<Id>) => order(b.updatedAt, a.updatedAt) || order(b.id, a.id);
  const following = items.filter((item) => after === null || compare(item, after) > 0);
  return following.sort(compare).slice(0, limit);
}

/** Compares texts by code unit, as the databases do. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The order of held seats, earliest deadline first. */
function byDeadline(a: HeldSeat, b: HeldSeat): number {
  return order(a.expiresAt, b.expiresAt) || order(a.scheduleId, b.scheduleId) || order(a.seatId, b.seatId);
}

/** None when the seat is not held. */
function toHeldSeat({ schedule_id, seat_id, hold_id, token_id, expires_at }: ScheduleSeatRow): HeldSeat[] {
  // Only held seats have a deadline, and those have both ids.
  if (expires_at === null || hold_id === null || token_id === null) return [];
  return [
    { scheduleId: schedule_id, seatId: seat_id, holdId: hold_id, tokenId: token_id, expiresAt: expires_at },
  ];
}

/** None when the token waits or has ended. */
function toLiveToken({ token_id, status, claim_until, expire_date, idle_until }: TokenRow): LiveToken[] {
  if (status !== 'admitted' && status !== 'entered') return [];
  const expiresAt = status === 'admitted' ? claim_until : (idle_until ?? expire_date);
  return expiresAt === null ? [] : [{ tokenId: token_id, status, expiresAt }];
}

/** Whether the date is still to come. */
function isToCome({ status, schedule_date_time }: ScheduleRow, now: Instant): boolean {
  return status === 'scheduled' && schedule_date_time > now;
}

/** Whether the seat is reserved, held now, or not on sale again yet. */
function isTaken({ status, expires_at, available_from }: ScheduleSeatRow, now: Instant): boolean {
  const until = available_from ?? expires_at;
  return status === 'reserved' || (until !== null && until > now);
}
