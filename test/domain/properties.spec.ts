import fc from 'fast-check';
import { chargeDecider } from '../../src/domain/charge/charge.js';
import type { Decider } from '../../src/domain/decider.js';
import { orderDecider } from '../../src/domain/order/order.js';
import { admissionDecider } from '../../src/domain/queue/admission.js';
import { type SeatCommand, seatDecider } from '../../src/domain/seat/seat.js';
import { tokenDecider } from '../../src/domain/token/token.js';
import { outstandingSeats, type TokenCommand } from '../../src/domain/token/token-state.js';
import { sessionDecider } from '../../src/domain/user/session.js';
import { walletDecider } from '../../src/domain/wallet/wallet.js';
import type { Instant } from '../../src/events/ids.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import {
  admissionCommands,
  chargeCommands,
  orderCommands,
  seatCommands,
  sessionCommands,
  tokenCommands,
  walletCommands,
} from './any-command.js';
import { at } from './given.js';

interface Step<Command> {
  readonly command: Command;
  readonly now: Instant;
}

/** Any commands at moments that never go back. */
const sequences = <Command>(commands: fc.Arbitrary<Command>): fc.Arbitrary<Step<Command>[]> =>
  fc.array(fc.tuple(commands, fc.nat({ max: 400 })), { maxLength: 40 }).map((steps) => {
    let ms = 0;
    return steps.map(([command, pause]) => {
      ms += pause;
      return { command, now: at(ms) };
    });
  });

/** Checks an invariant after every command of any sequence, with what the command wrote. */
function always<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  commands: fc.Arbitrary<Command>,
  invariant: (step: Step<Command>, before: State, after: State, written: readonly Event[]) => void,
) {
  fc.assert(
    fc.property(sequences(commands), (steps) => {
      let state = decider.initial;
      for (const step of steps) {
        const decision = decider.decide(step.command, state, step.now);
        const written = decision.kind === 'accepted' ? decision.events : [];
        const after = written.reduce(decider.evolve, state);
        invariant(step, state, after, written);
        state = after;
      }
    }),
    { numRuns: 300, seed: 42 },
  );
}

/** A repeated command never has a second effect: it is a no-op or it is refused. */
function repeatsAreHarmless<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  commands: fc.Arbitrary<Command>,
) {
  always(decider, commands, ({ command, now }, _, after) => {
    const again = decider.decide(command, after, now);
    expect(again.kind === 'accepted' ? again.events : []).toEqual([]);
  });
}

describe('after any history', () => {
  it('a repeated command has no second effect', () => {
    repeatsAreHarmless(seatDecider, seatCommands);
    repeatsAreHarmless(walletDecider, walletCommands);
    repeatsAreHarmless(chargeDecider, chargeCommands);
    repeatsAreHarmless(orderDecider, orderCommands);
    repeatsAreHarmless(tokenDecider, tokenCommands);
    repeatsAreHarmless(admissionDecider, admissionCommands);
    repeatsAreHarmless(sessionDecider, sessionCommands);
  });

  it('a seat passes from owner to owner only when it is free', () => {
    always<ReturnType<typeof seatDecider.evolve>, SeatCommand, SeatEvent>(
      seatDecider,
      seatCommands,
      ({ now }, before, after, written) => {
        for (const event of written) {
          if (event.type === 'SeatHoldExpired') expect(now >= event.data.expiredAt).toBe(true);
          if (event.type === 'SeatReserved') {
            expect(before).toMatchObject({ kind: 'held', holdId: event.data.holdId });
            expect(before.kind === 'held' && now < before.expiresAt).toBe(true);
          }
          if (event.type === 'SeatHeld') {
            expect(now < event.data.expiresAt).toBe(true);
            expect(before.kind === 'free' || (before.kind === 'held' && now >= before.expiresAt)).toBe(true);
          }
        }
        if (before.kind === 'reserved' && after.kind !== 'reserved') {
          expect(written[0]?.type).toBe('SeatReservationCancelled');
        }
      },
    );
  });

  it('a wallet is never negative, and holds what came less what went', () => {
    let total = 0;
    always(walletDecider, walletCommands, (_, before, after, written) => {
      if (before === walletDecider.initial) total = 0;
      for (const event of written) {
        total += event.type === 'PointsSpent' ? -event.data.amount : event.data.amount;
        expect(event.data.balance).toBe(total);
      }
      expect(after.balance).toBe(total);
      expect(after.balance).toBeGreaterThanOrEqual(0);
      for (const order of after.orders.values()) expect(order.spent).toBeGreaterThanOrEqual(0);
    });
  });

  it('a token never has more seats than its limit, ends once, and holds nothing beyond its turn', () => {
    always<ReturnType<typeof tokenDecider.evolve>, TokenCommand, Parameters<typeof tokenDecider.evolve>[1]>(
      tokenDecider,
      tokenCommands,
      ({ now }, before, after, written) => {
        if (after.kind === 'none') return;
        expect(outstandingSeats(after)).toBeLessThanOrEqual(after.seatLimit);
        if (before.kind === 'ended') expect(after).toMatchObject({ kind: 'ended', end: before.end });
        for (const event of written) {
          if (event.type !== 'SeatsRequested' || after.kind !== 'entered') continue;
          expect(now < after.expiresAt).toBe(true);
          expect(event.data.expiresAt <= after.expiresAt).toBe(true);
        }
      },
    );
  });

  it('admission goes on where it stopped, within its limits', () => {
    always(admissionDecider, admissionCommands, ({ command }, before, after, written) => {
      expect(after.admittedUpTo).toBeGreaterThanOrEqual(before.admittedUpTo);
      if (before.opening) expect(after.opening).toEqual(before.opening);
      for (const event of written) {
        if (event.type !== 'TokensAdmitted' || command.kind !== 'admit') continue;
        expect(before.opening).toBeDefined();
        expect(event.data.from).toBe(before.admittedUpTo);
        expect(command.active + command.waitingInRange).toBeLessThanOrEqual(command.maxActive);
        const second = after.recent.filter(
          ({ admittedAt }) => Date.parse(event.data.admittedAt) - Date.parse(admittedAt) < 1_000,
        );
        const inOneSecond = second.reduce((sum, { from, to }) => sum + to - from, 0);
        expect(inOneSecond).toBeLessThanOrEqual(command.admitPerSecond);
      }
    });
  });

  it('an order has one outcome, and a charge one answer', () => {
    always(orderDecider, orderCommands, (_, before, after) => {
      const order = ['none', 'placed', 'paid', 'undoing', 'closed'];
      expect(order.indexOf(after.kind)).toBeGreaterThanOrEqual(order.indexOf(before.kind));
      if (before.kind === 'undoing' || before.kind === 'closed') {
        expect(after).toMatchObject({ cause: before.cause });
      }
    });
    always(chargeDecider, chargeCommands, (_, before, after) => {
      if (before.kind === 'approved' || before.kind === 'declined') expect(after).toEqual(before);
    });
  });

  it('a session that ended stays ended, and its generation only grows', () => {
    always(sessionDecider, sessionCommands, (_, before, after) => {
      if (before.kind === 'ended') expect(after.kind).toBe('ended');
      if (before.kind === 'live' && after.kind === 'live') {
        expect(after.generation - before.generation).toBeLessThanOrEqual(1);
        expect(after.generation).toBeGreaterThanOrEqual(before.generation);
      }
    });
  });
});
