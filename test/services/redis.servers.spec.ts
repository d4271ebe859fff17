import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from './redis.js';

let server: TestRedis | undefined;
const clients: Redis[] = [];

async function started(options?: { persistent: boolean }): Promise<TestRedis> {
  server = await startRedis(options);
  return server;
}

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await server?.stop();
  server = undefined;
});

it('starts an empty server that refuses writes rather than evict', async () => {
  const client = connect((await started()).url);
  expect(await client.dbsize()).toBe(0);
  expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
});

it('is emptied on request', async () => {
  const redis = await started();
  const client = connect(redis.url);
  await client.set('key', 'value');
  await redis.flushAll();
  expect(await client.get('key')).toBeNull();
});

it('comes back empty at the same address after a crash', async () => {
  const redis = await started();
  const client = connect(redis.url);
  await client.set('key', 'value');
  await redis.kill();
  await redis.restart();
  expect(await client.get('key')).toBeNull();
});

it('keeps its data over a crash when asked to', async () => {
  const redis = await started({ persistent: true });
  const client = connect(redis.url);
  await client.set('key', 'value');
  await redis.kill();
  await redis.restart();
  expect(await client.get('key')).toBe('value');
});

it('does not answer while it is paused', async () => {
  const redis = await started();
  const client = connect(redis.url);
  await client.ping();
  await redis.pause();
  let answered = false;
  const answer = client.ping().then(() => {
    answered = true;
  });
  const another = await startRedis();
  await another.stop();
  expect(answered).toBe(false);
  await redis.resume();
  await answer;
});
