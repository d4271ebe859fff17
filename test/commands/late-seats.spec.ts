import { type CommandContext, processContext } from '../../src/commands/command-context.js';
import { Pay } from '../../src/commands/orders/pay.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { ExpireHold } from '../../src/commands/seats/end-hold.js';
import { tokenDecider } from '../../src/domain/token.js';
import { type HoldId, holdIdSchema, toInstant } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { contradictions, heldSeats } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import {
  crashingStore,
  died,
  Gate,
  HookedStore,
  pausingAppends,
  pausingReads,
  pausingStore,
} from './crashing-store.js';
import { ManualClock } from './manual-clock.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  release,
  scheduleId,
  seat,
  seats,
} from './theatre.js';

/**
 * A request that takes a seat after the seat was given back to the fan's limit. Each of these once sold a seat that
 * did not count against any limit: `contradictions` would report it.
 */
const holdTtlMs = 60_000;
let side: CommandSide;
let mina: QueueToken;
let jun: QueueToken;
let context: CommandContext;

beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs } });
  [mina, jun] = [await inside(side, 'mina', 1_000), await inside(side, 'jun')];
  context = contextOf('late');
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

const holdIdOf = ({ commandId }: CommandContext): HoldId => holdIdSchema.parse(deriveId(commandId, 'hold'));
const pay = (process: CommandSide, holdId: HoldId) =>
  outcomeOf(process.execute(new Pay(mina, { holdIds: [holdId] }, freshContext())));

/** The types of a seat's events. */
async function eventsOf(name: string): Promise<string[]> {
  const events = await side.store.readStream(streams.seat(scheduleId, seat(name)));
  return events.map(({ type }) => type);
}

/** What was written of mina's requests and returns. */
async function requestsOf({ tokenId }: QueueToken): Promise<string[]> {
  const events = await side.store.readStream(streams.token(tokenId));
  return events.map(({ type }) => type).filter((type) => type.startsWith('Seats'));
}

describe('a hold that expires by a clock that is ahead', () => {
  it('takes no seat any more when its own clock is behind, and is not paid for', async () => {
    const behind = pausingStore(side.store, 0, 'after');
    const taking = outcomeOf(hold(restarted(side, behind), mina, seats('A-1', 'A-2'), context));
    await behind.paused;
    // Claimed, but no seat taken yet. The other process has counted the seats as free, and is about to say so.
    const clock = new ManualClock(side.clock.now());
    clock.advance(holdTtlMs);
    const ahead = pausingAppends(side.store, 'token-');
    const expiry = new ExpireHold(mina.tokenId, holdIdOf(context), processContext('expiry'));
    const expiring = restarted(side, { ...ahead, clock }).execute(expiry);
    await ahead.paused;
    behind.goOn();
    const taken = await taking;
    const paid = await pay(restarted(side), holdIdOf(context));
    ahead.goOn();
    await expiring;
    expect([taken, paid]).toEqual(['hold-ended', 'hold-ended']);
    expect(await eventsOf('A-1')).toEqual(['SeatHoldBarred']);
  });

  it('counts a seat as long as its stream says that the hold is live', async () => {
    const { holdId } = await hold(side, mina, seats('A-1'), context);
    const clock = new ManualClock(side.clock.now());
    clock.advance(holdTtlMs);
    // The clock is put right when the hold was found to have lapsed.
    const ahead = pausingReads(side.store, 'seat-');
    const expiry = new ExpireHold(mina.tokenId, holdId, processContext('expiry'));
    const expiring = restarted(side, { ...ahead, clock }).execute(expiry);
    await ahead.paused;
    clock.advance(-holdTtlMs);
    ahead.goOn();
    await expiring;
    expect(await requestsOf(mina)).toEqual(['SeatsRequested']);
    expect(await pay(side, holdId)).toMatchObject({ order: { kind: 'paid' } });
  });

  it('bars nothing when it had its seats', async () => {
    const { holdId, expiresAt } = await hold(side, mina, seats('A-1', 'A-2'));
    side.clock.moveTo(expiresAt);
    await side.execute(new ExpireHold(mina.tokenId, holdId, processContext('expiry')));
    expect(await eventsOf('A-1')).toEqual(['SeatHeld', 'SeatHoldExpired']);
    expect(await eventsOf('A-2')).toEqual(['SeatHeld', 'SeatHoldExpired']);
  });

  it('bars nothing when somebody else took the lapsed seat first', async () => {
    const { holdId, expiresAt } = await hold(side, mina, seats('A-1'));
    side.clock.moveTo(expiresAt);
    await hold(side, jun, seats('A-1'));
    await side.execute(new ExpireHold(mina.tokenId, holdId, processContext('expiry')));
    expect(await eventsOf('A-1')).toEqual(['SeatHeld', 'SeatHoldExpired', 'SeatHeld']);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsReturned']);
  });
});

/** A process that stops at several points: a gate each. */
function stoppingAt(hooks: (index: number, stream: string, when: 'before' | 'after') => Gate | undefined) {
  return new HookedStore(side.store, {
    before: (index, stream) => hooks(index, stream, 'before')?.pass(),
    after: (index, stream) => hooks(index, stream, 'after')?.pass(),
  });
}

describe('a hold that its fan releases at a process whose clock is ahead', () => {
  it('is never in progress there, and takes no seat any more elsewhere', async () => {
    const behind = pausingStore(side.store, 1, 'after');
    const taking = outcomeOf(hold(restarted(side, behind), mina, seats('A-1', 'A-2'), context));
    await behind.paused;
    const holdId = holdIdOf(context);
    expect(await outcomeOf(release(side, mina, { holdId }))).toBe('hold-in-progress');
    const clock = new ManualClock(side.clock.now());
    clock.advance(holdTtlMs);
    await release(restarted(side, { clock }), mina, { holdId });
    behind.goOn();
    expect(await taking).toBe('hold-ended');
    expect(await eventsOf('A-1')).toEqual(['SeatHeld', 'SeatHoldReleased']);
    expect(await eventsOf('A-2')).toEqual(['SeatHoldBarred']);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsReturned']);
  });
});

describe('a hold that is given back because the turn is over', () => {
  it('takes no seat any more, and is not paid for by who looked at the turn before', async () => {
    const paidFor = await hold(side, mina, seats('B-1'));
    const gates = { claimed: new Gate(), taken: new Gate() };
    const store = stoppingAt((index, _, when) =>
      when === 'after' ? [gates.claimed, gates.taken][index] : undefined,
    );
    const taking = outcomeOf(hold(restarted(side, { store }), mina, seats('A-1'), context));
    await gates.claimed.paused;
    // This payment has seen the turn with its claim, and comes to the seat when the claim was given back.
    const slow = pausingReads(side.store, 'seat-');
    const paying = pay(restarted(side, slow), holdIdOf(context));
    await slow.paused;
    expect(await pay(side, paidFor.holdId)).toMatchObject({ order: { kind: 'paid' } });
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsRequested', 'SeatsReturned']);
    gates.claimed.open();
    await Promise.race([taking, gates.taken.paused]);
    slow.goOn();
    const paid = await paying;
    gates.taken.open();
    expect([await taking, paid]).toEqual(['hold-ended', 'hold-in-progress']);
    expect(await eventsOf('A-1')).toEqual(['SeatHoldBarred']);
  });
});

describe('a request that runs twice and loses a seat', () => {
  let gates: Record<'claimed' | 'returning' | 'taking' | 'taken', Gate>;
  beforeEach(() => {
    gates = { claimed: new Gate(), returning: new Gate(), taking: new Gate(), taken: new Gate() };
  });

  /** Stops when it has claimed, and again before it says that seats were given back. */
  const firstRun = () => {
    const store = stoppingAt((index, stream, when) => {
      if (index === 0) return when === 'after' ? gates.claimed : undefined;
      return when === 'before' && stream.startsWith('token-') ? gates.returning : undefined;
    });
    return outcomeOf(hold(restarted(side, { store }), mina, seats('A-1'), context));
  };
  /** Stops before it takes the seat, and again when it has. */
  const secondRun = () => {
    const store = stoppingAt((_, stream, when) => {
      if (!stream.startsWith('seat-')) return undefined;
      return when === 'before' ? gates.taking : gates.taken;
    });
    return outcomeOf(hold(restarted(side, { store }), mina, seats('A-1'), context));
  };

  it('bars the run that comes when the seat is free again', async () => {
    const first = firstRun();
    await gates.claimed.paused;
    const second = secondRun();
    await gates.taking.paused;
    const rival = await hold(side, jun, seats('A-1'));
    gates.claimed.open();
    await gates.returning.paused;
    await release(side, jun, rival);
    gates.taking.open();
    await Promise.race([second, gates.taken.paused]);
    const paid = await pay(restarted(side), holdIdOf(context));
    gates.taken.open();
    gates.returning.open();
    expect([await first, await second, paid]).toEqual(['seat-held', 'hold-ended', 'hold-ended']);
    expect(await eventsOf('A-1')).toEqual(['SeatHeld', 'SeatHoldBarred', 'SeatHoldReleased']);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsRequestRepeated', 'SeatsReturned']);
  });

  it('bars the run that began while the seats were given back', async () => {
    const first = firstRun();
    await gates.claimed.paused;
    const rival = await hold(side, jun, seats('A-1'));
    gates.claimed.open();
    await gates.returning.paused;
    await release(side, jun, rival);
    const second = secondRun();
    await gates.taking.paused;
    const slow = pausingReads(side.store, 'seat-');
    const paying = pay(restarted(side, slow), holdIdOf(context));
    await slow.paused;
    gates.returning.open();
    expect(await first).toBe('seat-held');
    gates.taking.open();
    await Promise.race([second, gates.taken.paused]);
    slow.goOn();
    const paid = await paying;
    gates.taken.open();
    expect([await second, paid]).toEqual(['hold-ended', 'hold-in-progress']);
    expect(await eventsOf('A-1')).toEqual(['SeatHeld', 'SeatHoldReleased', 'SeatHoldBarred']);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsRequestRepeated', 'SeatsReturned']);
  });

  it('refuses the run that begins when the seats are given back', async () => {
    const first = firstRun();
    await gates.claimed.paused;
    await hold(side, jun, seats('A-1'));
    gates.claimed.open();
    gates.returning.open();
    expect(await first).toBe('seat-held');
    expect(await secondRun()).toBe('hold-ended');
    expect(await eventsOf('A-1')).toEqual(['SeatHeld']);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsReturned']);
  });
});

describe('a request that is repeated', () => {
  it('says so once when seats are still to be taken', async () => {
    const { store } = crashingStore(side.store, 1, 'after');
    expect(await died(hold(restarted(side, { store }), mina, seats('A-1', 'A-2'), context))).toBe(true);
    const again = crashingStore(side.store, 1, 'before');
    expect(await died(hold(restarted(side, again), mina, seats('A-1', 'A-2'), context))).toBe(true);
    await hold(restarted(side), mina, seats('A-1', 'A-2'), context);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsRequestRepeated']);
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2']);
  });

  it('writes nothing when all its seats are taken', async () => {
    await hold(side, mina, seats('A-1', 'A-2'), context);
    await hold(restarted(side), mina, seats('A-1', 'A-2'), context);
    expect(await requestsOf(mina)).toEqual(['SeatsRequested']);
    expect(await eventsOf('A-1')).toEqual(['SeatHeld']);
  });
});

describe('a seat on which more holds ended than it keeps by id', () => {
  /** Fans of other turns hold the seat and give it back, 65 times. */
  const manyHolds = async () => {
    const rivals = [jun, await inside(side, 'sora')];
    for (let n = 0; n < 65; n++) {
      const rival = rivals[n % 2] ?? jun;
      await release(side, rival, await hold(side, rival, seats('A-1')));
    }
  };

  it('is held by a fan whose turn ends before the deadlines of all those holds', async () => {
    const sooner = await inside(side, 'a fan whose turn began earlier');
    const { state } = await side.repository.load(tokenDecider, streams.token(sooner.tokenId));
    const turnEndsAt = state.kind === 'entered' ? Date.parse(state.expiresAt) : Number.NaN;
    side.clock.moveTo(toInstant(turnEndsAt - holdTtlMs / 2));
    jun = await inside(side, 'a fan whose turn began later');
    await manyHolds();
    const held = await hold(side, sooner, seats('A-1'));
    expect(Date.parse(held.expiresAt)).toBe(turnEndsAt);
    // Its own end is known again, whatever ended before.
    await release(side, sooner, held);
    expect(await eventsOf('A-1')).toHaveLength(2 * 66);
  });

  it.each(['at once', 'after all the others'] as const)(
    'refuses a late run of a hold that was barred: %s',
    async (when) => {
      const behind = pausingStore(side.store, 0, 'after');
      const taking = outcomeOf(hold(restarted(side, behind), mina, seats('A-1'), context));
      await behind.paused;
      const expire = async () => {
        const clock = new ManualClock(side.clock.now());
        clock.advance(holdTtlMs);
        const expiry = new ExpireHold(mina.tokenId, holdIdOf(context), processContext('expiry'));
        await restarted(side, { clock }).execute(expiry);
      };
      side.clock.advance(1_000);
      if (when === 'at once') await expire();
      await manyHolds();
      if (when === 'after all the others') await expire();
      behind.goOn();
      expect(await taking).toBe('hold-ended');
      const events = await side.store.readStream(streams.seat(scheduleId, seat('A-1')));
      const own = events.filter(({ data }) => (data as { holdId?: string }).holdId === holdIdOf(context));
      expect(own.map(({ type }) => type)).toEqual(['SeatHoldBarred']);
      expect(await requestsOf(mina)).toEqual(['SeatsRequested', 'SeatsReturned']);
    },
  );
});
