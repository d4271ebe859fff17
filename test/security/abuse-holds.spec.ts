/**
 * Holding seats without paying, to keep others out: OWASP API6:2023 (unrestricted access to sensitive business flows) and
 * ASVS 5.0 2.4 (anti-automation).
 */
import { EnterService, ExpireToken } from '../../src/commands/queue/enter-and-leave.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import { AdmitTokens, OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { ExpireHold } from '../../src/commands/seats/end-hold.js';
import { tokenDecider } from '../../src/domain/token.js';
import type { SalesRules } from '../../src/events/catalog-events.js';
import { streams } from '../../src/events/streams.js';
import { contradictions } from '../commands/audit.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import {
  freshContext,
  hold,
  holdBest,
  inside,
  openTheatre,
  outcomeOf,
  performanceId,
  release,
  seats,
  userNamed,
} from '../commands/theatre.js';

const rules = {
  maxActive: 2,
  admitPerSecond: 10,
  claimWindowMs: 5_000,
  serviceWindowMs: 60_000,
  holdTtlMs: 10_000,
  maxLapsedHolds: 2,
  maxReleasedHolds: 3,
  seatCoolDownMs: 30_000,
  idleWindowMs: 5_000,
} satisfies Partial<SalesRules>;

async function theatre(sales: Partial<SalesRules> = rules): Promise<CommandSide> {
  const side = createCommandSide();
  await openTheatre(side, { sales });
  return side;
}

async function join(side: CommandSide, name: string, numberOfTickets = 1): Promise<QueueToken> {
  const userId = userNamed(name);
  const command = new IssueToken(userId, performanceId, numberOfTickets, freshContext());
  const { tokenId, number } = await side.execute(command);
  return { userId, performanceId, tokenId, number };
}

const enter = (side: CommandSide, token: QueueToken) =>
  outcomeOf(side.execute(new EnterService(token, freshContext())));
const timer = (side: CommandSide, { tokenId }: QueueToken) =>
  side.execute(new ExpireToken(tokenId, { reason: 'time-used-up' }, freshContext()));

async function endOf(side: CommandSide, { tokenId }: QueueToken): Promise<unknown> {
  const { state } = await side.repository.load(tokenDecider, streams.token(tokenId));
  return state.kind === 'ended' ? state.end : state.kind;
}

describe('holding without paying (API6:2023)', () => {
  it('ends the turn after as many lapses as the rules allow; the fan has to queue again', async () => {
    const side = await theatre();
    const griefer = await inside(side, 'griefer');
    for (const name of ['A-1', 'A-2']) {
      const { holdId, expiresAt } = await hold(side, griefer, seats(name));
      side.clock.moveTo(expiresAt);
      await side.execute(new ExpireHold(griefer.tokenId, holdId, freshContext()));
    }
    expect(await endOf(side, griefer)).toEqual({ kind: 'expired', reason: 'unpaid-holds' });
    expect(await outcomeOf(hold(side, griefer, seats('A-3')))).toBe('token-ended');
    const again = await join(side, 'griefer');
    expect(again.number).toBeGreaterThan(griefer.number);
    expect(await contradictions(side.store)).toEqual([]);
  });

  it('is not made endless by asking for the next seat at the moment of the lapse, before the timer comes', async () => {
    const side = await theatre();
    const griefer = await inside(side, 'griefer');
    side.clock.moveTo((await hold(side, griefer, seats('A-1'))).expiresAt);
    side.clock.moveTo((await hold(side, griefer, seats('A-2'))).expiresAt);
    expect(await outcomeOf(hold(side, griefer, seats('A-3')))).toBe('token-ended');
    expect(await endOf(side, griefer)).toEqual({ kind: 'expired', reason: 'unpaid-holds' });
  });

  it('is not made endless by giving seats back and taking others', async () => {
    const side = await theatre();
    const griefer = await inside(side, 'griefer');
    for (const name of ['A-1', 'A-2', 'A-3'])
      await release(side, griefer, await hold(side, griefer, seats(name)));
    expect(await outcomeOf(hold(side, griefer, seats('A-4')))).toBe('token-ended');
  });

  it('does not keep the same seats: they cool down for the fan, in the next turn too, and are offered to others', async () => {
    const side = await theatre();
    const griefer = await inside(side, 'griefer');
    await release(side, griefer, await hold(side, griefer, seats('A-5')));
    expect(await outcomeOf(hold(side, griefer, seats('A-5')))).toBe('seat-cooling-down');
    const best = await holdBest(side, griefer, 1);
    expect(best.seats.map(({ seatId }) => seatId)).not.toContain('A-5');
    await release(side, griefer, best);

    side.clock.advance(rules.idleWindowMs);
    await timer(side, griefer);
    const again = await inside(side, 'griefer');
    expect(again.tokenId).not.toBe(griefer.tokenId);
    expect(await outcomeOf(hold(side, again, seats('A-5')))).toBe('seat-cooling-down');
    const honest = await inside(side, 'honest');
    expect((await hold(side, honest, seats('A-5'))).seats).toHaveLength(1);
    expect(await contradictions(side.store)).toEqual([]);
  });

  it('is not replaced by being inside and doing nothing', async () => {
    const side = await theatre();
    const idle = await inside(side, 'idle');
    side.clock.advance(rules.idleWindowMs);
    expect(await outcomeOf(hold(side, idle, seats('A-1')))).toBe('token-ended');
    await timer(side, idle);
    expect(await endOf(side, idle)).toEqual({ kind: 'expired', reason: 'idle' });
  });

  it('is limited to the number of tickets that was asked for at joining, where the rules bind it', async () => {
    const side = await theatre({ ...rules, seatLimitPerUser: 4, ticketsAskedBind: true });
    expect(await outcomeOf(join(side, 'greedy', 5))).toBe('seat-limit-reached');
    const one = await join(side, 'griefer', 1);
    await side.execute(new OpenQueue(performanceId, freshContext()));
    await side.execute(new AdmitTokens(performanceId, freshContext()));
    expect(await outcomeOf(hold(side, one, seats('A-1', 'A-2')))).toBe('seat-limit-reached');
    expect((await hold(side, one, seats('A-1'))).seats).toHaveLength(1);
  });

  it('keeps today’s meaning in a sale that was published without such rules', async () => {
    const none = {
      ...rules,
      maxLapsedHolds: undefined,
      maxReleasedHolds: undefined,
      seatCoolDownMs: undefined,
      idleWindowMs: undefined,
    };
    const side = await theatre(none);
    const fan = await inside(side, 'fan');
    for (let n = 0; n < 5; n++) await release(side, fan, await hold(side, fan, seats('A-1')));
    side.clock.advance(30_000);
    expect((await hold(side, fan, seats('A-1'))).seats).toHaveLength(1);
  });
});

/**
 * How long an honest fan waits at most behind others of whom none ever pays: docs/security.md. Each of them is inside for
 * one time to enter and, for each hold, the time of the hold and the time without one.
 */
function longestWaitMs(ahead: number): number {
  const turnMs = rules.claimWindowMs + rules.maxLapsedHolds * (rules.holdTtlMs + rules.idleWindowMs);
  return Math.ceil(ahead / rules.maxActive) * turnMs + (ahead / rules.admitPerSecond) * 1_000;
}

/** Ten griefers and an honest fan behind them, second by second. @returns how long the honest fan waited, ms. */
async function behindTenGriefers(sales: Partial<SalesRules>): Promise<number> {
  const side = await theatre(sales);
  // Open before anyone joins, so that no place is drawn.
  await side.execute(new OpenQueue(performanceId, freshContext()));
  const griefers = Array.from({ length: 10 }, (_, n) => ({
    name: `griefer ${n}`,
    token: undefined as QueueToken | undefined,
    holdId: undefined as Awaited<ReturnType<typeof hold>>['holdId'] | undefined,
  }));
  for (const griefer of griefers) griefer.token = await join(side, griefer.name);
  const honest = await join(side, 'honest');
  const joinedAtMs = side.clock.nowMs();
  for (let second = 0; second < 600; second++) {
    await side.execute(new AdmitTokens(performanceId, freshContext()));
    for (const griefer of griefers) {
      const token = griefer.token ?? (await join(side, griefer.name));
      griefer.token = token;
      if (griefer.holdId) await side.execute(new ExpireHold(token.tokenId, griefer.holdId, freshContext()));
      await timer(side, token);
      const held = await outcomeOf(holdBest(side, token, 1));
      if (typeof held !== 'string') griefer.holdId = held.holdId;
      else if (held === 'token-ended') griefer.token = undefined;
    }
    if (typeof (await enter(side, honest)) !== 'string') {
      expect(await contradictions(side.store)).toEqual([]);
      return side.clock.nowMs() - joinedAtMs;
    }
    side.clock.advance(1_000);
  }
  throw new Error('the honest fan never got in');
}

describe('an honest fan behind ten griefers (API6:2023)', () => {
  it('gets in within the stated time', async () => {
    expect(await behindTenGriefers({ ...rules, seatLimitPerUser: 1 })).toBeLessThanOrEqual(longestWaitMs(10));
  });

  it('would wait longer without the rules', async () => {
    const { maxLapsedHolds: _, idleWindowMs: __, ...without } = rules;
    const unlimited = { ...without, maxLapsedHolds: 50, maxReleasedHolds: 50, seatLimitPerUser: 1 };
    expect(await behindTenGriefers(unlimited)).toBeGreaterThan(longestWaitMs(10));
  });
});
