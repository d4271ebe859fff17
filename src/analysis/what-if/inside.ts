import {
  outstandingSeats,
  type TokenCommand,
  type TokenState,
  termsOf,
  tokenDecider,
} from '../../domain/token.js';
import {
  type HoldId,
  type Instant,
  type OrderId,
  type TokenId,
  toInstant,
  type UserId,
} from '../../events/ids.js';
import { type Behaviour, type SeenWish, wishesInOrder } from './behaviour.js';
import type { Fan, Intent, SeatWish } from './demand.js';
import type { EventQueue } from './event-queue.js';
import type { InLine, SaleSettings } from './line.js';
import type { Tally } from './outcome.js';
import type { Hold, Seats } from './seats.js';

interface Parts {
  readonly time: EventQueue;
  readonly seats: Seats;
  readonly tally: Tally;
  readonly settings: SaleSettings;
  /** Called when a turn has ended. */
  readonly onEnd: () => void;
}

/** What fans do after admission: look for seats, hold them, pay or not, leave. */
export class Inside {
  #holds = 0;

  constructor(private readonly parts: Parts) {}

  /** The claim window is over: a fan who has not entered has missed the turn. */
  missTurn(visitor: Visitor, claimUntil: Instant): void {
    if (visitor.token?.kind !== 'waiting') return;
    this.#decide(visitor, { kind: 'expire', reason: 'claim-lapsed', claimUntil });
    this.parts.tally.missedTurn++;
    this.#end(visitor);
  }

  /** Enters, unless the claim window is over, and schedules the fan's behaviour. */
  enter(visitor: Visitor, turn: Extract<Behaviour['turn'], { kind: 'enters' }>, claimUntil: Instant): void {
    const { nowMs } = this.parts.time;
    const admittedAt = toInstant(visitor.admittedAtMs);
    const { settings } = this.parts;
    const { serviceWindowMs } = settings;
    const terms = termsOf(settings);
    const admission = { place: visitor.place, admittedAt, claimUntil, serviceWindowMs, terms };
    this.#decide(visitor, { kind: 'enter', admission });
    if (visitor.token?.kind !== 'entered') return; // too late
    this.parts.time.at(Date.parse(visitor.token.expiresAt), () => this.#useUp(visitor));
    this.#watchIdle(visitor);
    visitor.wishesLeft = turn.wishes.length;
    for (const wish of turn.wishes) this.parts.time.at(nowMs + wish.atMs, () => this.#seek(visitor, wish));
    if (turn.leavesAfterMs !== null)
      this.parts.time.at(nowMs + turn.leavesAfterMs, () => this.#leave(visitor));
  }

  /** Tries to hold the wanted seats, then similar ones; leaves when there is nothing more to try. */
  #seek(visitor: Visitor, wish: SeenWish): void {
    if (visitor.token?.kind !== 'entered') return;
    visitor.wishesLeft--;
    for (const choice of wishesInOrder(wish.options, this.parts.seats, this.parts.time.nowMs)) {
      const seatIds = this.parts.seats.find(choice, this.parts.time.nowMs);
      if (!seatIds) continue;
      const hold = this.#hold(visitor, choice, seatIds);
      if (!hold) break;
      this.#intend(visitor, hold, wish.intent);
      return;
    }
    const hasSeats = outstandingSeats(visitor.token) > 0;
    if (visitor.wishesLeft === 0 && !hasSeats) this.#leave(visitor);
  }

  #hold(visitor: Visitor, choice: SeatWish, seatIds: readonly Hold['seatIds'][number][]): Hold | undefined {
    const { scheduleId } = choice;
    const holdId = `hold ${this.#holds}` as HoldId; // used inside the simulation only
    const { holdTtlMs } = this.parts.settings;
    const request = { kind: 'seats' } as const;
    const claim = {
      kind: 'request-seats',
      holdId,
      scheduleId,
      seatIds,
      request,
      holdTtlMs,
      admission: undefined,
    } as const;
    if (!this.#decide(visitor, claim) || visitor.token?.kind !== 'entered') return undefined;
    const claimed = visitor.token.holds.get(holdId);
    if (!claimed) return undefined;
    const hold: Hold = { holdId, scheduleId, seatIds, expiresAt: claimed.expiresAt };
    this.parts.seats.hold(hold, visitor.ids, toInstant(this.parts.time.nowMs));
    this.#holds++;
    this.parts.tally.holds++;
    visitor.holds.push(hold);
    this.parts.time.at(Date.parse(hold.expiresAt), () => this.#lapse(visitor, hold));
    return hold;
  }

  #intend(visitor: Visitor, hold: Hold, intent: Intent): void {
    const { nowMs } = this.parts.time;
    if (intent.kind === 'pay')
      this.parts.time.at(nowMs + intent.afterMs, () => this.#pay(visitor, hold, intent));
    if (intent.kind === 'release')
      this.parts.time.at(nowMs + intent.afterMs, () => this.#release(visitor, hold));
  }

  #pay(visitor: Visitor, hold: Hold, { cancelAfterMs }: Extract<Intent, { kind: 'pay' }>): void {
    const { nowMs } = this.parts.time;
    const orderId = hold.holdId as string as OrderId; // one order for each hold
    if (!this.parts.seats.reserve(hold, orderId, toInstant(nowMs))) {
      this.#leave(visitor); // too late
      return;
    }
    this.parts.tally.sell(hold.seatIds.length, nowMs);
    if (!visitor.hasBought) this.parts.tally.bought++;
    visitor.hasBought = true;
    if (visitor.token) {
      this.#decide(visitor, { kind: 'complete', orderId });
      this.#end(visitor);
    }
    if (cancelAfterMs === null) return;
    this.parts.time.at(nowMs + cancelAfterMs, () => {
      this.parts.seats.cancel(hold, orderId, toInstant(this.parts.time.nowMs));
      this.parts.tally.sell(-hold.seatIds.length, this.parts.time.nowMs);
    });
  }

  #lapse(visitor: Visitor, hold: Hold): void {
    this.parts.seats.end(hold, 'expire', toInstant(this.parts.time.nowMs));
    this.#return(visitor, hold, 'expired');
  }

  #release(visitor: Visitor, hold: Hold): void {
    this.parts.seats.end(hold, 'release', toInstant(this.parts.time.nowMs));
    this.#return(visitor, hold, 'released');
  }

  /** Returns seats to the fan's limit; seats that are sold or already returned stay as they are. */
  #return(visitor: Visitor, { holdId, seatIds }: Hold, reason: 'expired' | 'released'): void {
    // A simulated hold takes all its seats at once, so no late run can take one.
    const command = { kind: 'return-seats', holdId, seatIds, reason, isBarred: true } as const;
    if (!visitor.token) return;
    this.#decide(visitor, command);
    // Too many holds ended without a payment.
    if (visitor.token.kind === 'ended') this.#end(visitor);
    else this.#watchIdle(visitor);
  }

  /** A fan who is inside without a hold for too long loses the turn. */
  #watchIdle(visitor: Visitor): void {
    const { token } = visitor;
    if (token?.kind !== 'entered' || token.idleUntil === undefined) return;
    const { idleUntil } = token;
    this.parts.time.at(Date.parse(idleUntil), () => {
      if (visitor.token?.kind !== 'entered' || visitor.token.idleUntil !== idleUntil) return;
      this.#decide(visitor, { kind: 'expire', reason: 'time-used-up' });
      if (visitor.token.kind !== 'entered') this.#end(visitor);
    });
  }

  #leave(visitor: Visitor): void {
    if (visitor.token?.kind !== 'entered') return;
    for (const hold of visitor.holds) this.#release(visitor, hold);
    // The last hold may have ended the turn.
    if (visitor.token?.kind !== 'entered') return;
    this.#decide(visitor, { kind: 'leave' });
    this.#end(visitor);
  }

  #useUp(visitor: Visitor): void {
    if (visitor.token?.kind !== 'entered') return;
    for (const hold of visitor.holds) this.#lapse(visitor, hold);
    // The last hold may have ended the turn.
    if (visitor.token?.kind !== 'entered') return;
    this.#decide(visitor, { kind: 'expire', reason: 'time-used-up' });
    this.#end(visitor);
  }

  #end(visitor: Visitor): void {
    visitor.token = undefined;
    this.parts.onEnd();
  }

  #decide(visitor: Visitor, command: TokenCommand): boolean {
    return decideTurn(visitor, command, this.parts.time.nowMs);
  }
}

/** A fan in a simulated sale. */
export interface Visitor extends InLine {
  readonly fan: Fan;
  readonly ids: { readonly tokenId: TokenId; readonly userId: UserId };
  behaviour: Behaviour | undefined;
  admittedAtMs: number;
  /** The state of the token's decider; undefined before joining and after the end. */
  token: TokenState | undefined;
  readonly holds: Hold[];
  hasBought: boolean;
  /** Attempts to get seats that have not started. */
  wishesLeft: number;
}

/** Runs the token's decider and applies its events. @returns whether the command was accepted. */
export function decideTurn(visitor: Visitor, command: TokenCommand, nowMs: number): boolean {
  const state = visitor.token ?? tokenDecider.initialState;
  const decision = tokenDecider.decide(command, state, toInstant(nowMs));
  if (decision.kind === 'rejected') return false;
  visitor.token = decision.events.reduce(tokenDecider.evolve, state);
  return true;
}

/** A fan who has not joined yet. */
export function visitorOf(fan: Fan): Visitor {
  // Used inside the simulation only.
  const ids = { tokenId: `token ${fan.place}` as TokenId, userId: `fan ${fan.place}` as UserId };
  return {
    fan,
    ids,
    place: fan.place,
    status: 'absent',
    behaviour: undefined,
    admittedAtMs: 0,
    token: undefined,
    holds: [],
    hasBought: false,
    wishesLeft: 0,
  };
}

/** In the order of joining. */
export function byJoining(visitors: readonly Visitor[]): Visitor[] {
  return [...visitors].sort((a, b) => a.fan.joinedAtMs - b.fan.joinedAtMs || a.place - b.place);
}
