import fc from 'fast-check';
import { admissionDecider } from '../../src/domain/admission.js';
import { timeOfRound } from '../../src/domain/beacon.js';
import { performanceDecider, scheduleDecider, venueDecider } from '../../src/domain/catalog.js';
import { chargeDecider } from '../../src/domain/charge.js';
import { operatorDecider } from '../../src/domain/operator.js';
import { orderDecider } from '../../src/domain/order.js';
import { endsHold, type HoldDeadline, isFree, seatDecider, statusOfHold } from '../../src/domain/seat.js';
import { sessionDecider } from '../../src/domain/session.js';
import { outstandingSeats, tokenDecider } from '../../src/domain/token.js';
import { loginDecider, userDecider } from '../../src/domain/user.js';
import { walletDecider } from '../../src/domain/wallet.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { performanceCommands, scheduleCommands, venueCommands } from './any-catalog-command.js';
import {
  admissionCommands,
  chargeCommands,
  orderCommands,
  seatCommands,
  tokenCommands,
  walletCommands,
} from './any-command.js';
import { anyHistory } from './any-history.js';
import { loginCommands, operatorCommands, sessionCommands, userCommands } from './any-person-command.js';
import { at } from './given.js';
import { barred, held, holdId, released } from './seat-history.js';

const histories = {
  user: anyHistory(userDecider, userCommands),
  login: anyHistory(loginDecider, loginCommands),
  session: anyHistory(sessionDecider, sessionCommands),
  wallet: anyHistory(walletDecider, walletCommands),
  charge: anyHistory(chargeDecider, chargeCommands),
  admission: anyHistory(admissionDecider, admissionCommands),
  token: anyHistory(tokenDecider, tokenCommands),
  seat: anyHistory(seatDecider, seatCommands),
  order: anyHistory(orderDecider, orderCommands),
  venue: anyHistory(venueDecider, venueCommands),
  performance: anyHistory(performanceDecider, performanceCommands),
  schedule: anyHistory(scheduleDecider, scheduleCommands),
  operator: anyHistory(operatorDecider, operatorCommands),
};

/** How many fans' holds may end on one seat: more than it keeps by id. */
const crowd = 250;
/** The hold of one of the crowd, with one of few deadlines. */
const holdOf = (fan: number): HoldDeadline => ({
  holdId: holdId(`fan ${fan}`),
  expiresAt: at(1_000 + ((fan * 37) % 20)),
});
/** How it ends on the seat: it had the seat, or is barred from it. */
const endOf = (fan: number): SeatEvent[] => {
  const [name, { expiresAt }] = [`fan ${fan}`, holdOf(fan)];
  return fan % 3 === 0 ? [barred(name, expiresAt)] : [held(name, expiresAt), released(name)];
};

describe.each(Object.entries(histories))('%s, after any history', (_, history) => {
  it('writes nothing for a repeated command', () => history.repeatsWriteNothing());

  it('writes only what its events’ schemas take, and is what the log says', () =>
    history.statesAreFoldsOfTheLog());
});

describe('after any history', () => {
  it('an account is registered once, has the last password set, and stays erased', () => {
    histories.user.always(({ command }, before, after, written) => {
      if (before.kind !== 'none') expect(after.kind).not.toBe('none');
      if (before.kind === 'erased') expect(written).toEqual([]);
      if (before.kind !== 'registered' || after.kind !== 'registered') return;
      expect(after.userId).toBe(before.userId);
      const isChange = command.kind === 'change-password';
      const isVerified = isChange && command.verifiedHash === before.passwordHash;
      expect(after.passwordHash).toBe(isVerified ? command.passwordHash : before.passwordHash);
    });
  });

  it('the keys of operators contain an owner’s once there was one, and no key is both valid and revoked', () => {
    histories.operator.always((_, before, after) => {
      const owners = [...after.live.values()].filter(({ role }) => role === 'owner');
      if (after.hasHadOwner) expect(owners.length).toBeGreaterThan(0);
      if (before.hasHadOwner) expect(after.hasHadOwner).toBe(true);
      for (const keyId of after.revoked.keys()) expect(after.live.has(keyId)).toBe(false);
    });
  });

  it('a login id never changes hands', () => {
    histories.login.always(({ command }, before, after) => {
      expect(after.userId).toBe(before.userId ?? command.userId);
    });
  });

  it('a session that ended stays ended, one past its time is not refreshed, and generations grow by one', () => {
    histories.session.always(({ now }, before, after, written) => {
      if (before.kind === 'ended') expect(after.kind).toBe('ended');
      if (before.kind !== 'live') return;
      if (after.kind === 'live') {
        const isRefreshed = written.length > 0;
        expect(after.generation).toBe(before.generation + (isRefreshed ? 1 : 0));
        if (isRefreshed) expect(now < before.expiresAt).toBe(true);
      }
    });
  });

  it('a wallet is never negative, and holds what came less what went', () => {
    let total = 0;
    histories.wallet.always((_, before, after, written) => {
      if (before === walletDecider.initialState) total = 0;
      for (const event of written) {
        if (event.type === 'PointsSpent') total -= event.data.amount;
        else if (event.type !== 'WalletClosed') total += event.data.amount;
        expect(event.data.balance).toBe(total);
      }
      expect(after.balance).toBe(total);
      if (before.isClosed) expect(written.every(({ type }) => type === 'PointsRefunded')).toBe(true);
      expect(after.balance).toBeGreaterThanOrEqual(0);
      for (const order of after.orders.values()) {
        expect(order.spent).toBeGreaterThanOrEqual(0);
        expect(order.refunded).toBeLessThanOrEqual(order.spent);
        if (order.isClosed) expect(order.refunded).toBe(order.spent);
      }
    });
  });

  it('a charge has one answer', () => {
    histories.charge.always((_, before, after) => {
      if (before.kind === 'declined') expect(after).toEqual(before);
      // Points that are due can only be kept for an operator, when there is no wallet to credit.
      if (before.kind === 'approved' && after.kind !== 'approved')
        expect(after).toMatchObject({ kind: 'needs-attention', cause: 'wallet-closed' });
    });
  });

  it('admission continues where it stopped, within its limits', () => {
    histories.admission.always(({ command, now }, before, after, written) => {
      expect(after.admittedUpTo).toBeGreaterThanOrEqual(before.admittedUpTo);
      if (before.opening) expect(after.opening).toEqual(before.opening);
      if (before.closedDraw && after.closedDraw) expect(after.closedDraw).toEqual(before.closedDraw);
      for (const event of written) {
        // Nobody knows the round when the draw is closed, and nothing else opens the queue then.
        if (event.type === 'DrawClosed') expect(now < timeOfRound(event.data.beacon.round)).toBe(true);
        if (event.type !== 'QueueOpened') continue;
        expect(event.data.beacon?.round).toBe(before.closedDraw?.round);
        if (event.data.beacon) expect(now >= timeOfRound(event.data.beacon.round)).toBe(true);
      }
      for (const event of written) {
        if (event.type !== 'TokensAdmitted' || command.kind !== 'admit') continue;
        expect(before.opening).toBeDefined();
        expect(event.data.from).toBe(before.admittedUpTo);
        expect(command.active + command.waitingInRange).toBeLessThanOrEqual(command.maxActive);
        const { admittedAt, nextAt } = event.data;
        expect(command.waitingInRange).toBeLessThanOrEqual(command.admitPerSecond);
        // Each fan takes a share of a second, from the end of the last one's share, or from a second ago.
        const paidFromMs = Date.parse(nextAt) - (command.waitingInRange * 1_000) / command.admitPerSecond;
        const freeFromMs = Math.max(Date.parse(before.nextAt ?? admittedAt), Date.parse(admittedAt) - 1_000);
        if (before.nextAt !== undefined) expect(paidFromMs).toBeGreaterThanOrEqual(freeFromMs);
      }
    });
  });

  it('a token never has more seats than its limit, ends once, and holds nothing beyond its turn', () => {
    histories.token.always(({ now }, before, after, written) => {
      if (after.kind === 'none') return;
      expect(outstandingSeats(after)).toBeLessThanOrEqual(after.seatLimit);
      if (before.kind === 'ended') expect(after).toMatchObject({ kind: 'ended', end: before.end });
      for (const event of written) {
        if (event.type !== 'SeatsRequested' || after.kind !== 'entered') continue;
        expect(now < after.expiresAt).toBe(true);
        expect(event.data.expiresAt <= after.expiresAt).toBe(true);
      }
    });
  });

  it('a seat passes from owner to owner only when it is free', () => {
    histories.seat.always(({ now }, before, after, written) => {
      for (const event of written) {
        if (event.type === 'SeatHoldExpired') expect(now >= event.data.expiredAt).toBe(true);
        if (event.type === 'SeatReserved') {
          expect(before).toMatchObject({ kind: 'held', holdId: event.data.holdId });
          expect(before.kind === 'held' && now < before.expiresAt).toBe(true);
        }
        if (event.type === 'SeatHeld') {
          expect(now < event.data.expiresAt).toBe(true);
          expect(isFree(before, now)).toBe(true);
        }
      }
      if (before.kind === 'reserved' && after.kind !== 'reserved') {
        expect(written[0]?.type).toBe('SeatReservationCancelled');
      }
    });
  });

  it('a seat that bars a hold never has it again, and bars no hold that has the seat', () => {
    let barred = new Set<string>();
    histories.seat.always((_, before, after, written) => {
      if (before === seatDecider.initialState) barred = new Set();
      for (const event of written) {
        if (event.type === 'SeatHoldBarred') {
          expect(before.kind !== 'free' && before.holdId === event.data.holdId).toBe(false);
          expect(after).toEqual({ ...before, endedHolds: after.endedHolds });
          barred.add(event.data.holdId);
        }
      }
      if (after.kind !== 'free') expect(barred).not.toContain(after.holdId);
    });
  });

  it('a seat never treats a hold that had it as new', () => {
    let holds = new Map<string, HoldDeadline>();
    histories.seat.always((_, before, after, written) => {
      if (before === seatDecider.initialState) holds = new Map();
      for (const event of written) {
        if (event.type === 'SeatHeld') holds.set(event.data.holdId, event.data);
      }
      for (const hold of holds.values()) expect(statusOfHold(after, hold)).not.toBe('untouched');
    });
  });

  it('a seat that many held says of each hold what the log says, or that it has forgotten', () => {
    const fans = fc.nat({ max: crowd });
    const isBounded = fc.property(
      fc.uniqueArray(fans, { maxLength: crowd, size: 'max' }),
      fans,
      fans,
      (past, fan, asked) => {
        const fold = (ended: readonly number[]) =>
          ended.flatMap(endOf).reduce(seatDecider.evolve, seatDecider.initialState);
        const [state, hold] = [fold(past), holdOf(fan)];
        const inTheLog = past.flatMap(endOf).some((event) => endsHold(event, hold.holdId));
        const truth = inTheLog ? 'ended' : 'untouched';
        expect(inTheLog).toBe(past.includes(fan));
        expect([truth, 'forgotten']).toContain(statusOfHold(state, hold));
        expect(state.endedHolds.known.length).toBeLessThanOrEqual(64);
        // What the log says holds for those that had ended when it was asked.
        const before = past.slice(0, asked);
        if (before.includes(fan)) return;
        const evidence = { notAmongFirst: fold(before).endedHolds.count };
        const isForgettable = past.length - before.length > 64;
        expect(isForgettable ? [truth, 'forgotten'] : [truth]).toContain(statusOfHold(state, hold, evidence));
      },
    );
    fc.assert(isBounded, { numRuns: 500, seed: 42 });
  });

  it('a hold with a second run returns only seats that are barred', () => {
    histories.token.always(({ command }, before, _, written) => {
      const isReturn = command.kind === 'return-seats' && !command.isBarred && written.length > 0;
      if (!isReturn || before.kind === 'none') return;
      expect(before.holds.get(command.holdId)?.hasSecondRun).toBe(false);
    });
  });

  it('an order has one outcome', () => {
    histories.order.always((_, before, after) => {
      const order = ['none', 'placed', 'paid', 'undoing', 'closed'];
      expect(order.indexOf(after.kind)).toBeGreaterThanOrEqual(order.indexOf(before.kind));
      if (before.kind === 'undoing' || before.kind === 'closed') {
        expect(after).toMatchObject({ cause: before.cause });
      }
    });
  });

  it('a venue, a performance and a date are what was published last', () => {
    histories.venue.always(({ command }, before, after) => {
      if (command.kind === 'describe') {
        expect(after).toEqual({ ...before, details: command.details });
        return;
      }
      if (command.kind === 'renumber-seats') {
        expect(after).toEqual(before);
        return;
      }
      const others = [...before.sections].filter(([id]) => id !== idOf(command));
      const own = command.kind === 'publish-section' ? [[idOf(command), command.section]] : [];
      expect(Object.fromEntries(after.sections)).toEqual(Object.fromEntries([...others, ...own]));
      expect(after.details).toBe(before.details);
    });
    histories.performance.always(({ command }, _, after) => expect(after.details).toEqual(command));
    histories.schedule.always(({ command }, before, after, written) => {
      if (before.cancellation) expect(after.cancellation).toBeDefined();
      if (command.kind !== 'publish') expect(after.details).toEqual(before.details);
      else if (written.length > 0) expect(after.details).toEqual(command.details);
      const [until, later] = [before.refundWindowUntil, after.refundWindowUntil];
      if (until !== undefined) expect(later !== undefined && later >= until).toBe(true);
    });
  });
});

function idOf(command: { section: { sectionId: string } } | { sectionId: string }): string {
  return 'section' in command ? command.section.sectionId : command.sectionId;
}
