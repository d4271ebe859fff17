import { once } from 'node:events';
import { PeriodicTask, type RoundLease, type TaskSettings } from '../../src/processes/periodic-task.js';
import { ManualClock } from '../commands/manual-clock.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

const never = 1_000_000;

/** Settings of a task that runs once, unless it is told otherwise. */
function task(settings: Partial<TaskSettings> = {}): TaskSettings {
  return { name: 'work', intervalMs: never, clock: new ManualClock(), log: new RecordedLog(), ...settings };
}

describe('a periodic task', () => {
  it('never runs twice at the same time, and once more when asked while it runs', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const releases: (() => void)[] = [];
    const work = new PeriodicTask(task(), async () => {
      runs++;
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => releases.push(resolve));
      running--;
    });
    work.start();
    work.runSoon();
    work.runSoon();
    expect(runs).toBe(1);
    releases.shift()?.();
    await eventually(() => runs === 2);
    releases.shift()?.();
    await work.stop();
    expect({ runs, most }).toEqual({ runs: 2, most: 1 });
  });

  it('goes on after failures: it logs each cause once, and that it works again once', async () => {
    const log = new RecordedLog();
    const causes = ['away', 'away', 'full', 'away', undefined, undefined, 'away'];
    const fragile = new PeriodicTask(task({ name: 'fragile', intervalMs: 1, log }), async () => {
      const cause = causes.shift();
      if (cause !== undefined) throw new Error(cause);
    });
    fragile.start();
    await eventually(() => log.lines.length >= 4);
    await fragile.stop();
    expect(log.lines.slice(0, 4)).toMatchObject([
      { level: 'error', details: { process: 'fragile', err: { message: 'away' } } },
      { level: 'error', details: { process: 'fragile', err: { message: 'full' } } },
      { level: 'info', details: { process: 'fragile' } },
      { level: 'error', details: { process: 'fragile', err: { message: 'away' } } },
    ]);
  });

  it('works on all items though some fail, and says so once', async () => {
    const log = new RecordedLog();
    const done: number[] = [];
    let runs = 0;
    const items: PeriodicTask = new PeriodicTask(task({ name: 'items', intervalMs: 1, log }), async () => {
      runs++;
      await items.forEach([1, 2, 3], String, async (item) => {
        if (item === 2) throw new Error('not this one');
        done.push(item);
      });
    });
    items.start();
    await eventually(() => runs > 2);
    await items.stop();
    expect(done.slice(0, 4)).toEqual([1, 3, 1, 3]);
    expect(log.lines).toMatchObject([
      { level: 'error', details: { process: 'items', item: '2', err: { message: 'not this one' } } },
    ]);
  });

  it('leaves an item that fails alone for longer and longer, and does not delay the others', async () => {
    const clock = new ManualClock();
    const tried: string[] = [];
    const settings = task({ intervalMs: never, maxRetryMs: 4 * never, clock });
    let runs = 0;
    const items: PeriodicTask = new PeriodicTask(settings, async () => {
      await items.forEach(['poisoned', 'sound'], String, async (item) => {
        tried.push(item);
        if (item === 'poisoned') throw new Error('always');
      });
      runs++;
    });
    const attempts: number[] = [];
    for (let run = 0; run < 16; run++) {
      items.runSoon();
      await eventually(() => runs === run + 1);
      if (tried.splice(0).includes('poisoned')) attempts.push(run);
      else expect(items.items.failing).toBe(1);
      clock.advance(never);
    }
    await items.stop();
    expect(attempts).toEqual([0, 1, 3, 7, 11, 15]);
  });

  it('reads its items page by page; a page that cannot be read ends the run once the items at hand are done', async () => {
    const log = new RecordedLog();
    const done: number[] = [];
    const releases: (() => void)[] = [];
    async function* pages() {
      yield [1, 2];
      yield [3];
      throw new Error('the database is away');
    }
    const items: PeriodicTask = new PeriodicTask(task({ log }), () =>
      items.forEach(
        pages(),
        String,
        async (item) => {
          if (item === 3) await new Promise<void>((resolve) => releases.push(resolve));
          done.push(item);
        },
        { atOnce: 2 },
      ),
    );
    items.start();
    await eventually(() => releases.length === 1);
    expect(log.lines).toEqual([]);
    releases.shift()?.();
    await eventually(() => log.lines.length === 1);
    expect(done).toEqual([1, 2, 3]);
    expect(log.lines).toMatchObject([
      { level: 'error', details: { err: { message: 'the database is away' } } },
    ]);
    await items.stop();
  });

  it('works on so many items at the same time as it is told', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const items: PeriodicTask = new PeriodicTask(task(), async () => {
      const work = async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      };
      await items.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        String,
        work,
        { atOnce: 3 },
      );
      runs++;
    });
    items.start();
    await eventually(() => runs === 1);
    await items.stop();
    expect(most).toBe(3);
  });

  it('stops only after the run under way, and does not start again', async () => {
    let runs = 0;
    let release: () => void = () => undefined;
    const work = new PeriodicTask(task({ intervalMs: 1 }), async () => {
      runs++;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    work.start();
    let isStopped = false;
    const stopping = work.stop().then(() => {
      isStopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(false);
    release();
    await stopping;
    work.runSoon();
    expect(runs).toBe(1);
  });
});

describe('a periodic task that is told to stop', () => {
  it('ends after the item at hand', async () => {
    const done: number[] = [];
    let release: () => void = () => undefined;
    const item = (number: number) =>
      new Promise<void>((resolve) => {
        done.push(number);
        release = resolve;
      });
    const work: PeriodicTask = new PeriodicTask(task(), () => work.forEach([1, 2, 3], String, item));
    work.start();
    await eventually(() => done.length === 1);
    release();
    await eventually(() => done.length === 2);
    const stopping = work.stop();
    release();
    await stopping;
    expect(done).toEqual([1, 2]);
  });

  it('may fail for that reason, which is no failure', async () => {
    const log = new RecordedLog();
    const work = new PeriodicTask(task({ log }), async (stopping) => {
      await once(stopping, 'abort');
      stopping.throwIfAborted();
    });
    work.start();
    await work.stop();
    expect(log.lines).toEqual([]);
  });
});

describe('a periodic task that processes share', () => {
  /** A lease that a test ends. */
  class ManualLease {
    readonly claims: string[] = [];
    owner: string | undefined;

    of(process: string): RoundLease {
      return {
        claim: async (work) => {
          this.claims.push(`${process} ${work}`);
          this.owner ??= process;
          return this.owner === process ? 0 : 1;
        },
      };
    }
  }

  function pair() {
    const lease = new ManualLease();
    const runs = { a: 0, b: 0 };
    const of = (process: 'a' | 'b') =>
      new PeriodicTask(
        task({ name: 'sweep', intervalMs: 1, lease: lease.of(process) }),
        async () => void runs[process]++,
      );
    return { lease, runs, a: of('a'), b: of('b') };
  }

  it('is run by the process with the lease, and by another when that one is gone', async () => {
    const { lease, runs, a, b } = pair();
    a.start();
    await eventually(() => runs.a > 2);
    b.start();
    await eventually(() => lease.claims.filter((claim) => claim === 'b sweep').length > 2);
    expect(runs.b).toBe(0);
    await a.stop();
    lease.owner = undefined;
    await eventually(() => runs.b > 2);
    await b.stop();
  });

  it('is run at once where it is asked for, whichever process has the lease', async () => {
    const { lease, runs, b } = pair();
    lease.owner = 'a';
    b.start();
    await eventually(() => lease.claims.length > 1);
    expect(runs.b).toBe(0);
    b.runSoon();
    await eventually(() => runs.b === 1);
    await b.stop();
  });
});
