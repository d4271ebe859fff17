import type { ProjectionOperations } from '../../src/api/operations.js';
import { LogFit } from '../../src/app/log-fit.js';
import { readinessOf } from '../../src/app/operations.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('is refused when a part is lost that the process cannot replace, though log and database answer', async () => {
  const readiness = readinessOf({
    store: new InMemoryEventStore(),
    fit: new LogFit({ error: () => undefined }, false),
    breakdown: { reason: 'the writer thread is gone' },
    readModels: { read: { query: async () => [{ 1: 1 }] } as unknown as ReadModels['read'] },
    operations: {} as ProjectionOperations,
    following: { trouble: async () => undefined },
    maxLag: 0,
  });
  expect(await readiness.check()).toEqual({
    ready: false,
    checks: [{ name: 'process', ok: false, detail: 'the writer thread is gone' }],
  });
});

it('is refused in bounded time when the comparison of read models and log never ends', async () => {
  // The checkpoints are the second question to the database.
  const query = jest
    .fn()
    .mockResolvedValueOnce([{ 1: 1 }])
    .mockReturnValue(new Promise(() => undefined));
  const readiness = readinessOf({
    store: new InMemoryEventStore(),
    fit: new LogFit({ error: () => undefined }, false),
    breakdown: { reason: undefined },
    // All that the checks use of a data source, and nothing of the operations.
    readModels: { read: { query } as unknown as ReadModels['read'] },
    operations: {} as ProjectionOperations,
    following: { trouble: async () => undefined },
    maxLag: 0,
  });
  const checking = readiness.check();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(await checking).toMatchObject({
    ready: false,
    checks: [
      { name: 'event-store', ok: true },
      { name: 'database', ok: true },
      { name: 'read-models', ok: false, detail: 'cannot be compared with the log within 3000 ms' },
    ],
  });
});
