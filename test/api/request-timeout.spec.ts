import { Logger } from '@nestjs/common';
import Fastify, { type FastifyInstance } from 'fastify';
import { problemMediaType } from '../../src/api/problems/problem.js';
import { addRequestTimeout } from '../../src/api/request-timeout.js';

const day = 24 * 3_600_000;

let fastify: FastifyInstance;
let logged: string[];
beforeEach(() => {
  fastify = Fastify();
  const logger = new Logger();
  logged = [];
  jest.spyOn(logger, 'error').mockImplementation((message) => {
    logged.push(String(message));
  });
  fastify.decorateRequest('isTurnedAway', false);
  addRequestTimeout(fastify, logger, { timeoutMs: 50, longTimeoutMs: day });
});
afterEach(() => fastify.close());

const never = () => new Promise<never>(() => {});

async function post(path: string): Promise<Response> {
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
  const headers = { 'content-type': 'application/json' };
  return fetch(`${url}${path}`, { method: 'POST', headers, body: '{"quantity":2}' });
}

it('answers a command whose handler hangs, though its body has been read', async () => {
  fastify.post('/holds', never);
  const reply = await post('/holds');
  expect(reply.status).toBe(503);
  expect(reply.headers.get('content-type')).toContain(problemMediaType);
  expect(reply.headers.get('retry-after')).toBe('1');
  expect(await reply.json()).toMatchObject({
    code: 'unavailable',
    detail: expect.stringContaining('repeat the request with the same idempotency key'),
  });
  expect(logged).toEqual([expect.stringMatching(/POST \/holds: the handler hangs/)]);
});

it('leaves a live stream open that has begun', async () => {
  let end: () => void = () => {};
  fastify.get('/stream', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200).write('first ');
    end = () => void reply.raw.end('last');
  });
  fastify.post('/holds', never);
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
  const stream = await fetch(`${url}/stream`);
  // Asked for later, so the stream's time is up when this is answered.
  expect((await fetch(`${url}/holds`, { method: 'POST' })).status).toBe(503);
  end();
  expect(await stream.text()).toBe('first last');
});

it('gives what takes long its own limit', async () => {
  let settle: (text: string) => void = () => {};
  const answered = new Promise<string>((resolve) => {
    settle = resolve;
  });
  fastify.post('/import', { config: { load: 'long' } }, () => answered);
  fastify.post('/holds', never);
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
  const slow = fetch(`${url}/import`, { method: 'POST' });
  // Asked for later, so the other's time would have been up before.
  expect((await fetch(`${url}/holds`, { method: 'POST' })).status).toBe(503);
  settle('imported');
  expect(await (await slow).text()).toBe('imported');
});

it('has nothing to say of a client that has gone', async () => {
  // Only the limit's own clock: on a slow machine it could run out before the server sees the client leave.
  jest.useFakeTimers({
    doNotFake: [
      'Date',
      'performance',
      'hrtime',
      'nextTick',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
    ],
  });
  try {
    const leaving = new AbortController();
    const gone = new Promise<void>((resolve) => {
      fastify.post('/gone', (_request, reply) => {
        reply.raw.once('close', resolve);
        leaving.abort();
        return never();
      });
    });
    const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
    await expect(fetch(`${url}/gone`, { method: 'POST', signal: leaving.signal })).rejects.toThrow();
    await gone;
    jest.advanceTimersByTime(day);
    expect(logged).toEqual([]);
  } finally {
    jest.useRealTimers();
  }
});
