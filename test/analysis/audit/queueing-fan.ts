import { addMs, earlier, type Instant } from '../../../src/events/ids.js';
import {
  at,
  type DataOf,
  id,
  type LogUnderAudit,
  performanceId,
  sales,
  scheduleId,
  seat,
} from './log-under-audit.js';

/** One fan in the queue and at the seats; see {@link Fan} for the rest. */
export class QueueingFan {
  readonly userId: DataOf<'SeatHeld'>['userId'];
  tokenId: DataOf<'SeatHeld'>['tokenId'];
  holdId: DataOf<'SeatHeld'>['holdId'];
  orderId: DataOf<'OrderPlaced'>['orderId'];
  readonly chargeId: DataOf<'ChargeApproved'>['chargeId'];
  balance = 0;
  turnEnds: Instant = at(0);
  holdEnds: Instant = at(0);

  constructor(
    protected readonly log: LogUnderAudit,
    readonly name: string,
  ) {
    this.userId = id(`user ${name}`);
    this.tokenId = id(`token ${name}`);
    this.holdId = id(`hold ${name}`);
    this.orderId = id(`order ${name}`);
    this.chargeId = id(`charge ${name}`);
  }

  protected get turn() {
    return { tokenId: this.tokenId, userId: this.userId, performanceId };
  }

  requestCharge(): this {
    const { userId, chargeId } = this;
    const data = { chargeId, userId, amount: 1_000, paymentMethod: 'pm' };
    this.log.add(`charge-${chargeId}`, { type: 'ChargeRequested', data });
    return this;
  }

  approve(change: Partial<DataOf<'ChargeApproved'>> = {}): this {
    const { userId, chargeId } = this;
    const paymentId = id<DataOf<'ChargeApproved'>['paymentId']>(`payment ${this.name}`);
    const data = { chargeId, userId, amount: 1_000, paymentId, ...change };
    this.log.add(`charge-${chargeId}`, { type: 'ChargeApproved', data });
    return this;
  }

  credit(change: Partial<DataOf<'PointsCharged'>> = {}): this {
    const { userId, chargeId } = this;
    const amount = change.amount ?? 1_000;
    this.balance += amount;
    const data = { userId, chargeId, amount, balance: this.balance, ...change };
    this.log.add(`wallet-${userId}`, { type: 'PointsCharged', data });
    return this;
  }

  needAttention(cause: DataOf<'ChargeNeedsAttention'>['cause'] = 'payment-unclear'): this {
    const { userId, chargeId } = this;
    const data = { chargeId, userId, amount: 1_000, cause, reason: 'another amount' };
    this.log.add(`charge-${chargeId}`, { type: 'ChargeNeedsAttention', data });
    return this;
  }

  settle(outcome: DataOf<'ChargeSettled'>['outcome']): this {
    const { userId, chargeId } = this;
    const data = { chargeId, userId, amount: 1_000, outcome, reason: 'looked up' };
    this.log.add(`charge-${chargeId}`, { type: 'ChargeSettled', data });
    return this;
  }

  closeWallet(change: Partial<DataOf<'WalletClosed'>> = {}): this {
    const { userId, balance } = this;
    this.log.add(`wallet-${userId}`, { type: 'WalletClosed', data: { userId, balance, ...change } });
    return this;
  }

  charge(): this {
    return this.requestCharge().approve().credit();
  }

  request(change: Partial<DataOf<'TokenRequested'>> = {}): this {
    const data = { ...this.turn, entry: 0, numberOfTickets: 2, seatLimit: sales.seatLimitPerUser, ...change };
    this.log.add(`token-${data.tokenId}`, { type: 'TokenRequested', data });
    return this;
  }

  number(): this {
    const data = { ...this.turn, numberOfTickets: 2 };
    this.log.add(`queue-${performanceId}`, { type: 'TokenIssued', data });
    return this;
  }

  queue(): this {
    return this.request().number();
  }

  /** Steps in under the newest admission, which was the event before unless `change` says otherwise. */
  enter(place: number, change: Partial<DataOf<'TokenEntered'>> = {}, when?: Instant): this {
    const enteredAt = when ?? at(this.log.ms + 1_000);
    this.turnEnds = addMs(enteredAt, sales.serviceWindowMs);
    const data = { ...this.turn, place, admittedAt: at(this.log.ms), expiresAt: this.turnEnds, ...change };
    this.log.add(`token-${this.tokenId}`, { type: 'TokenEntered', data }, enteredAt);
    return this;
  }

  ask(seats: readonly string[], change: Partial<DataOf<'SeatsRequested'>> = {}, when?: Instant): this {
    this.holdEnds = earlier(addMs(at(this.log.ms), sales.holdTtlMs), this.turnEnds);
    const data = {
      ...this.turn,
      holdId: this.holdId,
      scheduleId,
      seatIds: seats.map(seat),
      request: { kind: 'seats' } as const,
      expiresAt: this.holdEnds,
      ...change,
    };
    this.log.add(`token-${this.tokenId}`, { type: 'SeatsRequested', data }, when);
    return this;
  }

  take(seats: readonly string[], change: Partial<DataOf<'SeatHeld'>> = {}, when?: Instant): this {
    for (const name of seats) {
      const { holdId, userId, tokenId, holdEnds } = this;
      const seatId = seat(name);
      const data = {
        scheduleId,
        seatId,
        holdId,
        userId,
        tokenId,
        price: 100,
        expiresAt: holdEnds,
        ...change,
      };
      this.log.add(`seat-${scheduleId}.${seatId}`, { type: 'SeatHeld', data }, when);
    }
    return this;
  }

  hold(...seats: readonly string[]): this {
    return this.ask(seats).take(seats);
  }

  release(name: string, change: Partial<DataOf<'SeatHoldReleased'>> = {}): this {
    const { holdId, userId } = this;
    const seatId = seat(name);
    const data = { scheduleId, seatId, holdId, userId, reason: 'released' as const, ...change };
    this.log.add(`seat-${scheduleId}.${seatId}`, { type: 'SeatHoldReleased', data });
    return this;
  }

  lapse(name: string, when: Instant = this.holdEnds, change: Partial<DataOf<'SeatHoldExpired'>> = {}): this {
    const { holdId, userId, holdEnds: expiredAt } = this;
    const data = { scheduleId, seatId: seat(name), holdId, userId, expiredAt, ...change };
    this.log.add(`seat-${scheduleId}.${name}`, { type: 'SeatHoldExpired', data }, when);
    return this;
  }

  bar(name: string, change: Partial<DataOf<'SeatHoldBarred'>> = {}): this {
    const { holdId, userId, holdEnds: expiresAt } = this;
    const seatId = seat(name);
    const data = { scheduleId, seatId, holdId, userId, expiresAt, ...change };
    this.log.add(`seat-${scheduleId}.${seatId}`, { type: 'SeatHoldBarred', data });
    return this;
  }

  /** A second run of the request goes on. */
  askAgain(change: Partial<DataOf<'SeatsRequestRepeated'>> = {}): this {
    const data = { ...this.turn, holdId: this.holdId, ...change };
    this.log.add(`token-${this.tokenId}`, { type: 'SeatsRequestRepeated', data });
    return this;
  }

  giveBack(
    seats: readonly string[],
    reason: DataOf<'SeatsReturned'>['reason'] = 'released',
    change: Partial<DataOf<'SeatsReturned'>> = {},
  ): this {
    const data = { ...this.turn, holdId: this.holdId, seatIds: seats.map(seat), reason, ...change };
    this.log.add(`token-${this.tokenId}`, { type: 'SeatsReturned', data });
    return this;
  }

  leave(change: Partial<DataOf<'TokenLeft'>> = {}): this {
    this.log.add(`token-${this.tokenId}`, { type: 'TokenLeft', data: { ...this.turn, ...change } });
    return this;
  }

  expire(reason: DataOf<'TokenExpired'>['reason'], when: Instant): this {
    this.log.add(`token-${this.tokenId}`, { type: 'TokenExpired', data: { ...this.turn, reason } }, when);
    return this;
  }
}
