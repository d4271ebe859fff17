import { InMemoryIdempotencyRecords } from '../../src/platform/idempotency-records.js';
import { recordsContract, reply } from './idempotency-records-contract.js';

function records(options: { maxRecords?: number } = {}) {
  const clock = { ms: 1_000 };
  const { maxRecords = 10 } = options;
  const made = new InMemoryIdempotencyRecords({ maxRecords, ttlMs: 1_000, nowMs: () => clock.ms });
  return { made, clock };
}

describe('idempotency records in memory', () => {
  recordsContract(async () => records().made);

  it('are forgotten when they are old', async () => {
    const { made, clock } = records();
    await made.begin('k', 'd');
    await made.complete('k', 'd', reply);
    clock.ms += 1_001;
    expect(await made.begin('k', 'd')).toEqual({ kind: 'started' });
  });

  it('are bounded in number', async () => {
    const { made } = records({ maxRecords: 2 });
    for (const key of ['a', 'b', 'c']) {
      await made.begin(key, 'd');
      await made.complete(key, 'd', reply);
    }
    expect(await made.begin('a', 'd')).toEqual({ kind: 'started' });
    expect(await made.begin('c', 'd')).toEqual({ kind: 'replay', reply });
  });
});
