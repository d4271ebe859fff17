import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { EnterService, LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { RefreshToken } from '../../src/commands/queue/issue-token.js';
import { AdmitTokens, OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { type Instant, instantSchema, toInstant } from '../../src/events/ids.js';
import { contradictions } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import {
  freshContext,
  hold,
  inside,
  letIn,
  openTheatre,
  outcomeOf,
  performanceId,
  queued,
  release,
  seats,
  startsAt,
} from './theatre.js';

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

describe('admission', () => {
  it('opens at its time and not a millisecond before, and admits no fan before', async () => {
    const opensAt = '2026-11-22T12:00:00.000Z' as Instant; // a literal of exactly that form
    side = createCommandSide();
    await openTheatre(side, { sales: { opensAt } });
    const mina = await queued(side, 'mina');
    side.clock.moveTo(opensAt, -1);
    await letIn(side);
    expect(await outcomeOf(side.execute(new EnterService(mina, freshContext())))).toBe('token-waiting');
    side.clock.advance(1);
    await letIn(side);
    await side.execute(new EnterService(mina, freshContext()));
  });

  it('keeps at most maxActive inside, however many processes admit at once', async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { maxActive: 3 } });
    const queueTokens: QueueToken[] = [];
    for (let n = 0; n < 10; n++) queueTokens.push(await queued(side, `fan ${n}`));
    await side.execute(new OpenQueue(performanceId, freshContext()));
    const admit = (on: CommandSide) => on.execute(new AdmitTokens(performanceId, freshContext()));
    const results = await Promise.all([admit(side), admit(restarted(side)), admit(restarted(side))]);
    expect(results.map(({ admitted }) => admitted).sort()).toEqual([0, 0, 3]);
    side.clock.advance(5_000);
    expect(await admit(side)).toEqual({ admitted: 0, isAnyoneWaiting: true, nextAt: undefined });
    const insiders: QueueToken[] = []; // who they are, the shuffle decided
    for (const queueToken of queueTokens) {
      const entered = await outcomeOf(side.execute(new EnterService(queueToken, freshContext())));
      if (typeof entered !== 'string') insiders.push(queueToken);
    }
    expect(insiders).toHaveLength(3);
    for (const queueToken of insiders.slice(1))
      await side.execute(new LeaveQueue(queueToken, freshContext()));
    expect(await admit(side)).toMatchObject({ admitted: 2, isAnyoneWaiting: true });
  });

  it('reaches those who wait behind many who left at once: places take nothing from the pace', async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { admitPerSecond: 2, opensAt: null } });
    await side.execute(new OpenQueue(performanceId, freshContext()));
    const gone = async (name: string) =>
      side.execute(new LeaveQueue(await queued(side, name), freshContext()));
    for (let n = 0; n < 5; n++) await gone(`gone ${n}`);
    const mina = await queued(side, 'mina');
    await gone('gone too');
    const [jun, last] = [await queued(side, 'jun'), await queued(side, 'last')];
    await letIn(side);
    await side.execute(new EnterService(mina, freshContext()));
    await side.execute(new EnterService(jun, freshContext()));
    expect(await outcomeOf(side.execute(new EnterService(last, freshContext())))).toBe('token-waiting');
  });

  it('says when nobody waits, and when the pace lets the next fan in', async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { admitPerSecond: 2 } });
    const admit = () => side.execute(new AdmitTokens(performanceId, freshContext()));
    expect(await admit()).toEqual({ admitted: 0, isAnyoneWaiting: true, nextAt: undefined });
    await side.execute(new OpenQueue(performanceId, freshContext()));
    expect(await admit()).toEqual({ admitted: 0, isAnyoneWaiting: false, nextAt: undefined });
    for (const name of ['a', 'b', 'c']) await queued(side, name);
    const nextAt = toInstant(side.clock.nowMs() + 500);
    expect(await admit()).toEqual({ admitted: 2, isAnyoneWaiting: true, nextAt });
    expect(await admit()).toEqual({ admitted: 0, isAnyoneWaiting: true, nextAt });
    side.clock.moveTo(nextAt);
    expect(await admit()).toMatchObject({ admitted: 1 });
  });

  it('admits nobody while no seat is free, and the next fan when one is', async () => {
    side = createCommandSide();
    await openTheatre(side, { rows: ['A'], seatsPerRow: 2 });
    const mina = await inside(side, 'mina', 200);
    const held = await hold(side, mina, seats('A-1', 'A-2'));
    const jun = await queued(side, 'jun');
    const admit = async () => (await side.execute(new AdmitTokens(performanceId, freshContext()))).admitted;
    side.clock.advance(1_000);
    expect(await admit()).toBe(0);
    await release(side, mina, held);
    expect(await admit()).toBe(1);
    await side.execute(new EnterService(jun, freshContext()));
  });

  it('closes the queue when every seat is sold, and opens it again when one is given back', async () => {
    side = createCommandSide();
    await openTheatre(side, { rows: ['A'], seatsPerRow: 1 });
    const mina = await inside(side, 'mina', 100);
    const { holdId } = await hold(side, mina, seats('A-1'));
    const jun = await queued(side, 'jun');
    const { order } = await side.execute(new Pay(mina, { holdIds: [holdId] }, freshContext()));
    side.clock.advance(1_000);
    const admit = async () => (await side.execute(new AdmitTokens(performanceId, freshContext()))).admitted;
    expect(await admit()).toBe(0);
    expect(await outcomeOf(queued(side, 'late'))).toBe('sold-out');
    // Who waits keeps the place: asking for it again is no new entry.
    expect((await queued(side, 'jun')).number).toBe(jun.number);
    await side.execute(new CancelOrder(mina.userId, order.orderId, undefined, freshContext()));
    const late = await queued(side, 'late');
    expect(await admit()).toBe(2);
    await side.execute(new EnterService(jun, freshContext()));
    await side.execute(new EnterService(late, freshContext()));
  });

  it('admits nobody once the last date has begun', async () => {
    side = createCommandSide();
    await openTheatre(side);
    await side.execute(new OpenQueue(performanceId, freshContext()));
    await queued(side, 'mina');
    side.clock.moveTo(instantSchema.parse(startsAt));
    expect(await side.execute(new AdmitTokens(performanceId, freshContext()))).toMatchObject({ admitted: 0 });
  });

  describe('with read models three seconds behind', () => {
    const round = async () => {
      side.clock.advance(200);
      return (await side.execute(new AdmitTokens(performanceId, freshContext()))).admitted;
    };
    const rounds = async (count: number) => {
      let admitted = 0;
      for (let n = 0; n < count; n++) admitted += await round();
      return admitted;
    };
    beforeEach(async () => {
      side = createCommandSide();
      await openTheatre(side, { sales: { maxActive: 10, admitPerSecond: 100 } });
      await side.execute(new OpenQueue(performanceId, freshContext()));
      side.clock.advance(10_000);
      side.models.isCaughtUp = false;
      side.models.behindMs = 3_000;
    });

    it('admits a fan who has just joined', async () => {
      const mina = await queued(side, 'mina');
      expect(await round()).toBe(1);
      await side.execute(new EnterService(mina, freshContext()));
    });

    it('keeps at most maxActive inside, and gives the places of those who left to others', async () => {
      const fans: QueueToken[] = [];
      for (let n = 0; n < 30; n++) fans.push(await queued(side, `fan ${n}`));
      expect(await rounds(40)).toBe(10);
      for (const queueToken of fans.slice(0, 4)) {
        await side.execute(new LeaveQueue(queueToken, freshContext()));
      }
      for (const queueToken of fans.slice(10, 13)) {
        await side.execute(new LeaveQueue(queueToken, freshContext()));
      }
      // Nobody can know yet that they have left.
      expect(await rounds(14)).toBe(0);
      expect(await rounds(40)).toBe(4);
      for (const queueToken of fans.slice(13, 17)) {
        await side.execute(new EnterService(queueToken, freshContext()));
      }
    });

    it('takes fans who left a moment ago for fans inside', async () => {
      const fans: QueueToken[] = [];
      for (let n = 0; n < 12; n++) fans.push(await queued(side, `fan ${n}`));
      for (const queueToken of fans.slice(0, 4)) {
        await side.execute(new LeaveQueue(queueToken, freshContext()));
      }
      expect(await rounds(10)).toBe(10);
      expect(await rounds(20)).toBe(2);
    });
  });

  it('lets a fan enter until the claim window ends, exactly', async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { claimWindowMs: 10_000 } });
    const [mina, jun] = [await queued(side, 'mina'), await queued(side, 'jun')];
    await letIn(side);
    side.clock.advance(9_999);
    await side.execute(new EnterService(mina, freshContext()));
    side.clock.advance(1);
    expect(await outcomeOf(side.execute(new EnterService(jun, freshContext())))).toBe('token-ended');
  });

  it('signs a queue token anew while the turn lasts', async () => {
    const mina = await queued(side, 'mina');
    const signed = await side.execute(new RefreshToken(mina));
    expect(side.signer.queue.verify(signed.value)).toMatchObject({ tid: mina.tokenId, num: mina.number });
    await side.execute(new LeaveQueue(mina, freshContext()));
    expect(await outcomeOf(side.execute(new RefreshToken(mina)))).toBe('token-ended');
  });
});
