import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import { contradictions } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { Gate, HookedStore } from './crashing-store.js';
import { freshContext, letIn, openTheatre, outcomeOf, performanceId, queued, userNamed } from './theatre.js';

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

const join = (on: CommandSide, name: string, tickets = 1, context = freshContext()) =>
  on.execute(new IssueToken(userNamed(name), performanceId, tickets, context));
describe('a queue with a capacity of 50', () => {
  beforeEach(async () => {
    side = createCommandSide();
    await openTheatre(side, { sales: { queueCapacity: 50 } });
  });
  const crowd = (size: number, name: string, on = side) =>
    Promise.all(Array.from({ length: size }, (_, n) => outcomeOf(join(on, `${name} ${n}`))));
  const admittedOf = (outcomes: unknown[]) => outcomes.filter((o) => typeof o !== 'string').length;

  it('lets exactly 50 of 200 in who come at once', async () => {
    const outcomes = await crowd(200, 'fan');
    expect(admittedOf(outcomes)).toBe(50);
    expect(new Set(outcomes.filter((o) => typeof o === 'string'))).toEqual(new Set(['queue-full']));
  });

  it('never lets a 51st in who is overtaken by all the others', async () => {
    // Both come while the queue is empty: the slow fan then has number 50, and the crowd the ones behind.
    const [claim, number, rush] = [new Gate(), new Gate(), new Gate()];
    const slowStore = new HookedStore(side.store, {
      before: (index) => (index === 0 ? claim.pass() : undefined),
      after: (index) => (index === 1 ? number.pass() : undefined),
    });
    const slow = outcomeOf(join(restarted(side, { store: slowStore }), 'slow'));
    const rushed = restarted(side, { store: new HookedStore(side.store, { before: () => rush.pass() }) });
    const late = crowd(100, 'late', rushed);
    await Promise.all([claim.paused, rush.paused]);
    expect(admittedOf(await crowd(50, 'early'))).toBe(50);
    claim.open();
    await number.paused;
    rush.open();
    expect(admittedOf(await late)).toBe(0);
    number.open();
    expect(await slow).toBe('queue-full');
  });

  it('takes as many again as have left, behind the refused ones', async () => {
    await crowd(200, 'fan');
    for (let n = 0; n < 7; n++)
      await side.execute(new LeaveQueue(await queued(side, `fan ${n}`), freshContext()));
    expect(admittedOf(await crowd(100, 'late'))).toBe(7);
  });

  it('takes as many again as were let in', async () => {
    await crowd(50, 'fan');
    await letIn(side);
    expect(admittedOf(await crowd(200, 'late'))).toBe(50);
  });
});
