import { ConcurrencyLimit, TooManyWaiting } from '../../src/platform/concurrency-limit.js';

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
  it('without a limit of waiting tasks, runs all of them in order and never more than allowed at a time', async () => {
    const limit = new ConcurrencyLimit(2);
    let running = 0;
    let most = 0;
    const finished: number[] = [];
    await Promise.all(
      [0, 1, 2, 3, 4].map((n) =>
        limit.run(async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
          finished.push(n);
        }),
      ),
    );
    expect([most, finished]).toEqual([2, [0, 1, 2, 3, 4]]);
  });

  it('runs as many as allowed, then those that wait in the order they came', async () => {
    const limit = new ConcurrencyLimit(2, 2);
    const tasks = [task(), task(), task(), task()] as const;
    const results = tasks.map(({ run }) => limit.run(run));
    expect(tasks.map(({ started }) => started())).toEqual([true, true, false, false]);
    tasks[1].end('done');
    await results[1];
    expect(tasks.map(({ started }) => started())).toEqual([true, true, true, false]);
    for (const { end } of tasks) end('done');
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('runs the next task when one fails', async () => {
    const limit = new ConcurrencyLimit(1, 1);
    const [failing, next] = [task(), task()];
    const failed = limit.run(failing.run);
    const waited = limit.run(next.run);
    failing.end(new Error('broken'));
    await expect(failed).rejects.toThrow('broken');
    next.end('done');
    expect(await waited).toBe('done');
  });

  it('refuses a task when as many wait as may, until there is room', async () => {
    const limit = new ConcurrencyLimit(1, 0);
    const only = task();
    const running = limit.run(only.run);
    await expect(limit.run(async () => 'never')).rejects.toThrow(TooManyWaiting);
    only.end('done');
    await running;
    expect(await limit.run(async () => 'welcome')).toBe('welcome');
  });

  it('never runs a task that gave up waiting, and another one may wait instead', async () => {
    const limit = new ConcurrencyLimit(1, 1);
    const [first, impatient, second] = [task(), task(), task()];
    const running = limit.run(first.run);
    const leaving = new AbortController();
    const left = limit.run(impatient.run, leaving.signal);
    leaving.abort(new Error('gave up'));
    await expect(left).rejects.toThrow('gave up');
    const waited = limit.run(second.run);
    first.end('done');
    await running;
    second.end('done');
    expect(await waited).toBe('done');
    expect(impatient.started()).toBe(false);
  });

  it('does not run a task whose signal was aborted before', async () => {
    const never = task();
    const aborted = AbortSignal.abort(new Error('too late'));
    await expect(new ConcurrencyLimit(1, 1).run(never.run, aborted)).rejects.toThrow('too late');
    expect(never.started()).toBe(false);
  });
});
