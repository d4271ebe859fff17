import type {
  ChargeId,
  HoldId,
  Instant,
  OrderId,
  PaymentId,
  PerformanceId,
  RefundId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
  VenueId,
} from '../../src/events/ids.js';
import type { Sold } from '../../src/events/order-events.js';
import { streams } from '../../src/events/streams.js';
import { type History, id, minute } from './history.js';

/** What decides a draw beside the seed. */
interface Mixed {
  readonly tokensDigest?: string;
  readonly beacon?: { readonly chain: 'drand-quicknet'; readonly round: number; readonly signature: string };
}

/** Names every test uses. */
export const venueId = id<VenueId>('venue');
export const performanceId = id<PerformanceId>('performance');
export const scheduleId = id<ScheduleId>('schedule');
export const mina = id<UserId>('mina');
export const joon = id<UserId>('joon');
export const tokenOf = (userId: UserId): TokenId => id<TokenId>(`token of ${userId}`);
export const seat = (name: string): SeatId => name as SeatId; // branded ids are plain strings at run time
export const hold = (name: string): HoldId => id<HoldId>(name);
export const order = (name: string): OrderId => id<OrderId>(name);
export const refund = (name: string): RefundId => id<RefundId>(name);
export const charge = (name: string): ChargeId => id<ChargeId>(name);

const seedHash = 'ab'.repeat(32);
export const seed = 'cd'.repeat(32);

/** Writes the usual events with the fields that matter to a test. */
export class Story {
  constructor(readonly history: History) {}

  register(userId: UserId, name = 'Kim Mina') {
    const data = {
      userId,
      loginId: name.toLowerCase(),
      username: `${name}!`,
      name,
      passwordHash: '$argon2id$',
    };
    return this.history.add(streams.user(userId), { type: 'UserRegistered', data });
  }

  async charge(userId: UserId, chargeId: ChargeId, amount: number, balance: number) {
    const stream = streams.charge(chargeId);
    const data = { chargeId, userId, amount };
    await this.history.add(stream, { type: 'ChargeRequested', data: { ...data, paymentMethod: 'pm_1' } });
    const paymentId = `pay-${chargeId}` as PaymentId; // branded ids are plain strings at run time
    await this.history.add(stream, { type: 'ChargeApproved', data: { ...data, paymentId } });
    return this.credit(userId, chargeId, amount, balance);
  }

  credit(userId: UserId, chargeId: ChargeId, amount: number, balance: number) {
    const data = { chargeId, userId, amount, balance };
    return this.history.add(streams.wallet(userId), { type: 'PointsCharged', data });
  }

  venue(name = 'Olympic Hall', names = { ko: '올림픽홀' }) {
    const data = {
      venueId,
      name,
      names,
      location: 'Seoul',
      timeZone: 'Asia/Seoul',
      capacity: 8,
      focus: { x: 5, y: 0 },
    };
    return this.history.add(streams.venue(venueId), { type: 'VenuePublished', data });
  }

  /** One row `1` of seats named `<section>-<n>`, categories by seat. */
  section(sectionId: string, categories: readonly string[]) {
    const seats = categories.map((category, index) => ({
      seatId: seat(`${sectionId}-${index + 1}`),
      number: String(index + 1),
      category,
      x: index,
      y: 1,
    }));
    const rows = [{ label: '1', seats }];
    const data = { venueId, sectionId, name: `Section ${sectionId}`, rows };
    return this.history.add(streams.venue(venueId), { type: 'SectionPublished', data });
  }

  /** A section of places 1 … capacity, named `<section>:<n>`. */
  standingArea(sectionId: string, category: string, capacity: number) {
    const standing = { category, capacity, x: 5, y: 2 };
    const data = { venueId, sectionId, name: `Section ${sectionId}`, rows: [], standing };
    return this.history.add(streams.venue(venueId), { type: 'SectionPublished', data });
  }

  performance(
    prices: readonly { category: string; price: number | null; label?: string }[],
    sales: { opensAt?: ReturnType<typeof minute> | null; maxActive?: number; queueCapacity?: number } = {},
    beacon?: { chain: 'drand-quicknet'; round: number },
  ) {
    const data = {
      performanceId,
      venueId,
      name: 'Autumn Night',
      names: { ko: '가을밤' },
      description: 'An evening of strings',
      startDate: '2026-11-20',
      endDate: '2026-11-22',
      prices: [...prices],
      sales: {
        opensAt: null,
        seatLimitPerUser: 4,
        queueCapacity: 3,
        maxActive: 2,
        admitPerSecond: 2,
        claimWindowMs: 60_000,
        serviceWindowMs: 600_000,
        holdTtlMs: 300_000,
        closesAt: null,
        cancelBeforeStartMs: 0,
        refundWindowMs: 604_800_000,
        ...sales,
      },
      seedHash,
      ...(beacon === undefined ? {} : { beacon }),
    };
    return this.history.add(streams.performance(performanceId), { type: 'PerformancePublished', data });
  }

  schedule(status: 'scheduled' | 'cancelled' = 'scheduled', startsAt = minute(10_000), date = scheduleId) {
    const data = { scheduleId: date, performanceId, venueId, startsAt, timeZone: 'Asia/Seoul', status };
    return this.history.add(streams.schedule(date), { type: 'SchedulePublished', data });
  }

  cancelDate(date = scheduleId) {
    const data = { scheduleId: date, performanceId, reason: 'the singer is ill' };
    return this.history.add(streams.schedule(date), { type: 'ScheduleCancelled', data });
  }

  /** The process that gives everything of a cancelled date back has ended. */
  settleDate(date = scheduleId) {
    const data = { scheduleId: date, performanceId };
    return this.history.add(streams.schedule(date), { type: 'ScheduleCancellationSettled', data });
  }

  /** Seats A-1 … A-3 (VIP, VIP, R) and B-1 (X, not for sale) on one date. */
  async concert(sales: Parameters<Story['performance']>[1] = {}) {
    await this.venue();
    await this.section('A', ['VIP', 'VIP', 'R']);
    await this.section('B', ['X']);
    await this.performance(
      [
        { category: 'VIP', price: 150, label: 'VIP 석' },
        { category: '*', price: 90 },
        { category: 'X', price: null },
      ],
      sales,
    );
    await this.schedule();
  }

  async queue(userId: UserId, entry = 0) {
    const tokenId = tokenOf(userId);
    const data = { tokenId, userId, performanceId, numberOfTickets: 2 };
    await this.history.add(streams.token(tokenId), {
      type: 'TokenRequested',
      data: { ...data, entry, seatLimit: 4 },
    });
    return this.issue(userId);
  }

  issue(userId: UserId) {
    const data = { tokenId: tokenOf(userId), userId, performanceId, numberOfTickets: 2 };
    return this.history.add(streams.queue(performanceId), { type: 'TokenIssued', data });
  }

  /** @param mixed what is mixed into the seed; nothing in logs of an older release. */
  open(shuffledCount: number, mixed: Mixed = {}) {
    const data = { performanceId, seed, shuffledCount, ...mixed };
    return this.history.add(streams.admission(performanceId), { type: 'QueueOpened', data });
  }

  closeDraw(shuffledCount: number, tokensDigest: string, round: number) {
    const beacon = { chain: 'drand-quicknet', round } as const;
    const data = { performanceId, shuffledCount, tokensDigest, beacon };
    return this.history.add(streams.admission(performanceId), { type: 'DrawClosed', data });
  }

  admit(from: number, to: number, expiresAt = minute(500)) {
    const data = { performanceId, from, to, admittedAt: minute(100), expiresAt, nextAt: minute(100) };
    return this.history.add(streams.admission(performanceId), { type: 'TokensAdmitted', data });
  }

  enter(userId: UserId, place: number, expiresAt = minute(600), idle: { readonly idleUntil?: Instant } = {}) {
    const token = { tokenId: tokenOf(userId), userId, performanceId };
    const data = { ...token, place, admittedAt: minute(100), expiresAt, ...idle };
    return this.history.add(streams.token(token.tokenId), { type: 'TokenEntered', data });
  }

  ask(userId: UserId, name: string, holdName: string, expiresAt = minute(500)) {
    const token = { tokenId: tokenOf(userId), userId, performanceId };
    const request = { kind: 'seats' } as const;
    const wanted = { holdId: hold(holdName), scheduleId, seatIds: [seat(name)], request, expiresAt };
    return this.history.add(streams.token(token.tokenId), {
      type: 'SeatsRequested',
      data: { ...token, ...wanted },
    });
  }

  giveBack(userId: UserId, name: string, holdName: string, idle: { readonly idleUntil?: Instant } = {}) {
    const token = { tokenId: tokenOf(userId), userId, performanceId };
    const back = { holdId: hold(holdName), seatIds: [seat(name)], reason: 'released' as const, ...idle };
    return this.history.add(streams.token(token.tokenId), {
      type: 'SeatsReturned',
      data: { ...token, ...back },
    });
  }

  leave(userId: UserId) {
    const data = { tokenId: tokenOf(userId), userId, performanceId };
    return this.history.add(streams.token(data.tokenId), { type: 'TokenLeft', data });
  }

  hold(
    userId: UserId,
    name: string,
    holdName: string,
    expiresAt = minute(500),
    returns: { readonly returnDelayMs?: number } = {},
  ) {
    const held = { scheduleId, seatId: seat(name), holdId: hold(holdName), userId };
    const data = { ...held, tokenId: tokenOf(userId), price: 150, expiresAt, ...returns };
    return this.history.add(streams.seat(scheduleId, seat(name)), { type: 'SeatHeld', data });
  }

  release(
    userId: UserId,
    name: string,
    holdName: string,
    returns: { readonly availableFrom?: Instant } = {},
  ) {
    const data = {
      scheduleId,
      seatId: seat(name),
      holdId: hold(holdName),
      userId,
      reason: 'released',
      ...returns,
    } as const;
    return this.history.add(streams.seat(scheduleId, seat(name)), { type: 'SeatHoldReleased', data });
  }

  reserve(userId: UserId, name: string, holdName: string, orderName: string) {
    const data = {
      scheduleId,
      seatId: seat(name),
      holdId: hold(holdName),
      userId,
      orderId: order(orderName),
    };
    return this.history.add(streams.seat(scheduleId, seat(name)), {
      type: 'SeatReserved',
      data: { ...data, price: 150 },
    });
  }

  cancelReservation(userId: UserId, name: string, orderName: string) {
    const data = { scheduleId, seatId: seat(name), userId, orderId: order(orderName) };
    return this.history.add(streams.seat(scheduleId, seat(name)), {
      type: 'SeatReservationCancelled',
      data: { ...data, reason: 'order-cancelled' },
    });
  }

  /** @param sold what the tickets say; null: an order of a version that did not record it. */
  place(
    userId: UserId,
    orderName: string,
    holdName: string,
    names: readonly string[],
    sold: Sold | null = null,
  ) {
    const items = names.map((name) => ({
      scheduleId,
      seatId: seat(name),
      holdId: hold(holdName),
      price: 150,
      sold,
    }));
    const data = { orderId: order(orderName), userId, tokenId: tokenOf(userId), performanceId, items };
    return this.history.add(streams.order(data.orderId), {
      type: 'OrderPlaced',
      data: { ...data, total: 150 * names.length },
    });
  }

  paid(userId: UserId, orderName: string, total: number) {
    const paymentId = `payment-${orderName}` as PaymentId; // branded ids are plain strings at run time
    const data = { orderId: order(orderName), userId, paymentId, total };
    return this.history.add(streams.order(data.orderId), { type: 'OrderPaid', data });
  }

  failed(userId: UserId, orderName: string) {
    const data = { orderId: order(orderName), userId, reason: 'seat-taken' } as const;
    return this.history.add(streams.order(data.orderId), { type: 'OrderFailed', data });
  }

  cancelled(userId: UserId, orderName: string) {
    const data = { orderId: order(orderName), userId, cause: 'fan' } as const;
    return this.history.add(streams.order(data.orderId), { type: 'OrderCancelled', data });
  }

  seatsCancelled(userId: UserId, orderName: string, refundName: string, ...names: string[]) {
    const items = names.map((name) => ({ scheduleId, seatId: seat(name) }));
    const data = { orderId: order(orderName), userId, refundId: refund(refundName), items };
    return this.history.add(streams.order(data.orderId), {
      type: 'OrderItemsCancelled',
      data: { ...data, amount: 150 * names.length, cause: 'operator', note: 'the view is blocked' },
    });
  }

  seatsRefunded(userId: UserId, orderName: string, refundName: string, amount: number) {
    const data = { orderId: order(orderName), userId, refundId: refund(refundName), amount };
    return this.history.add(streams.order(data.orderId), { type: 'OrderItemsRefunded', data });
  }

  refunded(userId: UserId, orderName: string, amount: number) {
    const data = { orderId: order(orderName), userId, amount };
    return this.history.add(streams.order(data.orderId), { type: 'OrderRefunded', data });
  }
}
