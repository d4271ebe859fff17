import type { Instant, PerformanceId, ScheduleId, SeatId, TokenId, VenueId } from '../events/ids.js';
import {
  performancesTable,
  type ScheduleRow,
  type ScheduleSeatRow,
  scheduleSeatsTable,
  schedulesTable,
} from '../projections/catalog/entities.js';
import type { Table } from '../projections/engine/table.js';
import { type OrderRow, ordersTable } from '../projections/orders.js';
import { queuesTable, type TokenRow, tokensTable } from '../projections/queue.js';
import { chargesTable } from '../projections/wallet.js';
import { ReadModelsUnavailable } from '../queries/outage.js';
import type {
  HeldSeat,
  HeldSeatCursor,
  LapsedToken,
  LiveToken,
  OpenCharge,
  OpenOrder,
  QueryPorts,
  QueueSnapshot,
  ScheduleOfVenue,
  TokenNumber,
} from '../queries/ports.js';
import { snapshotOf } from '../queries/queue-snapshot.js';
import type { Life } from './scheduler.js';
import type { SimulatedDatabase } from './simulated-database.js';
import type { World } from './world.js';

/** What src/queries asks in SQL, answered from the simulated tables: committed rows, a moment old. */
export class SimulatedQueries implements QueryPorts {
  constructor(
    private readonly world: World,
    private readonly database: SimulatedDatabase,
    private readonly process: { readonly name: string; readonly life: Life },
  ) {}

  async lapsedHolds(now: Instant, limit: number): Promise<HeldSeat[]> {
    const seats = await this.#rows(scheduleSeatsTable);
    return seats
      .flatMap(toHeldSeat)
      .filter((seat) => seat.expiresAt <= now)
      .sort(byDeadline)
      .slice(0, limit);
  }

  async liveHolds(cursor: HeldSeatCursor, limit: number): Promise<HeldSeat[]> {
    const seats = (await this.#rows(scheduleSeatsTable)).flatMap(toHeldSeat).sort(byDeadline);
    return seats.filter((seat) => cursor === null || byDeadline(seat, cursor) > 0).slice(0, limit);
  }

  async lapsedTokens(now: Instant, limit: number): Promise<LapsedToken[]> {
    const tokens = (await this.#rows(tokensTable)).flatMap(toLiveToken);
    const lapsed = tokens.filter(({ lapsedAt }) => lapsedAt <= now);
    return lapsed.sort((a, b) => order(a.lapsedAt, b.lapsedAt)).slice(0, limit);
  }

  async liveTokens(after: TokenId | null, limit: number): Promise<LiveToken[]> {
    const tokens = (await this.#rows(tokensTable)).flatMap(toLiveToken);
    const later = tokens.filter(({ tokenId }) => after === null || tokenId > after);
    return later.sort((a, b) => order(a.tokenId, b.tokenId)).slice(0, limit);
  }

  async openOrders(olderThan: Instant, limit: number): Promise<OpenOrder[]> {
    const orders = await this.#rows(ordersTable);
    const entered = new Set(
      this.database
        .rows(tokensTable)
        .flatMap((token) => (token.status === 'entered' ? [token.token_id] : [])),
    );
    const isOpen = (row: OrderRow) =>
      row.settled === 0 || (row.order_status === 'paid' && entered.has(row.token_id));
    const open = orders.filter((row) => row.updated_at < olderThan && isOpen(row));
    return open
      .sort((a, b) => order(a.updated_at, b.updated_at))
      .slice(0, limit)
      .map((row) => ({
        orderId: row.order_id,
        userId: row.user_id,
        // Settled orders are refunded; they are never open.
        status: row.order_status as OpenOrder['status'],
        updatedAt: row.updated_at,
      }));
  }

  async openCharges(olderThan: Instant, limit: number): Promise<OpenCharge[]> {
    const charges = await this.#rows(chargesTable);
    return charges
      .flatMap(({ charge_id, user_id, status, updated_at }) =>
        (status === 'requested' || status === 'approved') && updated_at < olderThan
          ? [{ chargeId: charge_id, userId: user_id, status, updatedAt: updated_at }]
          : [],
      )
      .sort((a, b) => order(a.updatedAt, b.updatedAt))
      .slice(0, limit);
  }

  async queueSnapshot(performanceId: PerformanceId): Promise<QueueSnapshot | null> {
    const queue = (await this.#rows(queuesTable)).find((row) => row.performance_id === performanceId);
    return queue ? snapshotOf(queue) : null;
  }

  async waitingPlaces(performanceId: PerformanceId, fromPlace: number, limit: number): Promise<number[]> {
    const tokens = await this.#rows(tokensTable);
    const places = tokens.flatMap(({ place, status, performance_id }) =>
      place !== null && place >= fromPlace && status === 'waiting' && performance_id === performanceId
        ? [place]
        : [],
    );
    return places.sort((a, b) => a - b).slice(0, limit);
  }

  async numberOfToken(tokenId: TokenId): Promise<TokenNumber | null> {
    const token = (await this.#rows(tokensTable)).find((row) => row.token_id === tokenId);
    return token ? { tokenId, number: token.number, place: token.place } : null;
  }

  async performancesOnSale(
    now: Instant,
    after: PerformanceId | null,
    limit: number,
  ): Promise<PerformanceId[]> {
    const performances = await this.#rows(performancesTable);
    const schedules = this.database.rows(schedulesTable);
    const isOnSale = (id: PerformanceId) =>
      schedules.some((row) => row.performance_id === id && isToCome(row, now));
    const ids = performances.map((row) => row.performance_id).filter((id) => after === null || id > after);
    return ids.filter(isOnSale).sort(order).slice(0, limit);
  }

  async isSaleOver(performanceId: PerformanceId, now: Instant): Promise<boolean> {
    const dates = (await this.#rows(schedulesTable)).filter((row) => row.performance_id === performanceId);
    return dates.length > 0 && !dates.some((date) => isToCome(date, now));
  }

  async waitingAfterSale(endedBy: Instant, limit: number): Promise<TokenId[]> {
    const tokens = (await this.#rows(tokensTable)).filter(({ status }) => status === 'waiting');
    const dates = this.database.rows(schedulesTable);
    const isOver = (id: PerformanceId) =>
      dates.some((date) => date.performance_id === id) &&
      !dates.some((date) => date.performance_id === id && isToCome(date, endedBy));
    return tokens.flatMap((token) => (isOver(token.performance_id) ? [token.token_id] : [])).slice(0, limit);
  }

  /** Only the erasure of accounts asks, which no simulated client does. */
  async unfinishedBusiness(): Promise<never> {
    throw new Error('nobody is erased in a simulation');
  }

  async unavailableSeats(scheduleId: ScheduleId, now: Instant): Promise<SeatId[]> {
    const seats = await this.#rows(scheduleSeatsTable);
    return seats.flatMap((seat) =>
      seat.schedule_id === scheduleId && isTaken(seat, now) ? [seat.seat_id] : [],
    );
  }

  async schedulesOfVenue(venueId: VenueId): Promise<ScheduleOfVenue[]> {
    const schedules = (await this.#rows(schedulesTable)).filter((row) => row.venue_id === venueId);
    return schedules
      .sort(
        (a, b) => order(a.schedule_date_time, b.schedule_date_time) || order(a.schedule_id, b.schedule_id),
      )
      .map((row) => ({
        scheduleId: row.schedule_id,
        performanceId: row.performance_id,
        startsAt: row.schedule_date_time,
        status: row.status,
      }));
  }

  /** @throws {ReadModelsUnavailable} now and then. */
  async #rows<T extends Table>(table: T) {
    const { world } = this;
    const { name, life } = this.process;
    const hasFailed = world.strikes('database-read-failed', 0.002, name);
    const rows = this.database.rows(table);
    if (hasFailed || world.latency.chance(0.3)) await world.later(life, world.delayMs(), () => undefined);
    if (hasFailed) throw new ReadModelsUnavailable(new Error('the connection was lost'));
    return rows;
  }
}

/** The order of texts, by code unit as the databases have it. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

type SeatDeadline = Exclude<HeldSeatCursor, null>;

/** The order of held seats, earliest deadline first. */
function byDeadline(a: SeatDeadline, b: SeatDeadline): number {
  return order(a.expiresAt, b.expiresAt) || order(a.scheduleId, b.scheduleId) || order(a.seatId, b.seatId);
}

/** A held seat as the sweeper asks for it; none when the seat is not held. */
function toHeldSeat(seat: ScheduleSeatRow): HeldSeat[] {
  const { schedule_id, seat_id, hold_id, token_id, user_id, expires_at } = seat;
  // Only held seats have a deadline, and those have all of these.
  if (expires_at === null || hold_id === null || token_id === null || user_id === null) return [];
  return [
    {
      scheduleId: schedule_id,
      seatId: seat_id,
      holdId: hold_id,
      tokenId: token_id,
      userId: user_id,
      expiresAt: expires_at,
    },
  ];
}

/** A turn that can lapse, as the sweeper asks for it; none when it waits or has ended. */
function toLiveToken(token: TokenRow): LiveToken[] {
  const { token_id, user_id, performance_id, status } = token;
  if (status !== 'admitted' && status !== 'entered') return [];
  const lapsedAt = status === 'admitted' ? token.claim_until : token.expire_date;
  if (lapsedAt === null) return [];
  return [{ tokenId: token_id, userId: user_id, performanceId: performance_id, status, lapsedAt }];
}

/** Whether a date is still to come. */
function isToCome({ status, schedule_date_time }: ScheduleRow, now: Instant): boolean {
  return status === 'scheduled' && schedule_date_time > now;
}

/** Whether nobody else can hold the seat now. */
function isTaken({ status, expires_at }: ScheduleSeatRow, now: Instant): boolean {
  return status === 'reserved' || (status === 'held' && expires_at !== null && expires_at > now);
}
