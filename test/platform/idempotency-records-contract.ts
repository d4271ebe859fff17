import type { IdempotencyRecords } from '../../src/platform/idempotency-records.js';

export const reply = { status: 201, body: { done: true, of: [1, null] }, headers: { 'X-Log-Position': '7' } };

/** What every kind of records does; `make` gives empty ones. */
export function recordsContract(make: () => Promise<IdempotencyRecords>): void {
  let records: IdempotencyRecords;
  beforeEach(async () => {
    records = await make();
  });

  it('go from started to in flight to replay', async () => {
    expect(await records.begin('k', 'd')).toEqual({ kind: 'started' });
    expect(await records.begin('k', 'd')).toEqual({ kind: 'in-flight' });
    await records.complete('k', 'd', reply);
    expect(await records.begin('k', 'd')).toEqual({ kind: 'replay', reply });
    expect(await records.begin('k', 'd')).toEqual({ kind: 'replay', reply });
  });

  it('tell a different request, running or done', async () => {
    await records.begin('k', 'd');
    expect(await records.begin('k', 'e')).toEqual({ kind: 'mismatch' });
    await records.complete('k', 'd', reply);
    expect(await records.begin('k', 'e')).toEqual({ kind: 'mismatch' });
  });

  it('start again after being abandoned', async () => {
    await records.begin('k', 'd');
    await records.abandon('k');
    expect(await records.begin('k', 'd')).toEqual({ kind: 'started' });
  });

  it('keep keys apart', async () => {
    await records.begin('k', 'd');
    await records.complete('k', 'd', reply);
    expect(await records.begin('l', 'd')).toEqual({ kind: 'started' });
  });

  it('let one of many at the same time begin', async () => {
    const beginnings = await Promise.all(Array.from({ length: 50 }, () => records.begin('k', 'd')));
    expect(beginnings.filter(({ kind }) => kind === 'started')).toHaveLength(1);
    expect(beginnings.filter(({ kind }) => kind === 'in-flight')).toHaveLength(49);
  });
}
