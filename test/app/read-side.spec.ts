import { PositionBeyondLog } from '../../src/api/read-position.js';
import { readPositionOf } from '../../src/app/read-side.js';
import type { Position } from '../../src/event-store/port.js';
import { PositionWaiters } from '../../src/projections/engine/position-waiters.js';

const at = (position: number) => position as Position; // positions of a log that only counts
const timeoutMs = 2_000;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Read models that are at position 5 until the test moves them. */
function standing(head: number | undefined | Error | (() => Promise<Position>), { mayLag = false } = {}) {
  const waiters = new PositionWaiters();
  const progress = {
    position: 5,
    waitFor: (position: number, options: { timeoutMs: number }) => waiters.wait(position, options),
  };
  const log = {
    head: async () => {
      if (head instanceof Error) throw head;
      if (typeof head === 'function') return head();
      return head === undefined ? undefined : at(head);
    },
  };
  return { waiters, position: readPositionOf(progress, log, { mayLag }) };
}

describe('a read that names a position', () => {
  it('waits for it if the log has it', async () => {
    const { waiters, position } = standing(7);
    const reading = position.waitFor(at(7), timeoutMs);
    await jest.advanceTimersByTimeAsync(timeoutMs - 1);
    expect(waiters.isAnyone).toBe(true);
    waiters.reached(7);
    expect(await reading).toBe(true);
  });

  it.each([
    ['ends before it', 6],
    ['is empty', undefined],
  ])('is refused at once when the log %s', async (_, head) => {
    await expect(standing(head).position.waitFor(at(7), timeoutMs)).rejects.toThrow(PositionBeyondLog);
  });

  it('waits for a position that another process has written since the log was asked', async () => {
    const heads: ((head: Position) => void)[] = [];
    const { waiters, position } = standing(
      () =>
        new Promise((resolve) => {
          heads.push(resolve);
        }),
    );
    const beyond = position.waitFor(at(8), timeoutMs);
    const written = position.waitFor(at(7), timeoutMs);
    expect(heads).toHaveLength(1);
    const isRefused = expect(beyond).rejects.toThrow(PositionBeyondLog);
    // Position 7 was written after this answer, which the log gives to the first one.
    heads[0]?.(at(6));
    await isRefused;
    await jest.advanceTimersByTimeAsync(1);
    expect(heads).toHaveLength(2);
    heads[1]?.(at(7));
    await jest.advanceTimersByTimeAsync(timeoutMs - 2);
    waiters.reached(7);
    expect(await written).toBe(true);
  });

  it('asks the log once for all who come while it is being asked, and not again for what it has', async () => {
    let asked = 0;
    const { waiters, position } = standing(async () => {
      asked++;
      return at(9);
    });
    const reading = [7, 8, 9, 7, 8].map((one) => position.waitFor(at(one), timeoutMs));
    await jest.advanceTimersByTimeAsync(1);
    reading.push(position.waitFor(at(9), timeoutMs));
    await jest.advanceTimersByTimeAsync(1);
    expect(asked).toBeLessThanOrEqual(2);
    waiters.reached(9);
    expect(await Promise.all(reading)).toEqual(Array.from({ length: 6 }, () => true));
  });

  it.each([
    ['the log has it, and the read models do not move', 7, {}],
    ['the log does not answer', new Error('away'), {}],
    ['the log is read from a follower that may lag', 6, { mayLag: true }],
  ])('is refused as too early when %s', async (_, head, options) => {
    const reading = standing(head, options).position.waitFor(at(7), timeoutMs);
    await jest.advanceTimersByTimeAsync(timeoutMs);
    expect(await reading).toBe(false);
  });
});
