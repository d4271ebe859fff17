import { DeadlineQueue } from '../../src/platform/deadline-queue.js';

describe('a queue of deadlines', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  function world() {
    const due: { name: string; atMs: number }[] = [];
    const startMs = performance.now();
    const queue = new DeadlineQueue<string, { name: string }>(({ name }) =>
      due.push({ name, atMs: performance.now() - startMs }),
    );
    const set = (name: string, delayMs: number) => queue.set(name, delayMs, { name });
    return { queue, due, set, names: () => due.map(({ name }) => name) };
  }

  it('calls back at each deadline, in their order, however they were set', () => {
    const { due, set, queue } = world();
    const delays = Array.from({ length: 500 }, (_, index) => 1 + ((index * 7919) % 500));
    for (const delayMs of delays) set(`after ${delayMs}`, delayMs);
    jest.advanceTimersByTime(500);
    expect(due).toEqual(
      delays.toSorted((a, b) => a - b).map((delayMs) => ({ name: `after ${delayMs}`, atMs: delayMs })),
    );
    expect(queue.size).toBe(0);
  });

  it('needs one timer for all', () => {
    const { set } = world();
    for (let delayMs = 1; delayMs <= 100; delayMs++) set(`after ${delayMs}`, delayMs);
    expect(jest.getTimerCount()).toBe(1);
    set('sooner', 0.5);
    expect(jest.getTimerCount()).toBe(1);
  });

  it('forgets what was deleted, replaced or cleared', () => {
    const { queue, set, names } = world();
    set('deleted', 10);
    set('replaced', 10);
    set('kept', 15);
    queue.delete('deleted');
    set('replaced', 20);
    jest.advanceTimersByTime(19);
    expect(names()).toEqual(['kept']);
    jest.advanceTimersByTime(1);
    expect(names()).toEqual(['kept', 'replaced']);
    set('cleared', 10);
    queue.clear();
    jest.advanceTimersByTime(100);
    expect(names()).toEqual(['kept', 'replaced']);
    set('later', 10);
    jest.advanceTimersByTime(10);
    expect(names()).toEqual(['kept', 'replaced', 'later']);
  });

  it('takes new deadlines while it calls back', () => {
    const { set, names } = world();
    const queue = new DeadlineQueue<string, { name: string }>(({ name }) => {
      set(`${name} again`, 5);
    });
    queue.set('first', 10, { name: 'first' });
    jest.advanceTimersByTime(15);
    expect(names()).toEqual(['first again']);
  });

  it('keeps the order after most of many deadlines were deleted', () => {
    const { queue, set, names } = world();
    const all = Array.from({ length: 10_000 }, (_, index) => ({
      name: `number ${index}`,
      delayMs: 1 + ((index * 7919) % 10_000),
    }));
    for (const { name, delayMs } of all) set(name, delayMs);
    const kept = all.filter((_, index) => index % 100 === 0);
    for (const [index, { name }] of all.entries()) if (index % 100 !== 0) queue.delete(name);
    expect(queue.size).toBe(kept.length);
    jest.advanceTimersByTime(10_000);
    expect(names()).toEqual(kept.toSorted((a, b) => a.delayMs - b.delayMs).map(({ name }) => name));
  });

  it('waits longer than a timer can', () => {
    const { set, names } = world();
    const fiftyDaysMs = 50 * 86_400_000;
    set('far', fiftyDaysMs);
    jest.advanceTimersByTime(fiftyDaysMs - 1);
    expect(names()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(names()).toEqual(['far']);
  });
});
