import { toInstant } from '../../src/events/ids.js';
import { Repeating } from '../../src/processes/repeating.js';
import { InProcessTimers } from '../../src/processes/timers.js';
import { ManualClock } from '../commands/manual-clock.js';
import { eventually, RecordedLog } from './support.js';

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

describe('timers in the process', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('fire at their deadline, at once when it has passed, and not after a stop', () => {
    const clock = new ManualClock();
    const timers = new InProcessTimers(clock);
    const fired: string[] = [];
    const at = (offsetMs: number) => toInstant(clock.nowMs() + offsetMs);
    timers.schedule('later', at(1000), () => fired.push('later'));
    timers.schedule('past', at(-5), () => fired.push('past'));
    jest.advanceTimersByTime(999);
    expect(fired).toEqual(['past']);
    jest.advanceTimersByTime(1);
    expect(fired).toEqual(['past', 'later']);
    timers.schedule('stopped', at(1000), () => fired.push('stopped'));
    timers.stop();
    jest.advanceTimersByTime(5000);
    expect(fired).toEqual(['past', 'later']);
  });

  it('keep one timer a key: the later deadline replaces the earlier', () => {
    const clock = new ManualClock();
    const timers = new InProcessTimers(clock);
    const fired: string[] = [];
    timers.schedule('hold', toInstant(clock.nowMs() + 1000), () => fired.push('first'));
    timers.schedule('hold', toInstant(clock.nowMs() + 2000), () => fired.push('second'));
    jest.advanceTimersByTime(2000);
    expect(fired).toEqual(['second']);
  });
});
