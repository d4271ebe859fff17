import { connect, type Socket } from 'node:net';
import { LoadGate } from '../../src/api/load-gate.js';
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

  it('is as patient with the beginning of an event stream as with commands, and told of each connection', async () => {
    const enter = jest.spyOn(LoadGate.prototype, 'enter');
    const accepted = jest.spyOn(LoadGate.prototype, 'accepted');
    const stream = await StreamClient.open(`${url}/v1/schedules/${scheduleId}/seats/events`);
    await fetch(`${url}/v1/performances`);
    expect(enter.mock.calls.map(([kind]) => kind)).toEqual(['command', 'read']);
    expect(accepted).toHaveBeenCalled();
    await stream.close();
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

/** A client whose request does not arrive. */
class SlowClient {
  /** All that the server has sent. */
  received = '';
  readonly closed: Promise<string>;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
    });
    this.closed = new Promise((resolve) => {
      socket.on('error', () => undefined).on('close', () => resolve(this.received));
    });
  }

  /** Sends the head of a request and no body. Resolves when the server has begun to wait for the body. */
  static async announcing(address: string, bodyBytes = 50): Promise<SlowClient> {
    const { hostname, port } = new URL(address);
    const client = new SlowClient(connect(Number(port), hostname));
    const head = [
      'POST /v1/auth/login HTTP/1.1',
      'Host: x',
      'Content-Type: application/json',
      `Content-Length: ${bodyBytes}`,
    ];
    client.socket.write(`${[...head, 'Expect: 100-continue'].join('\r\n')}\r\n\r\n`);
    await waitUntil('the server waits for the body', async () => client.received.includes('100 Continue'));
    return client;
  }

  /** Sends the body byte by byte, and never all of it. */
  drip(): this {
    const timer = setInterval(() => this.socket.write(' '), 20);
    this.socket.once('close', () => clearInterval(timer));
    return this;
  }
}

describe('clients that announce a body and do not send it', () => {
  const reads = async () => (await fetch(`${url}/v1/performances`)).status;
  let patient: ApiUnderTest | undefined;
  const start = async (settings: Parameters<typeof startApi>[0]) => {
    patient = await startApi(settings);
    patient.commands.handler = async () => ({ userId: 'x', access: {}, refresh: {}, position: 1 });
    await patient.app.listen(0, '127.0.0.1');
    url = await patient.app.getUrl();
  };
  afterEach(async () => {
    await patient?.app.close();
    patient = undefined;
  });

  it('keep nobody out, though there are as many as requests may be under way', async () => {
    await start({ settings: { load: { maxInFlight: 3, maxWaitMs: 0 } } });
    const slow = await Promise.all([1, 2, 3].map(() => SlowClient.announcing(url)));
    expect([await reads(), (await post()).reply.status]).toEqual([200, 200]);
    for (const { socket } of slow) socket.destroy();
  });

  it('make room for newer ones: the one that has been slow for the longest time is cut off', async () => {
    await start({ settings: { load: { maxInFlight: 2, maxWaitMs: 0 } } });
    const [first, second, third] = [
      await SlowClient.announcing(url),
      await SlowClient.announcing(url),
      await SlowClient.announcing(url),
    ];
    const reply = await first.closed;
    expect(reply).toContain('HTTP/1.1 408');
    expect(reply).toContain('"code":"request-timeout"');
    // Those that have been slow for a shorter time are waited for.
    second.socket.write('{"loginId":"mina","password":"a long password"}   ');
    await waitUntil('it is answered', async () => second.received.includes('HTTP/1.1 200'));
    expect(third.received).not.toContain('408');
    second.socket.destroy();
    third.socket.destroy();
  });

  it('are cut off in time, whether they send nothing or drip', async () => {
    await start({
      settings: { receiveTimeoutMs: 200, requestTimeouts: { timeoutMs: 50, longTimeoutMs: 50 } },
    });
    const clients = [await SlowClient.announcing(url), (await SlowClient.announcing(url, 8_000)).drip()];
    for (const { closed } of clients) {
      const reply = await closed;
      expect(reply).toContain('HTTP/1.1 408');
      expect(reply).toContain('"code":"request-timeout"');
      expect(reply).not.toContain('503');
    }
  });
});
