import { once } from 'node:events';
import { Repeating, untilStopped } from '../../src/processes/repeating.js';
import type { Turns } from '../../src/processes/turns.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

const never = 1_000_000;

describe('repeating work', () => {
  it('never runs twice at the same time, and once more when asked while it runs', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const releases: (() => void)[] = [];
    const work = new Repeating(
      'work',
      never,
      async () => {
        runs++;
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => releases.push(resolve));
        running--;
      },
      new RecordedLog(),
    );
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

  it('goes on after a failure, which it logs', async () => {
    const log = new RecordedLog();
    let runs = 0;
    const work = new Repeating(
      'fragile',
      1,
      async () => {
        if (++runs === 1) throw new Error('once');
      },
      log,
    );
    work.start();
    await eventually(() => runs >= 2);
    await work.stop();
    expect(log.lines).toMatchObject([{ level: 'error', details: { process: 'fragile' } }]);
  });

  it('stops only after the run under way, and does not start again', async () => {
    let runs = 0;
    let release: () => void = () => undefined;
    const work = new Repeating(
      'work',
      1,
      async () => {
        runs++;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      new RecordedLog(),
    );
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

describe('repeating work that is told to stop', () => {
  it('ends after the item at hand', async () => {
    const done: number[] = [];
    let release: () => void = () => undefined;
    const item = (number: number) =>
      new Promise<void>((resolve) => {
        done.push(number);
        release = resolve;
      });
    const work = new Repeating(
      'work',
      never,
      (stopping) => untilStopped(stopping, [1, 2, 3], item),
      new RecordedLog(),
    );
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
    const work = new Repeating(
      'work',
      never,
      async (stopping) => {
        await once(stopping, 'abort');
        stopping.throwIfAborted();
      },
      log,
    );
    work.start();
    await work.stop();
    expect(log.lines).toEqual([]);
  });
});

describe('repeating work that processes share', () => {
  /** Rounds that a test ends. */
  class ManualTurns {
    readonly claims: string[] = [];
    owner: string | undefined;

    of(process: string): Turns {
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
    const turns = new ManualTurns();
    const runs = { a: 0, b: 0 };
    const of = (process: 'a' | 'b') =>
      new Repeating('sweep', 1, async () => void runs[process]++, new RecordedLog(), turns.of(process));
    return { turns, runs, a: of('a'), b: of('b') };
  }

  it('is run by whoever has the turn, and by another when that one is gone', async () => {
    const { turns, runs, a, b } = pair();
    a.start();
    await eventually(() => runs.a > 2);
    b.start();
    await eventually(() => turns.claims.filter((claim) => claim === 'b sweep').length > 2);
    expect(runs.b).toBe(0);
    await a.stop();
    turns.owner = undefined;
    await eventually(() => runs.b > 2);
    await b.stop();
  });

  it('is run at once where it is asked for, whoever has the turn', async () => {
    const { turns, runs, b } = pair();
    turns.owner = 'a';
    b.start();
    await eventually(() => turns.claims.length > 1);
    expect(runs.b).toBe(0);
    b.runSoon();
    await eventually(() => runs.b === 1);
    await b.stop();
  });
});
