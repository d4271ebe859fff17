import type { Command } from '@nestjs/cqrs';
import { ExpireToken } from '../../src/commands/queue/enter-and-leave.js';
import { AdmitTokens } from '../../src/commands/queue/open-and-admit.js';
import { ExpireHold } from '../../src/commands/seats/end-hold.js';
import { seatDecider } from '../../src/domain/seat.js';
import { tokenDecider } from '../../src/domain/token.js';
import {
  addMs,
  type HoldId,
  holdIdSchema,
  type Instant,
  instantSchema,
  type TokenId,
  tokenIdSchema,
} from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { Expiry } from '../../src/processes/expiry.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import type { DeadlineQueries, HeldSeat, LiveToken } from '../../src/queries/deadlines.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import {
  freshContext,
  hold,
  inside,
  openTheatre,
  performanceId,
  queued,
  scheduleId,
  seat,
  seats,
  startsAt,
} from '../commands/theatre.js';
import { eventually } from '../services/wait-until.js';
import { ManualTimers, RecordedLog } from './support.js';

const holdTtlMs = 60_000;
const never = 1_000_000;

/** What the read models would answer: everything live, and what has lapsed of it. */
function deadlinesOf(live: {
  holds?: readonly Pick<HeldSeat, 'tokenId' | 'holdId' | 'expiresAt'>[];
  tokens?: readonly LiveToken[];
  unsold?: { readonly tokenIds: readonly TokenId[]; readonly endedAt: Instant };
}): DeadlineQueries {
  const { tokens = [], unsold } = live;
  const holds = (live.holds ?? []).map((one) => ({ ...one, scheduleId, seatId: seat('A-1') }));
  return {
    liveHolds: async () => holds,
    liveTokens: async () => [...tokens],
    lapsedHolds: async (now) => holds.filter(({ expiresAt }) => expiresAt <= now),
    lapsedTokens: async (now) => tokens.filter(({ expiresAt }) => expiresAt <= now),
    waitingAfterSale: async (endedBy) => (unsold && unsold.endedAt <= endedBy ? [...unsold.tokenIds] : []),
  };
}

async function world() {
  const side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs } });
  const mina = await inside(side, 'mina');
  return { side, mina, timers: new ManualTimers() };
}

function expiryOf(
  side: CommandSide,
  timers: ManualTimers,
  deadlines: DeadlineQueries,
  log = new RecordedLog(),
) {
  return new Expiry(side.store, side, timers, deadlines, side.clock, log, never);
}

async function seatKind(side: CommandSide, seatId = 'A-1') {
  return (await side.repository.load(seatDecider, streams.seat(scheduleId, seat(seatId)))).state.kind;
}

describe('the expiry process', () => {
  it('sets a timer for a new hold; fired early it changes nothing, fired at the deadline it frees the seat', async () => {
    const { side, mina, timers } = await world();
    const expiry = expiryOf(side, timers, deadlinesOf({}));
    await expiry.start();
    const held = await hold(side, mina, seats('A-1'));
    await eventually(() => timers.waiting.has(`hold-${held.holdId}`));
    expect(timers.waiting.get(`hold-${held.holdId}`)?.dueAt).toBe(held.expiresAt);

    side.clock.moveTo(held.expiresAt, -1);
    await timers.fireAll();
    expect(await seatKind(side)).toBe('held');
    side.clock.moveTo(held.expiresAt);
    await timers.fireAll();
    expect(await seatKind(side)).toBe('free');
    await expiry.stop();
  });

  it('ends the turn of a fan who is inside without a hold for too long, at entering and after the last hold', async () => {
    const side = createCommandSide();
    await openTheatre(side, { sales: { holdTtlMs, idleWindowMs: 30_000 } });
    const mina = await inside(side, 'mina');
    const timers = new ManualTimers();
    const expiry = expiryOf(side, timers, deadlinesOf({}));
    await expiry.start();
    const token = async () => (await side.repository.load(tokenDecider, streams.token(mina.tokenId))).state;
    const held = await hold(side, mina, seats('A-1'));
    await eventually(() => timers.waiting.has(`hold-${held.holdId}`));
    side.clock.advance(30_000);
    await timers.fireAll();
    expect((await token()).kind).toBe('entered');
    side.clock.moveTo(held.expiresAt);
    await timers.fireAll();
    const idleUntil = addMs(held.expiresAt, 30_000);
    await eventually(() => timers.waiting.get(`token-${mina.tokenId}`)?.dueAt === idleUntil);
    side.clock.moveTo(idleUntil, -1);
    await timers.fireAll();
    expect((await token()).kind).toBe('entered');
    side.clock.moveTo(idleUntil);
    await timers.fireAll();
    expect(await token()).toMatchObject({ kind: 'ended', end: { kind: 'expired', reason: 'idle' } });
    await expiry.stop();
  });

  it('restores the timers of holds and tokens that were live before a restart', async () => {
    const { side, mina, timers } = await world();
    const held = await hold(side, mina, seats('A-1'));
    const deadline = { tokenId: mina.tokenId, holdId: held.holdId, expiresAt: held.expiresAt };
    const turn = { tokenId: mina.tokenId, status: 'entered', expiresAt: held.expiresAt } as const;
    const expiry = expiryOf(side, timers, deadlinesOf({ holds: [deadline], tokens: [turn] }));
    await expiry.start();
    expect([...timers.waiting.keys()].sort()).toEqual([`hold-${held.holdId}`, `token-${mina.tokenId}`]);
    await expiry.stop();
    expect(timers.waiting.size).toBe(0);
  });

  it('looks for entries that lapsed when their time to enter is over', async () => {
    const { side, timers } = await world();
    let sweeps = 0;
    const counting: DeadlineQueries = {
      ...deadlinesOf({}),
      async lapsedTokens() {
        sweeps++;
        return [];
      },
    };
    const expiry = expiryOf(side, timers, counting);
    await expiry.start();
    await eventually(() => sweeps === 1);
    await queued(side, 'late');
    await side.execute(new AdmitTokens(performanceId, freshContext()));
    await eventually(() => [...timers.waiting.values()].some(({ kind }) => kind === 'claims'));
    await timers.fireAll();
    await eventually(() => sweeps === 2);
    await expiry.stop();
  });

  it('logs a deadline that fails and tells the timers, which may repeat it', async () => {
    const { side, mina, timers } = await world();
    const failing = {
      ...side,
      async execute() {
        throw new Error('the store is away');
      },
    };
    const log = new RecordedLog();
    const expiry = expiryOf(failing, timers, deadlinesOf({}), log);
    const failures: unknown[] = [];
    const start = timers.start.bind(timers);
    timers.start = (onDue) =>
      start((deadline) => onDue(deadline).catch((error) => void failures.push(error)));
    await expiry.start();
    const held = await hold(side, mina, seats('A-1'));
    await eventually(() => timers.waiting.has(`hold-${held.holdId}`));
    await timers.fireAll();
    expect(failures).toHaveLength(1);
    expect(log.lines).toMatchObject([{ level: 'error', details: { item: `hold-${held.holdId}` } }]);
    await expiry.stop();
  });

  it('frees all others while one hold cannot be freed, and says so once', async () => {
    const { side, mina, timers } = await world();
    const jun = await inside(side, 'jun');
    const stuck = await hold(side, mina, seats('A-1'));
    const other = await hold(side, jun, seats('A-2'));
    side.clock.moveTo(other.expiresAt);
    const poisoned: Commands = {
      async execute<Result>(command: Command<Result>): Promise<Result> {
        if (command instanceof ExpireHold && command.holdId === stuck.holdId) throw new Error('poisoned');
        return side.execute(command);
      },
    };
    const holds = [
      { tokenId: mina.tokenId, holdId: stuck.holdId, expiresAt: stuck.expiresAt },
      { tokenId: jun.tokenId, holdId: other.holdId, expiresAt: other.expiresAt },
    ];
    let sweeps = 0;
    const deadlines = deadlinesOf({ holds });
    const counting: DeadlineQueries = {
      ...deadlines,
      waitingAfterSale(endedBy, limit) {
        sweeps++;
        return deadlines.waitingAfterSale(endedBy, limit);
      },
    };
    const log = new RecordedLog();
    const expiry = new Expiry(side.store, poisoned, timers, counting, side.clock, log, 1);
    await expiry.start();
    await eventually(async () => (await seatKind(side, 'A-2')) === 'free');
    await eventually(() => {
      side.clock.advance(60_000);
      return sweeps > 5;
    });
    await expiry.stop();
    expect(await seatKind(side, 'A-1')).toBe('held');
    expect(log.lines).toMatchObject([{ level: 'error', details: { item: `hold-${stuck.holdId}` } }]);
  });

  it('finds lapsed holds behind more than one page of holds that cannot be freed', async () => {
    const { side, timers } = await world();
    const count = 1_200;
    const holds = Array.from({ length: count }, (_, index) => ({
      scheduleId,
      seatId: seat(`A-${index}`),
      tokenId: tokenIdSchema.parse(deriveId(`token ${index}`)),
      holdId: holdIdSchema.parse(deriveId(`hold ${index}`)),
      expiresAt: side.clock.now(),
    }));
    const last = holds.at(-1)?.holdId;
    const ended: HoldId[] = [];
    const commands: Commands = {
      async execute<Result>(command: Command<Result>): Promise<Result> {
        if (command instanceof ExpireHold && command.holdId === last) ended.push(command.holdId);
        else throw new Error('poisoned');
        return undefined as Result; // expiry looks at no result
      },
    };
    const paged: DeadlineQueries = {
      ...deadlinesOf({}),
      lapsedHolds: async (_now, after, limit) => {
        const first = after ? holds.findIndex(({ holdId }) => holdId === after.holdId) + 1 : 0;
        return holds.slice(first, first + limit);
      },
    };
    const log = new RecordedLog();
    const expiry = new Expiry(side.store, commands, timers, paged, side.clock, log, never);
    await expiry.start();
    await eventually(() => ended.length > 0);
    await expiry.stop();
    expect(log.lines).toHaveLength(21);
  });

  it('ends tokens behind more than a round of tokens that cannot be ended', async () => {
    const { side, timers } = await world();
    const tokens = Array.from({ length: 1_200 }, (_, index) => ({
      tokenId: tokenIdSchema.parse(deriveId(`token ${index}`)),
      status: 'entered' as const,
      expiresAt: side.clock.now(),
    }));
    const last = tokens.at(-1)?.tokenId;
    const ended: TokenId[] = [];
    const commands: Commands = {
      async execute<Result>(command: Command<Result>): Promise<Result> {
        if (command instanceof ExpireToken && command.tokenId === last) ended.push(command.tokenId);
        else throw new Error('poisoned');
        return undefined as Result; // expiry looks at no result
      },
    };
    const limited: DeadlineQueries = {
      ...deadlinesOf({}),
      lapsedTokens: async (_now, limit) => tokens.slice(0, limit),
    };
    const expiry = new Expiry(side.store, commands, timers, limited, side.clock, new RecordedLog(), 1);
    await expiry.start();
    await eventually(() => ended.length > 0);
    await expiry.stop();
  });

  it('sets the timers of holds taken after its subscription has ended by an error', async () => {
    const { side, mina, timers } = await world();
    const subscribe = side.store.subscribe.bind(side.store);
    let breaks = 1;
    side.store.subscribe = (options, handler) =>
      subscribe(options, async (batch) => {
        if (breaks-- > 0) throw new Error('the connection was lost');
        await handler(batch);
      });
    const expiry = expiryOf(side, timers, deadlinesOf({}));
    await expiry.start();
    const first = await hold(side, mina, seats('A-1'));
    const second = await hold(side, mina, seats('A-2'));
    await eventually(() => timers.waiting.has(`hold-${second.holdId}`));
    expect(timers.waiting.has(`hold-${first.holdId}`)).toBe(true);
    await expiry.stop();
  });

  it('restores the timers although the read models could not be asked at its start', async () => {
    const { side, mina, timers } = await world();
    const held = await hold(side, mina, seats('A-1'));
    const deadline = { tokenId: mina.tokenId, holdId: held.holdId, expiresAt: held.expiresAt };
    const deadlines = deadlinesOf({ holds: [deadline] });
    let failures = 3;
    const fragile: DeadlineQueries = {
      ...deadlines,
      async liveHolds(after, limit) {
        if (failures-- > 0) throw new Error('the database is away');
        return deadlines.liveHolds(after, limit);
      },
    };
    const expiry = new Expiry(side.store, side, timers, fragile, side.clock, new RecordedLog(), 1);
    await expiry.start();
    await eventually(() => timers.waiting.has(`hold-${held.holdId}`));
    await expiry.stop();
  });

  it('frees by its sweep what no timer freed', async () => {
    const { side, mina, timers } = await world();
    const held = await hold(side, mina, seats('A-1'));
    side.clock.moveTo(held.expiresAt);
    const deadline = { tokenId: mina.tokenId, holdId: held.holdId, expiresAt: held.expiresAt };
    const expiry = expiryOf(side, timers, deadlinesOf({ holds: [deadline] }));
    await expiry.start();
    await eventually(async () => (await seatKind(side)) === 'free');
    await expiry.stop();
  });

  it('ends the waiting of those whose sale is over, a minute after its last date began', async () => {
    const { side, timers } = await world();
    const jun = await queued(side, 'jun');
    const unsold = { tokenIds: [jun.tokenId], endedAt: instantSchema.parse(startsAt) };
    const tokenEnd = async () => {
      const { state } = await side.repository.load(tokenDecider, streams.token(jun.tokenId));
      return state.kind === 'ended' ? state.end : undefined;
    };
    side.clock.moveTo(unsold.endedAt, 59_999);
    let sweeps = 0;
    const deadlines = deadlinesOf({ unsold });
    const early = expiryOf(side, timers, {
      ...deadlines,
      waitingAfterSale(endedBy, limit) {
        sweeps++;
        return deadlines.waitingAfterSale(endedBy, limit);
      },
    });
    await early.start();
    await eventually(() => sweeps > 0);
    await early.stop();
    expect(await tokenEnd()).toBeUndefined();
    side.clock.advance(1);
    const expiry = expiryOf(side, timers, deadlinesOf({ unsold }));
    await expiry.start();
    await eventually(async () => (await tokenEnd()) !== undefined);
    await expiry.stop();
    expect(await tokenEnd()).toEqual({ kind: 'expired', reason: 'sale-ended' });
  });
});
