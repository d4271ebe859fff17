import {
  addMs,
  earlier,
  type HoldId,
  type Instant,
  type OrderId,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../events/ids.js';
import {
  type CoolingSeat,
  maxCoolingSeats,
  type TokenEvent,
  type TurnTerms,
} from '../events/queue-events.js';
import { type CompanionPlace, companionNeedsWheelchair } from './companions.js';
import { accept, assertNever, type Decider, type Decision, reject } from './decider.js';
import { holdEnded } from './seat.js';

/** Holds one token may make over its life: bounds the number of events in its stream. */
export const maxHoldsPerToken = 50;

export interface TokenHold {
  readonly scheduleId: ScheduleId;
  /** All seats asked for. */
  readonly seatIds: readonly SeatId[];
  /** Those not given back. */
  readonly outstanding: readonly SeatId[];
  readonly companions: readonly CompanionPlace[];
  readonly request: Extract<TokenEvent, { type: 'SeatsRequested' }>['data']['request'];
  readonly expiresAt: Instant;
  /** It was given back because another hold took one of its seats first. */
  readonly lostSeat: boolean;
  /** More than one run of its request may be taking its seats: docs/late-requests.md. */
  readonly hasSecondRun: boolean;
  /** How it ended without a payment; undefined while it has not, and when another end came first. */
  readonly unpaid: 'lapsed' | 'released' | undefined;
}

/** Whose token it is, and for which performance. */
interface Owner {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
}

interface Requested extends Owner {
  readonly entry: number;
  readonly numberOfTickets: number;
  readonly seatLimit: number;
  readonly holds: ReadonlyMap<HoldId, TokenHold>;
  /** When the fan may hold seats again that were given back or lapsed, by date and seat. */
  readonly cooling: ReadonlyMap<string, CoolingSeat>;
}

interface Entered {
  readonly place: number;
  readonly admittedAt: Instant;
  readonly expiresAt: Instant;
  /** What this turn may do without paying. */
  readonly terms: TurnTerms;
  /** The turn ends then, while no seat is held; undefined: it does not. */
  readonly idleUntil: Instant | undefined;
}

type TokenEnd =
  | { readonly kind: 'completed'; readonly orderId: OrderId }
  | {
      readonly kind: 'expired';
      readonly reason: Extract<TokenEvent, { type: 'TokenExpired' }>['data']['reason'];
    }
  | { readonly kind: 'left' };

export type TokenState =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'waiting' } & Requested)
  | ({ readonly kind: 'entered' } & Requested & Entered)
  | ({ readonly kind: 'ended'; readonly end: TokenEnd } & Requested);

/** The admission of the token's place; a token needs it to enter. */
export interface Admission {
  readonly place: number;
  readonly admittedAt: Instant;
  /** Enter before this moment. */
  readonly claimUntil: Instant;
  readonly serviceWindowMs: number;
  /** Undefined: no limits. */
  readonly terms?: TurnTerms | undefined;
}

type Data<Type extends TokenEvent['type']> = Extract<TokenEvent, { type: Type }>['data'];

export type TokenCommand =
  | ({ readonly kind: 'request' } & Data<'TokenRequested'>)
  | { readonly kind: 'enter'; readonly admission: Admission | undefined }
  | ({
      readonly kind: 'request-seats';
      /** Needed when the token has not entered yet: the first request enters. */
      readonly admission: Admission | undefined;
      readonly holdTtlMs: number;
      readonly seatIds: readonly SeatId[];
      /** The companion places among the seats. */
      readonly companions?: readonly CompanionPlace[];
    } & Pick<Data<'SeatsRequested'>, 'holdId' | 'scheduleId' | 'request'>)
  | { readonly kind: 'record-second-run'; readonly holdId: HoldId }
  | ({
      readonly kind: 'return-seats';
      readonly seatIds: readonly SeatId[];
      /** The hold has ended on each seat or is barred from it. False: only its first run may have taken seats. */
      readonly isBarred: boolean;
    } & Pick<Data<'SeatsReturned'>, 'holdId' | 'reason'>)
  | { readonly kind: 'complete'; readonly orderId: OrderId }
  | {
      readonly kind: 'expire';
      /** `time-used-up`: the time inside, or the time to be inside without a hold. */
      readonly reason: Exclude<Data<'TokenExpired'>['reason'], 'idle' | 'unpaid-holds'>;
      readonly claimUntil?: Instant;
    }
  | { readonly kind: 'leave' };

/** A token that exists. */
type ExistingToken = Exclude<TokenState, { kind: 'none' }>;

/** What a turn may do without paying, by the rules of its performance; undefined: they limit nothing. */
export function termsOf(rules: TurnTerms): TurnTerms | undefined {
  const { maxLapsedHolds, maxReleasedHolds, seatCoolDownMs, idleWindowMs } = rules;
  const terms = { maxLapsedHolds, maxReleasedHolds, seatCoolDownMs, idleWindowMs };
  return Object.values(terms).some((term) => term !== undefined) ? terms : undefined;
}

/** Whether nothing of the hold was given back. */
export function isWhole(hold: TokenHold): boolean {
  return hold.outstanding.length === hold.seatIds.length;
}

/** Seats asked for and not given back, over all holds: what counts against the limit. */
export function outstandingSeats(state: ExistingToken): number {
  let count = 0;
  for (const hold of state.holds.values()) count += hold.outstanding.length;
  return count;
}

/** Whether the fan has been inside without a hold for too long: the turn is over, whether or not that was written. */
function isIdle(state: ExistingToken, now: Instant): boolean {
  if (state.kind !== 'entered' || state.idleUntil === undefined) return false;
  return now >= state.idleUntil && outstandingSeats(state) === 0;
}

/**
 * Whether so many holds ended without a payment that the turn may have no more.
 * @param now holds past their deadline count as lapsed, too, although that was not written yet; undefined: only those of
 * which it was.
 */
function hasUsedUpHolds(state: ExistingToken, now: Instant | undefined): boolean {
  if (state.kind !== 'entered') return false;
  const { maxLapsedHolds = Infinity, maxReleasedHolds = Infinity } = state.terms;
  let [lapsed, released] = [0, 0];
  for (const hold of state.holds.values()) {
    const isPast = now !== undefined && hold.outstanding.length > 0 && now >= hold.expiresAt;
    if (hold.unpaid === 'released') released++;
    else if (hold.unpaid === 'lapsed' || isPast) lapsed++;
  }
  return lapsed >= maxLapsedHolds || released >= maxReleasedHolds;
}

/** Of these seats those that the fan may not hold again yet, those for longest first. */
export function stillCooling(seats: Iterable<CoolingSeat>, now: Instant): CoolingSeat[] {
  return [...seats].filter(({ until }) => now < until).sort((a, b) => (a.until > b.until ? -1 : 1));
}

function withCooling(
  cooling: ExistingToken['cooling'],
  scheduleId: ScheduleId,
  seatIds: readonly SeatId[],
  until: Instant,
): ExistingToken['cooling'] {
  const seats = seatIds.map((seatId) => ({ scheduleId, seatId, until }));
  return new Map([...cooling, ...seats.map((seat) => [coolingKey(seat), seat] as const)]);
}

function coolingKey({ scheduleId, seatId }: Pick<CoolingSeat, 'scheduleId' | 'seatId'>): string {
  return `${scheduleId}.${seatId}`;
}

/** The part of a token that every one of its events names. */
function ownerOf({ tokenId, userId, performanceId }: Owner): Owner {
  return { tokenId, userId, performanceId };
}

/** One fan's place in a queue: waits, enters, asks for seats within a limit, and ends once. */
export const tokenDecider: Decider<TokenState, TokenCommand, TokenEvent> = {
  initialState: { kind: 'none' },

  decide(command, state, now) {
    if (command.kind === 'request') {
      if (state.kind !== 'none') return accept();
      const { kind: _, cooling = [], ...data } = command;
      const still = stillCooling(cooling, now).slice(0, maxCoolingSeats);
      const carried = still.length > 0 ? { cooling: still } : {};
      return accept({ type: 'TokenRequested', data: { ...data, ...carried } });
    }
    if (state.kind === 'none') return reject('token-unknown', 'Join the queue of this performance first.');
    switch (command.kind) {
      case 'enter':
        return decideEnter(command.admission, state, now);
      case 'request-seats':
        return decideRequestSeats(command, state, now);
      case 'record-second-run':
        return decideSecondRun(command, state, now);
      case 'return-seats':
        return decideReturn(command, state, now);
      case 'complete':
        if (state.kind === 'ended') return accept();
        return accept({ type: 'TokenCompleted', data: { ...ownerOf(state), orderId: command.orderId } });
      case 'expire':
        return decideExpire(command, state, now);
      case 'leave': {
        if (state.kind === 'ended') return accept();
        if (outstandingSeats(state) > 0) {
          return reject('hold-in-progress', 'Seats are being held for you right now: try again in a moment.');
        }
        return accept({ type: 'TokenLeft', data: ownerOf(state) });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    if (event.type === 'TokenRequested') {
      const { cooling = [], ...data } = event.data;
      const known = new Map(cooling.map((seat) => [coolingKey(seat), seat]));
      return { kind: 'waiting', ...data, holds: new Map(), cooling: known };
    }
    if (state.kind === 'none') return state;
    switch (event.type) {
      case 'TokenEntered': {
        const { place, admittedAt, expiresAt, terms = {}, idleUntil } = event.data;
        return { ...state, kind: 'entered', place, admittedAt, expiresAt, terms, idleUntil };
      }
      case 'SeatsRequested': {
        const { holdId, scheduleId, seatIds, companions = [], request, expiresAt } = event.data;
        const asked = { scheduleId, seatIds, outstanding: seatIds, companions, request, expiresAt };
        const hold = { ...asked, lostSeat: false, hasSecondRun: false, unpaid: undefined };
        return { ...state, holds: new Map(state.holds).set(holdId, hold) };
      }
      case 'SeatsRequestRepeated': {
        const { holdId } = event.data;
        const hold = state.holds.get(holdId);
        if (!hold) return state;
        return { ...state, holds: new Map(state.holds).set(holdId, { ...hold, hasSecondRun: true }) };
      }
      case 'SeatsReturned': {
        const { holdId, seatIds, reason, coolUntil, idleUntil } = event.data;
        const hold = state.holds.get(holdId);
        if (!hold) return state;
        const outstanding = hold.outstanding.filter((seatId) => !seatIds.includes(seatId));
        const lostSeat = hold.lostSeat || reason === 'conflict';
        const unpaid = hold.unpaid ?? unpaidEnds[reason];
        const holds = new Map(state.holds).set(holdId, { ...hold, outstanding, lostSeat, unpaid });
        const cooling =
          coolUntil === undefined
            ? state.cooling
            : withCooling(state.cooling, hold.scheduleId, seatIds, coolUntil);
        if (state.kind !== 'entered') return { ...state, holds, cooling };
        return { ...state, holds, cooling, idleUntil: idleUntil ?? state.idleUntil };
      }
      case 'TokenCompleted':
        return { ...state, kind: 'ended', end: { kind: 'completed', orderId: event.data.orderId } };
      case 'TokenExpired':
        return { ...state, kind: 'ended', end: { kind: 'expired', reason: event.data.reason } };
      case 'TokenLeft':
        return { ...state, kind: 'ended', end: { kind: 'left' } };
      default:
        return assertNever(event);
    }
  },
};

function decideExpire(
  command: Extract<TokenCommand, { kind: 'expire' }>,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  const { reason, claimUntil } = command;
  const expired = accept<TokenEvent>({ type: 'TokenExpired', data: { ...ownerOf(state), reason } });
  switch (reason) {
    case 'claim-lapsed':
      return state.kind === 'waiting' && claimUntil !== undefined && now >= claimUntil ? expired : accept();
    case 'time-used-up':
      if (isIdle(state, now) && state.kind === 'entered' && now < state.expiresAt)
        return accept({ type: 'TokenExpired', data: { ...ownerOf(state), reason: 'idle' } });
      return state.kind === 'entered' && now >= state.expiresAt ? expired : accept();
    case 'queue-full':
    case 'sale-ended':
      return state.kind === 'waiting' ? expired : accept();
    default:
      return assertNever(reason);
  }
}

type RequestSeats = Extract<TokenCommand, { kind: 'request-seats' }>;

/** Enters if the place is admitted and its time to enter is not over. */
function decideEnter(
  admission: Admission | undefined,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  if (state.kind === 'ended') return tokenEnded;
  if (state.kind === 'entered') return now < state.expiresAt && !isIdle(state, now) ? accept() : tokenEnded;
  if (!admission) return reject('token-waiting', 'It is not your turn yet: wait in the queue.');
  if (now >= admission.claimUntil) return tokenEnded;
  const { place, admittedAt, serviceWindowMs, terms } = admission;
  const expiresAt = addMs(now, serviceWindowMs);
  return accept({
    type: 'TokenEntered',
    data: {
      ...ownerOf(state),
      place,
      admittedAt,
      expiresAt,
      ...(terms === undefined ? {} : { terms, ...idleFrom(now, terms, expiresAt) }),
    },
  });
}

/** Until when the fan may be inside without a hold, from `now`. */
function idleFrom(now: Instant, { idleWindowMs }: TurnTerms, expiresAt: Instant): { idleUntil?: Instant } {
  return idleWindowMs === undefined ? {} : { idleUntil: earlier(addMs(now, idleWindowMs), expiresAt) };
}

/** Claims seats against the fan's limit; the first claim enters. */
function decideRequestSeats(command: RequestSeats, state: ExistingToken, now: Instant): Decision<TokenEvent> {
  const { holdId, scheduleId, seatIds, companions = [], request, holdTtlMs, admission } = command;
  const known = state.holds.get(holdId);
  if (known) return decideRepeatedRequest(command, known, now);
  const entering = decideEnter(admission, state, now);
  if (entering.kind === 'rejected') return entering;
  const asked = outstandingSeats(state) + seatIds.length;
  if (asked > state.seatLimit) {
    return reject(
      'seat-limit-reached',
      `You may have ${state.seatLimit} seats here: choose fewer, or release some.`,
      {
        seatLimit: state.seatLimit,
        asked,
      },
    );
  }
  if (state.holds.size >= maxHoldsPerToken) {
    return reject(
      'seat-limit-reached',
      `You have held seats ${maxHoldsPerToken} times: pay for what you hold.`,
    );
  }
  if (hasUsedUpHolds(state, now)) {
    // The same refusal as above: the caller then ends what has lapsed, which may end the turn.
    return reject(
      'seat-limit-reached',
      'Too many of your holds ended without a payment: pay for what you hold.',
    );
  }
  for (const seatId of seatIds) {
    const cooling = state.cooling.get(coolingKey({ scheduleId, seatId }));
    if (cooling !== undefined && now < cooling.until) return seatCoolingDown(cooling);
  }
  const entered = entering.events.find((event) => event.type === 'TokenEntered');
  const turnEndsAt = entered?.data.expiresAt ?? (state.kind === 'entered' ? state.expiresAt : now);
  let expiresAt = earlier(addMs(now, holdTtlMs), turnEndsAt);
  for (const companion of companions) {
    if (seatIds.includes(companion.companionOf)) continue;
    const wheelchairHold = holdOfSeat(state, scheduleId, companion.companionOf, now);
    if (!wheelchairHold) {
      return companionNeedsWheelchair(companion, 'hold both in one request, or the wheelchair place first');
    }
    expiresAt = earlier(expiresAt, wheelchairHold.expiresAt);
  }
  return accept(...entering.events, {
    type: 'SeatsRequested',
    data: {
      ...ownerOf(state),
      holdId,
      scheduleId,
      seatIds: [...seatIds],
      ...(companions.length > 0 ? { companions: [...companions] } : {}),
      request,
      expiresAt,
    },
  });
}

/** The live hold that has a seat, or is taking it. */
function holdOfSeat(
  { holds }: ExistingToken,
  scheduleId: ScheduleId,
  seatId: SeatId,
  now: Instant,
): TokenHold | undefined {
  for (const hold of holds.values()) {
    const isLive = hold.scheduleId === scheduleId && now < hold.expiresAt;
    if (isLive && hold.outstanding.includes(seatId)) return hold;
  }
  return undefined;
}

/**
 * The live holds that have a companion's place whose wheelchair place this token does not have any more. They are to be
 * given back.
 *
 * Each claim of a companion's place is decided in this stream at a revision that has the wheelchair place, and lasts no
 * longer than that. So of a claim and a return of the wheelchair place, which is written here as well, either the claim
 * comes second and is refused, or the command that wrote the return finds it here. Between the return and the end of the
 * companion's hold (at most its deadline, after a crash) the fan holds the companion's place alone, and cannot pay for it:
 * `order.ts` decides that again.
 */
export function strandedHolds(state: ExistingToken, now: Instant): HoldId[] {
  return [...state.holds]
    .filter(([, hold]) => {
      if (now >= hold.expiresAt) return false;
      return hold.companions.some(
        ({ seatId, companionOf }) =>
          hold.outstanding.includes(seatId) && !holdOfSeat(state, hold.scheduleId, companionOf, now),
      );
    })
    .map(([holdId]) => holdId);
}

/** The same hold id again: a retry of the same request is accepted, anything else is refused. */
function decideRepeatedRequest(command: RequestSeats, hold: TokenHold, now: Instant): Decision<TokenEvent> {
  if (!isSameSeatRequest(command, hold)) {
    return reject('idempotency-key-reused', 'This idempotency key belongs to another hold: use a new key.');
  }
  return isWhole(hold) && now < hold.expiresAt ? accept() : holdEnded;
}

/** A second run of the request is recorded before it takes a seat, once for each hold. */
function decideSecondRun(
  { holdId }: Extract<TokenCommand, { kind: 'record-second-run' }>,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  const hold = state.holds.get(holdId);
  if (!hold || !isWhole(hold) || now >= hold.expiresAt) return holdEnded;
  if (hold.hasSecondRun) return accept();
  return accept({ type: 'SeatsRequestRepeated', data: { ...ownerOf(state), holdId } });
}

/**
 * Gives seats back to the fan's limit. No run of the hold's request may take one afterwards: either each seat refuses
 * the hold, or there was only one run and it has stopped (docs/late-requests.md).
 */
function decideReturn(
  { holdId, reason, isBarred, ...command }: Extract<TokenCommand, { kind: 'return-seats' }>,
  state: ExistingToken,
  now: Instant,
): Decision<TokenEvent> {
  const hold = state.holds.get(holdId);
  const seatIds = command.seatIds.filter((seatId) => hold?.outstanding.includes(seatId));
  if (seatIds.length === 0) return accept();
  if (hold?.hasSecondRun && !isBarred) {
    return reject('hold-in-progress', 'These seats are being held right now: try again in a moment.');
  }
  const data = { ...ownerOf(state), holdId, seatIds, reason };
  if (state.kind !== 'entered') return accept({ type: 'SeatsReturned', data });
  const { seatCoolDownMs = 0 } = state.terms;
  const cools = unpaidEnds[reason] !== undefined && seatCoolDownMs > 0;
  const isLast = outstandingSeats(state) === seatIds.length;
  const returned: TokenEvent = {
    type: 'SeatsReturned',
    data: {
      ...data,
      ...(cools ? { coolUntil: addMs(now, seatCoolDownMs) } : {}),
      ...(isLast ? idleFrom(now, state.terms, state.expiresAt) : {}),
    },
  };
  // Seats that the fan still has may be paid for; the turn ends with the last of them.
  const after = tokenDecider.evolve(state, returned);
  const isOver = isLast && after.kind === 'entered' && hasUsedUpHolds(after, undefined);
  if (!isOver) return accept(returned);
  const ended: TokenEvent = { type: 'TokenExpired', data: { ...ownerOf(state), reason: 'unpaid-holds' } };
  return accept<TokenEvent>(returned, ended);
}

/** Which returns mean that the fan did not pay for a hold. Absent: it was not up to the fan, or the seats were paid for. */
const unpaidEnds: { readonly [Reason in Data<'SeatsReturned'>['reason']]?: 'lapsed' | 'released' } = {
  expired: 'lapsed',
  released: 'released',
};

function seatCoolingDown({ seatId, until }: CoolingSeat) {
  return reject(
    'seat-cooling-down',
    `You had seat ${seatId} a moment ago and did not pay: choose another one, or try again later.`,
    { seatId, until },
  );
}

/** Whether a request asks for what `hold` was made for. */
export function isSameSeatRequest(
  request: Pick<RequestSeats, 'scheduleId' | 'request' | 'seatIds'>,
  hold: TokenHold,
): boolean {
  if (request.scheduleId !== hold.scheduleId) return false;
  const asked = request.request;
  if (asked.kind === 'best-available') {
    return (
      hold.request.kind === 'best-available' &&
      hold.request.quantity === asked.quantity &&
      hold.request.category === asked.category &&
      hold.request.section === asked.section &&
      hold.request.access === asked.access &&
      (hold.request.acceptRestrictedView ?? false) === (asked.acceptRestrictedView ?? false)
    );
  }
  return (
    hold.request.kind === 'seats' &&
    hold.seatIds.length === request.seatIds.length &&
    hold.seatIds.every((seatId) => request.seatIds.includes(seatId))
  );
}

/** The refusal of every command of a token after its end. */
export const tokenEnded = reject('token-ended', 'Your turn has ended: join the queue again.');
