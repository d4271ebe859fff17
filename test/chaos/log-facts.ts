import type { RecordedEvent } from '../../src/event-store/port.js';

export interface ChargeFacts {
  readonly userId: string;
  readonly amount: number;
  approved: number;
  declined: number;
  /** Amounts credited. */
  readonly credited: number[];
}

export type HoldEnd = 'released' | 'conflict' | 'expired' | 'reserved';

export interface HoldFacts {
  readonly userId: string;
  readonly scheduleId: string;
  readonly expiresAtMs: number;
  /** By seat, how its hold ended and when that was written. */
  readonly seats: Map<string, { readonly end: HoldEnd; readonly atMs: number }[]>;
}

export interface OrderFacts {
  readonly userId: string;
  readonly total: number;
  readonly seatIds: readonly string[];
  paid: number;
  failed: number;
  cancelled: number;
  refunded: number;
  readonly reserved: string[];
  readonly freed: string[];
  readonly spent: number[];
  readonly givenBack: number[];
}

// biome-ignore lint/suspicious/noExplicitAny: the log's JSON, read without the product's own types on purpose
type Data = any;

/** What the log says, folded by a reader that shares no code with the product. */
export class LogFacts {
  readonly charges = new Map<string, ChargeFacts>();
  /** First queue number by token. */
  readonly tokens = new Map<string, number>();
  readonly holds = new Map<string, HoldFacts>();
  readonly orders = new Map<string, OrderFacts>();
  readonly balances = new Map<string, number>();
  /** By schedule and seat, the order that has it. */
  readonly sold = new Map<string, Map<string, string>>();
  events = 0;
  lastPosition = 0;

  apply({ type, data: unknownData, revision, position, recordedAtMs }: RecordedEvent): void {
    const data = unknownData as Data; // the audit checks every event's schema
    this.events++;
    this.lastPosition = position;
    if (type.startsWith('Charge')) this.#applyCharge(type, data);
    else if (type.startsWith('Points')) this.#applyPoints(type, data);
    else if (type.startsWith('Order')) this.#applyOrder(type, data);
    else if (type.startsWith('SeatH') || type.startsWith('SeatR')) this.#applySeat(type, data, recordedAtMs);
    else if (type === 'TokenIssued' && !this.tokens.has(data.tokenId))
      this.tokens.set(data.tokenId, revision);
  }

  #applyCharge(type: string, data: Data): void {
    if (type === 'ChargeRequested') {
      const { userId, amount } = data;
      this.charges.set(data.chargeId, { userId, amount, approved: 0, declined: 0, credited: [] });
    }
    const charge = this.charges.get(data.chargeId);
    if (charge && type === 'ChargeApproved') charge.approved++;
    if (charge && type === 'ChargeDeclined') charge.declined++;
  }

  #applyPoints(type: string, data: Data): void {
    const sign = type === 'PointsSpent' ? -1 : 1;
    this.balances.set(data.userId, (this.balances.get(data.userId) ?? 0) + sign * data.amount);
    if (type === 'PointsCharged') this.charges.get(data.chargeId)?.credited.push(data.amount);
    if (type === 'PointsSpent') this.orders.get(data.orderId)?.spent.push(data.amount);
    if (type === 'PointsRefunded') this.orders.get(data.orderId)?.givenBack.push(data.amount);
  }

  #applyOrder(type: string, data: Data): void {
    if (type === 'OrderPlaced') {
      const { orderId, userId, total } = data;
      const seatIds = data.items.map((item: { seatId: string }) => item.seatId);
      const counts = { paid: 0, failed: 0, cancelled: 0, refunded: 0 };
      const lists = { reserved: [], freed: [], spent: [], givenBack: [] };
      this.orders.set(orderId, { userId, total, seatIds, ...counts, ...lists });
    }
    const order = this.orders.get(data.orderId);
    if (order && type === 'OrderPaid') order.paid++;
    if (order && type === 'OrderFailed') order.failed++;
    if (order && type === 'OrderCancelled') order.cancelled++;
    if (order && type === 'OrderRefunded') order.refunded++;
  }

  #applySeat(type: string, data: Data, atMs: number): void {
    if (type === 'SeatHoldBarred') return; // says nothing of who has the seat
    const { scheduleId, seatId, holdId, orderId } = data;
    const sold = this.sold.get(scheduleId) ?? new Map<string, string>();
    this.sold.set(scheduleId, sold);
    if (type === 'SeatReservationCancelled') {
      sold.delete(seatId);
      this.orders.get(orderId)?.freed.push(seatId);
      return;
    }
    if (type === 'SeatHeld') {
      const expiresAtMs = Date.parse(data.expiresAt);
      const hold = this.holds.get(holdId) ?? {
        userId: data.userId,
        scheduleId,
        expiresAtMs,
        seats: new Map(),
      };
      hold.seats.set(seatId, []);
      this.holds.set(holdId, hold);
      return;
    }
    if (type === 'SeatReserved') {
      sold.set(seatId, orderId);
      this.orders.get(orderId)?.reserved.push(seatId);
    }
    const end = endOf(type, data);
    this.holds.get(holdId)?.seats.get(seatId)?.push({ end, atMs });
  }

  /** What has neither ended nor been decided yet. */
  unfinished(): string[] {
    const open: string[] = [];
    for (const [id, hold] of this.holds) {
      const live = [...hold.seats].filter(([, ends]) => ends.length === 0);
      if (live.length > 0) open.push(`hold ${id} of ${live.map(([seatId]) => seatId)}`);
    }
    for (const [id, order] of this.orders) {
      const isOpen = order.refunded === 0 && (order.paid === 0 || order.cancelled > 0);
      if (isOpen) open.push(`order ${id}`);
    }
    for (const [id, charge] of this.charges) {
      if (charge.declined === 0 && charge.credited.length === 0) open.push(`charge ${id}`);
    }
    return open;
  }
}

function endOf(type: string, data: Data): HoldEnd {
  if (type === 'SeatReserved') return 'reserved';
  if (type === 'SeatHoldExpired') return 'expired';
  return data.reason === 'conflict' ? 'conflict' : 'released';
}
