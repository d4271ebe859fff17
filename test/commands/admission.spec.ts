import { EnterService, LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { RefreshToken } from '../../src/commands/queue/issue-token.js';
import { AdmitTokens, OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import type { Instant } from '../../src/events/ids.js';
import { contradictions } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { freshContext, letIn, openTheatre, outcomeOf, performanceId, queued } from './theatre.js';

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
    const admit = (on: CommandSide) => on.execute(new AdmitTokens(performanceId, undefined, freshContext()));
    const results = await Promise.all([admit(side), admit(restarted(side)), admit(restarted(side))]);
    expect(results.map(({ admitted }) => admitted).sort()).toEqual([0, 0, 3]);
    side.clock.advance(5_000);
    expect(await admit(side)).toEqual({ admitted: 0, isAnyoneWaiting: true });
    const insiders: QueueToken[] = []; // who they are, the shuffle decided
    for (const queueToken of queueTokens) {
      const entered = await outcomeOf(side.execute(new EnterService(queueToken, freshContext())));
      if (typeof entered !== 'string') insiders.push(queueToken);
    }
    expect(insiders).toHaveLength(3);
    for (const queueToken of insiders.slice(1))
      await side.execute(new LeaveQueue(queueToken, freshContext()));
    expect(await admit(side)).toEqual({ admitted: 2, isAnyoneWaiting: true });
  });

  it('reaches those who wait behind many who left', async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { admitPerSecond: 2, opensAt: null } });
    await side.execute(new OpenQueue(performanceId, freshContext()));
    for (let n = 0; n < 5; n++)
      await side.execute(new LeaveQueue(await queued(side, `gone ${n}`), freshContext()));
    const mina = await queued(side, 'mina');
    for (let second = 0; second < 4; second++) {
      await letIn(side);
      side.clock.advance(1_000);
    }
    await side.execute(new EnterService(mina, freshContext()));
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
