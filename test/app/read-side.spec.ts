import { readPositionOf } from '../../src/app/read-side.js';
import type { Position } from '../../src/event-store/port.js';
import { PositionWaiters } from '../../src/projections/engine/position-waiters.js';

const at = (position: number) => position as Position; // positions of a log that only counts
const timeoutMs = 2_000;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Read models that are at position 5 until the test moves them. */
function standing(head: number | undefined | Error, { mayLag = false } = {}) {
  const waiters = new PositionWaiters();
  const progress = {
    position: 5,
    waitFor: (position: number, options: { timeoutMs: number }) => waiters.wait(position, options),
  };
  const log = {
    head: async () => {
      if (head instanceof Error) throw head;
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
  ])(
    'is answered with the current state when the log %s, as after a restore from a backup',
    async (_, head) => {
      const reading = standing(head).position.waitFor(at(7), timeoutMs);
      await jest.advanceTimersByTimeAsync(timeoutMs - 1);
      expect(await reading).toBe(true);
    },
  );

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
