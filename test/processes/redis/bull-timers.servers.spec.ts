import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from '../../services/redis.js';
import { eventually } from '../../services/wait-until.js';
import { holdDeadline, Installation, timesActedOn } from './several-processes.js';

let redis: TestRedis;
let office: Installation;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => {
  office = new Installation(redis.url);
});
afterEach(() => office.end());

describe('timers that processes share', () => {
  it('act on each deadline once, whichever process scheduled it, and never early', async () => {
    const early: unknown[] = [];
    const act = async ({ dueAt }: { dueAt: string }) => {
      if (Date.now() < Date.parse(dueAt)) early.push(dueAt);
    };
    const [a, b] = [await office.join(act), await office.join(act)];
    // Not due before both have scheduled them: one that was acted on may be scheduled anew.
    const deadlines = Array.from({ length: 40 }, (_, n) => holdDeadline(n, 10_000 + n));
    await Promise.all([a.timers.schedule(deadlines), b.timers.schedule(deadlines)]);
    await eventually(() => timesActedOn(office.due).size === 40);
    // All that was waiting has been acted on, so nothing is left that could come a second time.
    await eventually(async () => (await jobsLeft(office.prefix)) === 0);
    expect(office.due).toHaveLength(40);
    expect(early).toEqual([]);
  });

  it('carry what the deadline is of', async () => {
    const { timers, due } = await office.join();
    const { tokenId } = holdDeadline('any', 0);
    const deadlines = [
      holdDeadline('one', 0),
      { kind: 'token', tokenId, status: 'admitted', dueAt: holdDeadline('any', 0).dueAt },
    ] as const;
    await timers.schedule(deadlines);
    await eventually(() => due.length === 2);
    expect(due).toEqual(expect.arrayContaining([...deadlines]));
  });

  it('act on a deadline again when it is scheduled again after it was acted on', async () => {
    const { timers, due } = await office.join();
    const deadline = holdDeadline('again', 0);
    await timers.schedule([deadline]);
    await eventually(() => due.length === 1);
    await eventually(async () => (await jobsLeft(office.prefix)) === 0);
    await timers.schedule([deadline]);
    await eventually(() => due.length === 2);
  });

  it('repeat what failed a few times, then leave it to the sweeper, and take it again when asked', async () => {
    let calls = 0;
    let isHealthy = false;
    const { timers, due } = await office.join(async () => {
      calls++;
      if (!isHealthy) throw new Error('not now');
    });
    const deadline = holdDeadline('failing', 0);
    await timers.schedule([deadline]);
    await eventually(async () => calls === 3 && (await jobsLeft(office.prefix)) === 0);
    expect(due).toEqual([]);
    isHealthy = true;
    await timers.schedule([deadline]);
    await eventually(() => due.length === 1);
  });

  it('schedule the later deadline of a token beside the earlier one', async () => {
    const { timers, due } = await office.join();
    const { tokenId, dueAt } = holdDeadline('now', 0);
    const { dueAt: later } = holdDeadline('later', 400);
    await timers.schedule([{ kind: 'token', tokenId, status: 'admitted', dueAt: later }]);
    await timers.schedule([{ kind: 'token', tokenId, status: 'entered', dueAt }]);
    await eventually(() => due.length === 2);
    expect(due.map((deadline) => deadline.dueAt)).toEqual([dueAt, later]);
  });

  it('act on all others while one deadline always fails', async () => {
    const poisoned = holdDeadline('poisoned', 0);
    const { timers, due } = await office.join(async (deadline) => {
      if (deadline.kind === 'hold' && deadline.holdId === poisoned.holdId) throw new Error('poisoned');
    });
    await timers.schedule([poisoned, ...Array.from({ length: 100 }, (_, n) => holdDeadline(n, 0))]);
    await eventually(() => due.length === 100);
    await eventually(async () => (await jobsLeft(office.prefix)) === 0);
    expect(timesActedOn(due).has(poisoned.holdId)).toBe(false);
  });

  it('are acted on again after the loop that takes them has ended by an error, which is logged once', async () => {
    const run = jest.spyOn(Worker.prototype, 'run');
    run.mockRejectedValueOnce(new Error('READONLY')).mockRejectedValueOnce(new Error('READONLY'));
    const { timers, due, log } = await office.join();
    await timers.schedule([holdDeadline('after', 0)]);
    await eventually(() => due.length === 1);
    run.mockRestore();
    expect(log.lines).toMatchObject([
      { level: 'error', details: { err: { message: 'READONLY' } } },
      { level: 'info', details: { process: 'deadlines' } },
    ]);
  });

  it('give up a job that is no deadline, and go on', async () => {
    const { timers, due, log } = await office.join();
    await inQueue(office.prefix, (queue) => queue.add('hold', { kind: 'hold', holdId: 'nonsense' }));
    await timers.schedule([holdDeadline('sound', 0)]);
    await eventually(() => due.length === 1);
    await eventually(() => log.lines.some(({ message }) => message.includes('given up')));
    expect(log.lines).toHaveLength(1);
  });

  it('finish what is under way when they stop, and begin nothing any more', async () => {
    let finish: () => void = () => undefined;
    const started: string[] = [];
    const { timers, due } = await office.join(async (deadline) => {
      started.push(deadline.dueAt);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    await timers.schedule([holdDeadline('under way', 0)]);
    await eventually(() => started.length === 1);
    const stopped = timers.stop();
    const other = office.prepare();
    await other.link.waitUntilReady(5_000);
    await other.timers.schedule([holdDeadline('after', 0)]);
    finish();
    await stopped;
    expect(due).toHaveLength(1);
    expect(started).toHaveLength(1);
    const left = await inQueue(office.prefix, (queue) => queue.getJobs());
    // It may have been fetched when the stop began: then its lock lapses, and another process acts on it.
    expect(left.map(({ finishedOn }) => finishedOn)).toEqual([undefined]);
  });
});

async function inQueue<Result>(prefix: string, ask: (queue: Queue) => Promise<Result>): Promise<Result> {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const queue = new Queue('deadlines', { connection, prefix });
  try {
    return await ask(queue);
  } finally {
    await queue.close();
    connection.disconnect();
  }
}

function jobsLeft(prefix: string): Promise<number> {
  return inQueue(prefix, async (queue) => {
    const counts = await queue.getJobCounts();
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  });
}
