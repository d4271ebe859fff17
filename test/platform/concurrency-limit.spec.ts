import { ConcurrencyLimit, TooManyWaiting } from '../../src/platform/concurrency-limit.js';

const patient = new AbortController().signal;

/** A task that ends when the test says so. */
function task() {
  let started = false;
  let end: (outcome: 'done' | Error) => void = () => undefined;
  const ended = new Promise<'done'>((resolve, reject) => {
    end = (outcome) => (outcome === 'done' ? resolve(outcome) : reject(outcome));
  });
  const run = () => {
    started = true;
    return ended;
  };
  return { run, end: (outcome: 'done' | Error) => end(outcome), started: () => started };
}

describe('ConcurrencyLimit', () => {
  it('runs as many as allowed, then those that wait in the order they came', async () => {
    const limit = new ConcurrencyLimit(2, 2);
    const tasks = [task(), task(), task(), task()] as const;
    const results = tasks.map(({ run }) => limit.run(patient, run));
    expect(tasks.map(({ started }) => started())).toEqual([true, true, false, false]);
    tasks[1].end('done');
    await results[1];
    expect(tasks.map(({ started }) => started())).toEqual([true, true, true, false]);
    for (const { end } of tasks) end('done');
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('gives the place of a failed task to the next', async () => {
    const limit = new ConcurrencyLimit(1, 1);
    const [failing, next] = [task(), task()];
    const failed = limit.run(patient, failing.run);
    const waited = limit.run(patient, next.run);
    failing.end(new Error('broken'));
    await expect(failed).rejects.toThrow('broken');
    next.end('done');
    expect(await waited).toBe('done');
  });

  it('turns away whoever comes when nobody else may wait, until there is room', async () => {
    const limit = new ConcurrencyLimit(1, 0);
    const only = task();
    const running = limit.run(patient, only.run);
    await expect(limit.run(patient, async () => 'never')).rejects.toThrow(TooManyWaiting);
    only.end('done');
    await running;
    expect(await limit.run(patient, async () => 'welcome')).toBe('welcome');
  });

  it('forgets who gave up waiting: never runs it, and its place in the queue is free', async () => {
    const limit = new ConcurrencyLimit(1, 1);
    const [first, impatient, second] = [task(), task(), task()];
    const running = limit.run(patient, first.run);
    const leaving = new AbortController();
    const left = limit.run(leaving.signal, impatient.run);
    leaving.abort(new Error('gave up'));
    await expect(left).rejects.toThrow('gave up');
    const waited = limit.run(patient, second.run);
    first.end('done');
    await running;
    second.end('done');
    expect(await waited).toBe('done');
    expect(impatient.started()).toBe(false);
  });

  it('runs nothing for a caller that gave up before', async () => {
    const never = task();
    const aborted = AbortSignal.abort(new Error('too late'));
    await expect(new ConcurrencyLimit(1, 1).run(aborted, never.run)).rejects.toThrow('too late');
    expect(never.started()).toBe(false);
  });
});
