import { InMemoryIdempotencyRecords, type RecordedReply } from '../../src/platform/idempotency-records.js';
import type { RedisLink } from '../../src/platform/redis.js';
import {
  RedisIdempotencyRecords,
  type RedisRecordsOptions,
} from '../../src/platform/redis-idempotency-records.js';
import { startRedis, type TestRedis } from '../services/redis.js';
import { eventually } from '../services/wait-until.js';
import { recordsContract, reply } from './idempotency-records-contract.js';
import { closeLinks, linked } from './linked.js';

const dayMs = 24 * 3_600_000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(closeLinks);
afterAll(() => redis.stop());

function recordsOf(link: RedisLink, options: Partial<RedisRecordsOptions> = {}): RedisIdempotencyRecords {
  const own = new InMemoryIdempotencyRecords({ maxRecords: 100, ttlMs: dayMs });
  return new RedisIdempotencyRecords(link, own, { ttlMs: dayMs, ...options });
}

/** Two processes of one installation. */
async function twoProcesses(options: Partial<RedisRecordsOptions> = {}) {
  const a = await linked(redis.url);
  const b = await linked(redis.url, { prefix: a.link.prefix });
  return { a: recordsOf(a.link, options), b: recordsOf(b.link, options), link: a.link, log: a.log };
}

describe('idempotency records in Redis', () => {
  recordsContract(async () => recordsOf((await linked(redis.url)).link));

  it('are known to every process', async () => {
    const { a, b } = await twoProcesses();
    await a.begin('k', 'd');
    expect(await b.begin('k', 'd')).toEqual({ kind: 'in-flight' });
    expect(await b.begin('k', 'e')).toEqual({ kind: 'mismatch' });
    await a.complete('k', 'd', reply);
    expect(await b.begin('k', 'd')).toEqual({ kind: 'replay', reply });
  });

  it('do not give a reply again that is not of the log in use: the request runs again, and its reply is stored', async () => {
    const gone = { ...reply, body: { of: 'a log that is gone' } };
    const isOfLog = async ({ body }: RecordedReply) => JSON.stringify(body) !== JSON.stringify(gone.body);
    const { a, b } = await twoProcesses({ isOfLog });
    await a.begin('k', 'd');
    await a.complete('k', 'd', gone);
    expect(await b.begin('k', 'd')).toEqual({ kind: 'started' });
    expect(await a.begin('k', 'd')).toEqual({ kind: 'in-flight' });
    await b.complete('k', 'd', reply);
    expect(await a.begin('k', 'd')).toEqual({ kind: 'replay', reply });
  });

  it('remember a reply for a day', async () => {
    const { a, link } = await twoProcesses();
    await a.begin('k', 'd');
    await a.complete('k', 'd', reply);
    const leftMs = await link.client.pttl(link.key('reply', 'k'));
    expect(leftMs).toBeGreaterThan(dayMs - 60_000);
    expect(leftMs).toBeLessThanOrEqual(dayMs);
  });

  it('let a key begin again whose process died in the middle', async () => {
    // A process that says nothing for so long is as good as dead.
    const { a, b } = await twoProcesses({ leaseMs: 300, maxRunMs: 0 });
    await a.begin('k', 'd');
    expect(await b.begin('k', 'd')).toEqual({ kind: 'in-flight' });
    await eventually(async () => (await b.begin('k', 'd')).kind === 'started');
  });

  it('keep a key in flight while its process lives, and leave the reply of another alone', async () => {
    const leaseMs = 60_000;
    const { a, b, link } = await twoProcesses({ leaseMs, renewEveryMs: 20 });
    await a.begin('k', 'd');
    await a.begin('answered elsewhere', 'd');
    await b.complete('answered elsewhere', 'd', reply);
    const leftMs = (key: string) => link.client.pttl(link.key('reply', key));
    for (let renewals = 0; renewals < 3; renewals++) {
      await link.client.pexpire(link.key('reply', 'k'), leaseMs / 2);
      await eventually(async () => (await leftMs('k')) > leaseMs / 2);
    }
    expect(await b.begin('k', 'd')).toEqual({ kind: 'in-flight' });
    expect(await leftMs('answered elsewhere')).toBeGreaterThan(leaseMs);
    await a.complete('k', 'd', reply);
    expect(await b.begin('k', 'd')).toEqual({ kind: 'replay', reply });
    expect(await leftMs('k')).toBeGreaterThan(leaseMs);
  });

  it('do not take the reply of a request that was overtaken for that of another', async () => {
    const { a, b } = await twoProcesses({ leaseMs: 1, maxRunMs: 0 });
    await a.begin('k', 'slow');
    await eventually(async () => (await b.begin('k', 'other')).kind === 'started');
    await b.complete('k', 'other', reply);
    await a.complete('k', 'slow', { ...reply, status: 200 });
    await a.abandon('k');
    expect(await b.begin('k', 'other')).toEqual({ kind: 'replay', reply });
  });

  it('keep no reply beyond the bound: its retry runs again', async () => {
    const { a, b } = await twoProcesses({ maxReplyBytes: 1_000 });
    await a.begin('k', 'd');
    await a.complete('k', 'd', { ...reply, body: '가'.repeat(400) });
    expect(await b.begin('k', 'd')).toEqual({ kind: 'started' });
  });

  it('replace what is no record', async () => {
    const { a, link } = await twoProcesses();
    await link.client.hset(link.key('reply', 'k'), 'digest', 'd', 'reply', '{"status":"odd"}');
    expect(await a.begin('k', 'd')).toEqual({ kind: 'started' });
    await eventually(async () => {
      await a.complete('k', 'd', reply);
      const stored = await link.client.hget(link.key('reply', 'k'), 'reply');
      return stored === JSON.stringify(reply);
    });
  });
});

describe('idempotency records while Redis is away', () => {
  let away: TestRedis;
  beforeEach(async () => {
    away = await startRedis();
  });
  afterEach(() => away.stop());

  it('are those of the process, which remembers its own replies', async () => {
    const { link, log } = await linked(away.url);
    const records = recordsOf(link);
    await records.begin('before', 'd');
    await records.complete('before', 'd', reply);
    await away.kill();
    expect(await records.begin('before', 'd')).toEqual({ kind: 'replay', reply });
    expect(await records.begin('before', 'e')).toEqual({ kind: 'mismatch' });
    for (let n = 0; n < 20; n++) {
      expect(await records.begin(`k${n}`, 'd')).toEqual({ kind: 'started' });
      expect(await records.begin(`k${n}`, 'd')).toEqual({ kind: 'in-flight' });
      await records.complete(`k${n}`, 'd', reply);
    }
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('are shared again once it is back, with the replies given since', async () => {
    const a = await linked(away.url);
    const b = await linked(away.url, { prefix: a.link.prefix });
    const [inA, inB] = [recordsOf(a.link), recordsOf(b.link)];
    await away.kill();
    await inA.begin('k', 'd');
    await away.restart();
    await eventually(async () => (await inB.begin('other', 'd')).kind === 'in-flight');
    await eventually(async () => {
      await inA.complete('k', 'd', reply);
      return (await inB.begin('k', 'd')).kind === 'replay';
    });
  });

  it('do not keep a request waiting for a Redis that hangs', async () => {
    const { link } = await linked(away.url, { timeoutMs: 50, restMs: 60_000 });
    const records = recordsOf(link);
    away.pause();
    for (let n = 0; n < 1_000; n++) await records.begin(`k${n}`, 'd');
    expect(await records.begin('k999', 'd')).toEqual({ kind: 'in-flight' });
    away.resume();
  });
});
