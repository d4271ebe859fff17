import { waitUntil } from '../services/wait-until.js';
import { type ApiUnderTest, adminKey, scheduleId, startApi } from './api-under-test.js';
import { StreamClient } from './stream-client.js';

const login = {
  method: 'POST',
  url: '/v1/auth/login',
  payload: { loginId: 'mina', password: 'a long password' },
} as const;

let api: ApiUnderTest;
let url: string;

beforeEach(async () => {
  api = await startApi({
    settings: { load: { maxInFlight: 1, maxWaitMs: 0 } },
    reads: { schedule: async () => ({ scheduleId }) as never /* only its presence matters */ },
  });
  await api.app.listen(0, '127.0.0.1');
  url = await api.app.getUrl();
});
afterEach(() => api.app.close());

/** A request that is under way until it is released. */
async function fill(): Promise<{ release(): Promise<unknown> }> {
  let answer: (reply: unknown) => void = () => {};
  const asked = new Promise<void>((resolve) => {
    api.commands.handler = () => {
      resolve();
      return new Promise((settle) => {
        answer = settle;
      });
    };
  });
  const reply = post();
  await asked;
  return {
    release: () => {
      answer({ userId: 'x', access: {}, refresh: {}, position: 1 });
      return reply;
    },
  };
}

const post = () =>
  fetch(`${url}${login.url}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login.payload),
  }).then(async (reply) => {
    const body = (await reply.json()) as Record<string, unknown>; // our own API answers JSON objects
    return { reply, body };
  });

describe('a process that has as many requests as it may', () => {
  it('turns the next one away at once, saying when to come back', async () => {
    const { release } = await fill();
    const { reply, body } = await post();
    expect(body).toMatchObject({ code: 'busy', status: 503, requestId: expect.any(String) });
    expect(reply.headers.get('x-request-id')).toBe(body.requestId);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    await release();
    api.commands.handler = () => ({ userId: 'x', access: {}, refresh: {}, position: 1 });
    expect((await post()).reply.status).toBe(200);
  });

  it('still answers health checks, operators and the payment system', async () => {
    const { release } = await fill();
    const statuses = await Promise.all([
      fetch(`${url}/health/live`),
      fetch(`${url}/v1/admin/imports/formats`, { headers: { authorization: `Bearer ${adminKey}` } }),
      fetch(`${url}/v1/payment-callbacks`, { method: 'POST', body: '{}' }),
    ]).then((replies) => replies.map(({ status }) => status));
    expect(statuses).toEqual([200, 200, 403]);
    await release();
  });

  it('counts an event stream only while it begins', async () => {
    const stream = await StreamClient.open(`${url}/v1/schedules/${scheduleId}/seats/events`);
    api.commands.handler = () => ({ userId: 'x', access: {}, refresh: {}, position: 1 });
    expect((await post()).reply.status).toBe(200);
    await stream.close();
  });
});

describe('a command that hangs', () => {
  it('is answered all the same, and the next one let in', async () => {
    const impatient = await startApi({
      settings: {
        load: { maxInFlight: 1, maxWaitMs: 0 },
        requestTimeouts: { timeoutMs: 50, longTimeoutMs: 50 },
      },
    });
    try {
      await impatient.app.listen(0, '127.0.0.1');
      url = await impatient.app.getUrl();
      impatient.commands.handler = () => new Promise(() => {});
      expect((await post()).body).toMatchObject({ code: 'unavailable', status: 503 });
      impatient.commands.handler = async () => ({ userId: 'x', access: {}, refresh: {}, position: 1 });
      await waitUntil('it is let in', async () => (await post()).reply.ok);
    } finally {
      await impatient.app.close();
    }
  });
});
