import { RedisLink, RedisScript } from '../../src/platform/redis.js';
import { RecordedLog } from '../processes/support.js';
import { startRedis, type TestRedis } from '../services/redis.js';
import { eventually } from '../services/wait-until.js';
import { closeLinks, linked } from './linked.js';

let redis: TestRedis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  closeLinks();
  await redis.stop();
});

const ping = (link: RedisLink) =>
  link.attempt<string>(
    (client) => client.ping(),
    () => 'without it',
  );

describe('a link to Redis', () => {
  it('answers without Redis while it is away, and with it again afterwards', async () => {
    const { link, log } = await linked(redis.url);
    expect(await ping(link)).toBe('PONG');
    await redis.kill();
    for (let n = 0; n < 100; n++) expect(await ping(link)).toBe('without it');
    await eventually(() => log.lines.length > 0);
    await redis.restart();
    await eventually(async () => (await ping(link)) === 'PONG');
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'Redis does not answer: this process goes on without it'],
      ['info', 'Redis answers again'],
    ]);
  });

  it('says that its connection broke, however soon it is back', async () => {
    const { link, log } = await linked(redis.url);
    const { link: other } = await linked(redis.url);
    await other.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually(() => log.lines.length === 2);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    expect(await ping(link)).toBe('PONG');
  });

  it('waits for a Redis that hangs once, not once a question', async () => {
    const { link } = await linked(redis.url, { timeoutMs: 50, restMs: 60_000 });
    let questions = 0;
    redis.pause();
    for (let n = 0; n < 100; n++) {
      const answer = await link.attempt<string>(
        (client) => {
          questions++;
          return client.ping();
        },
        () => 'without it',
      );
      expect(answer).toBe('without it');
    }
    expect(questions).toBe(1);
    redis.resume();
  });

  it('lets one caller after each rest find out whether Redis is back', async () => {
    const { link } = await linked(redis.url, { timeoutMs: 100, restMs: 200 });
    redis.pause();
    await ping(link);
    let questions = 0;
    const ask = () =>
      link.attempt<string>(
        (client) => {
          questions++;
          return client.ping();
        },
        () => 'without it',
      );
    const answers: Promise<string>[] = [];
    await eventually(() => {
      for (let n = 0; n < 10; n++) answers.push(ask());
      return questions > 0;
    });
    expect(questions).toBe(1);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['without it']));
    redis.resume();
    await eventually(async () => (await ping(link)) === 'PONG');
  });

  it('takes what Redis refuses for no answer', async () => {
    const { link } = await linked(redis.url);
    await link.client.set(link.key('text'), 'text');
    const answer = await link.attempt<number>(
      (client) => client.hset(link.key('text'), 'field', 'value'),
      () => -1,
    );
    expect(answer).toBe(-1);
  });

  it('begins without Redis', async () => {
    await redis.kill();
    const link = new RedisLink(redis.url, new RecordedLog());
    expect(await link.waitUntilReady(1)).toBe(false);
    expect(await ping(link)).toBe('without it');
    await redis.restart();
    expect(await link.waitUntilReady(10_000)).toBe(true);
    expect(await ping(link)).toBe('PONG');
    link.close();
  });

  it('answers without Redis once it is closed, and says nothing about it', async () => {
    const { link, log } = await linked(redis.url);
    const underWay = ping(link);
    link.close();
    await underWay;
    expect(await ping(link)).toBe('without it');
    expect(log.lines).toEqual([]);
  });
});

it('a script runs again after Redis has forgotten it', async () => {
  const { link } = await linked(redis.url);
  const script = new RedisScript('return {KEYS[1], ARGV[1]}');
  expect(await script.run(link.client, 'key', 'one')).toEqual(['key', 'one']);
  await link.client.script('FLUSH');
  expect(await script.run(link.client, 'key', 'two')).toEqual(['key', 'two']);
});
