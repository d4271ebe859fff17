import fc from 'fast-check';
import type { AdmissionCommand } from '../../src/domain/admission.js';
import { roundFor } from '../../src/domain/beacon.js';
import type { ChargeCommand } from '../../src/domain/charge.js';
import { assertNever } from '../../src/domain/decider.js';
import type { OrderCommand } from '../../src/domain/order.js';
import type { SeatCommand } from '../../src/domain/seat.js';
import { hashSeed } from '../../src/domain/shuffle.js';
import { type TokenCommand } from '../../src/domain/token.js';
import type { WalletCommand } from '../../src/domain/wallet.js';
import {
  chargeIdSchema,
  holdIdSchema,
  type Instant,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  refundIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from '../../src/events/ids.js';
import { attentionCauses, settlementOutcomes } from '../../src/events/wallet-events.js';
import { at, named } from './given.js';

/** Few names, so that commands of one sequence meet. */
const names = fc.constantFrom('a', 'b', 'c');
const moments: fc.Arbitrary<Instant> = fc.nat({ max: 8_000 }).map(at);
const amounts = fc.nat({ max: 100 });
const scheduleId = named(scheduleIdSchema, 'tonight');
const performanceId = named(performanceIdSchema, 'p');
const userId = named(userIdSchema, 'mina');
const paymentId = paymentIdSchema.parse('pay-1');
const holdId = (name: string) => named(holdIdSchema, name);
const orderId = (name: string) => named(orderIdSchema, name);
const seatId = (name: string) => seatIdSchema.parse(name);

export const seatCommands: fc.Arbitrary<SeatCommand> = fc
  .record({
    kind: fc.constantFrom<SeatCommand['kind']>('hold', 'release', 'expire', 'reserve', 'give-back'),
    name: names,
    order: names,
    deadline: moments,
    bars: fc.boolean(),
    returnDelayMs: fc.constantFrom(undefined, 1, 1_500),
  })
  .map(toSeatCommand);

function toSeatCommand(any: {
  kind: SeatCommand['kind'];
  name: string;
  order: string;
  deadline: Instant;
  bars: boolean;
  returnDelayMs: number | undefined;
}): SeatCommand {
  const { kind, name, order, deadline, returnDelayMs } = any;
  const barrier = { userId: named(userIdSchema, name), expiresAt: deadline };
  const common = { scheduleId, seatId: seatId('A-1'), holdId: holdId(name), orderId: orderId(order) };
  switch (kind) {
    case 'hold': {
      const { orderId: _, ...held } = common;
      const owner = { userId: named(userIdSchema, name), tokenId: named(tokenIdSchema, name) };
      const delay = returnDelayMs === undefined ? {} : { returnDelayMs };
      return { kind, ...held, ...owner, price: 100, expiresAt: deadline, ...delay };
    }
    case 'release':
      return { kind, ...common, reason: 'released', ...(any.bars ? { barrier } : {}) };
    case 'give-back':
      return { kind, ...common, reason: 'order-failed' };
    case 'expire':
      return { kind, ...common, ...(any.bars ? { barrier } : {}) };
    case 'reserve':
      return { kind, ...common };
    default:
      return assertNever(kind);
  }
}

export const walletCommands: fc.Arbitrary<WalletCommand> = fc.oneof(
  fc.record({
    kind: fc.constant('credit' as const),
    userId: fc.constant(userId),
    chargeId: names.map((name) => named(chargeIdSchema, name)),
    amount: fc.integer({ min: 1, max: 100 }),
  }),
  fc.record({
    kind: fc.constant('spend' as const),
    userId: fc.constant(userId),
    orderId: names.map(orderId),
    amount: amounts,
  }),
  fc.record({
    kind: fc.constant('refund' as const),
    userId: fc.constant(userId),
    orderId: names.map(orderId),
  }),
  fc.record({
    kind: fc.constant('refund-items' as const),
    userId: fc.constant(userId),
    orderId: names.map(orderId),
    refundId: names.map((name) => named(refundIdSchema, name)),
    amount: amounts,
  }),
  fc.record({ kind: fc.constant('close' as const), userId: fc.constant(userId) }),
);

export const chargeCommands: fc.Arbitrary<ChargeCommand> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    chargeId: fc.constant(named(chargeIdSchema, 'a')),
    userId: fc.constant(userId),
    amount: fc.integer({ min: 1, max: 3 }),
    paymentMethod: fc.constantFrom('card', 'other'),
  }),
  fc.constant({ kind: 'approve' as const, paymentId }),
  fc.constant({ kind: 'decline' as const, reason: 'no funds' }),
  fc.record({
    kind: fc.constant('need-attention' as const),
    cause: fc.constantFrom(...attentionCauses),
    reason: fc.constant('unclear'),
  }),
  fc.record({
    kind: fc.constant('settle' as const),
    outcome: fc.constantFrom(...settlementOutcomes),
    reason: fc.constant('looked up'),
  }),
);

export const orderCommands: fc.Arbitrary<OrderCommand> = fc.oneof(
  fc.uniqueArray(names, { minLength: 1 }).map((seats) => ({
    kind: 'place' as const,
    orderId: orderId('a'),
    userId,
    tokenId: named(tokenIdSchema, 'a'),
    performanceId,
    items: seats.map((seat) => ({
      scheduleId,
      seatId: seatId(seat),
      holdId: holdId('a'),
      price: 100,
      sold: null,
    })),
    total: seats.length * 100,
  })),
  fc.constant({ kind: 'mark-paid' as const, paymentId }),
  fc
    .tuple(fc.option(fc.uniqueArray(names, { minLength: 1 }), { nil: undefined }), names)
    .map(([seats, name]) => ({
      kind: 'cancel' as const,
      items: seats?.map((seat) => ({ scheduleId, seatId: seatId(seat) })),
      refundId: named(refundIdSchema, name),
      cause: 'fan' as const,
      note: undefined,
    })),
  names.map((name) => ({ kind: 'finish-refund' as const, refundId: named(refundIdSchema, name) })),
  fc
    .constantFrom(undefined, seatId('a'))
    .map((seat) => ({ kind: 'fail' as const, reason: 'hold-lapsed' as const, seatId: seat })),
  amounts.map((refunded) => ({ kind: 'close' as const, refunded })),
);

const token = { tokenId: named(tokenIdSchema, 'a'), userId, performanceId };
const terms = fc.option(
  fc.constantFrom(
    { maxLapsedHolds: 1 },
    { maxReleasedHolds: 2, seatCoolDownMs: 1_500 },
    { maxLapsedHolds: 2, maxReleasedHolds: 1, seatCoolDownMs: 500, idleWindowMs: 800 },
  ),
  { nil: undefined },
);
const admissions = fc.option(
  fc.tuple(moments, terms).map(([claimUntil, limits]) => ({
    place: 0,
    admittedAt: at(0),
    claimUntil,
    serviceWindowMs: 4_000,
    terms: limits,
  })),
  { nil: undefined },
);
const requests = fc.constantFrom(
  { kind: 'seats' as const },
  { kind: 'best-available' as const, quantity: 1 },
  { kind: 'best-available' as const, quantity: 1, category: 'R' },
);
const someSeats = fc.uniqueArray(fc.constantFrom('A-1', 'A-2', 'A-3').map(seatId), { minLength: 1 });

export const tokenCommands: fc.Arbitrary<TokenCommand> = fc.oneof(
  fc.constant({ kind: 'request' as const, ...token, entry: 0, numberOfTickets: 1, seatLimit: 3 }),
  admissions.map((admission) => ({ kind: 'enter' as const, admission })),
  fc.record({
    kind: fc.constant('request-seats' as const),
    admission: admissions,
    holdTtlMs: fc.integer({ min: 1, max: 2_000 }),
    seatIds: someSeats,
    holdId: names.map(holdId),
    scheduleId: fc.constant(scheduleId),
    request: requests,
  }),
  names.map((name) => ({ kind: 'record-second-run' as const, holdId: holdId(name) })),
  fc.record({
    kind: fc.constant('return-seats' as const),
    seatIds: someSeats,
    isBarred: fc.boolean(),
    holdId: names.map(holdId),
    reason: fc.constantFrom('conflict' as const, 'released' as const, 'expired' as const),
  }),
  names.map((name) => ({ kind: 'complete' as const, orderId: orderId(name) })),
  fc.record({
    kind: fc.constant('expire' as const),
    reason: fc.constantFrom(
      'claim-lapsed' as const,
      'time-used-up' as const,
      'queue-full' as const,
      'sale-ended' as const,
    ),
    claimUntil: moments,
  }),
  fc.constant({ kind: 'leave' as const }),
);

/** Named for the fourth second of the histories: known in some, not in others. */
const namedRound = roundFor(at(4_000 - 15_000));
const joined = { shuffledCount: 3, tokensDigest: 'ab'.repeat(32) };

export const admissionCommands: fc.Arbitrary<AdmissionCommand> = fc.oneof(
  fc.record({ name: names, isRoundNamed: fc.boolean(), hasBeacon: fc.boolean() }).map((chosen) => {
    const seed = hashSeed(Buffer.from(chosen.name).toString('hex'));
    return {
      kind: 'open' as const,
      performanceId,
      seed,
      seedHash: hashSeed(seed),
      opensAt: null,
      ...joined,
      isRoundNamed: chosen.isRoundNamed,
      beacon: chosen.hasBeacon ? { round: namedRound, signature: 'cd'.repeat(48) } : undefined,
    };
  }),
  fc.constant({ kind: 'close-draw' as const, performanceId, opensAt: null, namedRound, ...joined }),
  fc
    .record({
      from: fc.nat({ max: 12 }),
      size: fc.nat({ max: 4 }),
      active: fc.nat({ max: 6 }),
      waitingInRange: fc.nat({ max: 4 }),
    })
    .map(({ from, size, ...rest }) => ({
      kind: 'admit' as const,
      performanceId,
      from,
      to: from + size,
      ...rest,
      maxActive: 5,
      admitPerSecond: 4,
      claimWindowMs: 1_000,
    })),
);
