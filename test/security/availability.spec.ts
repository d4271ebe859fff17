/**
 * Attacks on availability: OWASP API4:2023 (unrestricted resource consumption), ASVS 5.0 V15.2.2 (defences against loss of
 * availability) and V4.1.3 (headers of intermediaries cannot be overridden by the client).
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { defaultApiSettings } from '../../src/api/api-settings.js';
import { type ConnectionLimits, Connections } from '../../src/api/connections.js';
import { ReadAllowance } from '../../src/api/read-allowance.js';
import { PositionBeyondLog } from '../../src/api/read-position.js';
import { trustIn } from '../../src/platform/client-address.js';
import { type ApiUnderTest, adminKey, scheduleId, startApi } from '../api/api-under-test.js';
import { eventually, waitUntil } from '../services/wait-until.js';
import { RawConnection } from './raw-connection.js';

const session = { userId: 'x', access: {}, refresh: {}, position: 1 };
const login = JSON.stringify({ loginId: 'mina', password: 'a long password' });
const schedulePath = `/v1/schedules/${scheduleId}`;
/** Longer than any test. */
const forLongMs = 3_600_000;

type Settings = NonNullable<NonNullable<Parameters<typeof startApi>[0]>['settings']>;

let api: ApiUnderTest | undefined;
let url: string;
const connections: RawConnection[] = [];

async function start(options: Parameters<typeof startApi>[0] = {}): Promise<ApiUnderTest> {
  api = await startApi(options);
  api.commands.handler = async () => session;
  await api.app.listen(0, '127.0.0.1');
  url = await api.app.getUrl();
  return api;
}

async function connected(from?: string): Promise<RawConnection> {
  const connection = await RawConnection.to(url, from);
  connections.push(connection);
  return connection;
}

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await api?.app.close();
  api = undefined;
});

/** Whether a new connection is accepted and answered. */
async function isServed(from: string): Promise<boolean> {
  const client = (await connected(from)).get(['/health/live']);
  await eventually(() => client.statuses.length === 1 || client.socket.destroyed);
  return client.statuses[0] === 200;
}

async function metric(name: string): Promise<string | undefined> {
  const reply = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${adminKey}` } });
  const lines = (await reply.text()).split('\n');
  return lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

const logIn = async (body = login) =>
  fetch(`${url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });

describe('bodies that do not arrive (API4:2023)', () => {
  it('lock nobody out: as many stalled log-ins as there may be requests', async () => {
    await start({ settings: { load: { maxInFlight: 20, maxWaitMs: 0 } } });
    for (let client = 0; client < 20; client++) {
      const slow = (await connected()).announce('/v1/auth/login', 50);
      await waitUntil('the body is waited for', async () => slow.received.includes('100 Continue'));
    }
    expect((await logIn()).status).toBe(200);
  });

  it('of anybody have less time than those of a fan', async () => {
    await start({ settings: { anonymousBodies: { limitBytes: 8_192, timeoutMs: 50 } } });
    const anonymous = (await connected()).announce('/v1/auth/login', 50);
    const fan = (await connected()).announce('/v1/wallet/charges', 50);
    expect(await anonymous.closed).toContain('"code":"request-timeout"');
    expect(anonymous.statuses).toEqual([408]);
    expect(fan.statuses).toEqual([]);
    expect(fan.socket.destroyed).toBe(false);
  });

  it.each(['/v1/users', '/v1/auth/login', '/v1/auth/refresh', '/v1/auth/logout', '/v1/payment-callbacks'])(
    'of anybody are small: %s',
    async (path) => {
      await start();
      const reply = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ loginId: 'x'.repeat(8_192) }),
      });
      expect(await reply.json()).toMatchObject({ code: 'body-too-large', status: 413 });
    },
  );
});

describe('many requests on one connection (API4:2023)', () => {
  it('are made one at a time, and disconnected when they are too many: 300 reads that nobody reads', async () => {
    let reads = 0;
    await start({
      reads: {
        schedule: () => {
          reads++;
          return new Promise(() => undefined);
        },
      },
    });
    const attacker = (await connected()).get(Array.from({ length: 300 }, (_, n) => `${schedulePath}?n=${n}`));
    expect(await attacker.closed).toBe('');
    expect(reads).toBe(1);
    // The process goes on, and tells.
    expect(await metric('boxoffice_connections_ended_total{why="pipelining"}')).toBe('1');
  });

  it('are answered in order when they are few', async () => {
    await start();
    const paths = ['/health/live', '/v1/none', '/v1/me', '/v1/performances', '/health/live'];
    const client = (await connected()).get(paths);
    await eventually(() => client.statuses.length === paths.length);
    expect(client.statuses).toEqual([200, 404, 401, 200, 200]);
  });

  it('give their places back when the client goes away', async () => {
    let release: () => void = () => undefined;
    let asked = 0;
    await start({
      settings: { load: { maxInFlight: 3, maxWaitMs: 0 } },
      reads: {
        schedule: () => {
          asked++;
          return new Promise((resolve) => {
            release = () => resolve(null);
          });
        },
      },
    });
    for (let attack = 1; attack <= 3; attack++) {
      const attacker = (await connected()).get(
        Array.from({ length: 10 }, (_, n) => `${schedulePath}?n=${n}`),
      );
      await eventually(() => asked === attack);
      attacker.close();
      await attacker.closed;
      release();
    }
    await waitUntil('there is a place', async () => (await fetch(`${url}/v1/performances`)).ok);
  });

  it('keep an address out that overruns again and again, and nobody else', async () => {
    await start({
      settings: { connections: { ...defaultApiSettings.connections, refuseAfterMs: 0 } },
      reads: { schedule: () => new Promise(() => undefined) },
    });
    const flood = Array.from({ length: 100 }, (_, n) => `${schedulePath}?n=${n}`);
    const from = '127.0.0.66';
    let attacks = 0;
    // Every six seconds one more is forgiven, which matters on a slow machine only.
    while (attacks < 100 && (await isServed(from))) {
      await (await connected(from)).get(flood).closed;
      attacks++;
    }
    expect(attacks).toBeGreaterThanOrEqual(10);
    expect(attacks).toBeLessThan(100);
    expect(await isServed('127.0.0.67')).toBe(true);
  });
});

describe('connections (API4:2023)', () => {
  const limited = (limits: Partial<ConnectionLimits>) => ({
    settings: { connections: { ...defaultApiSettings.connections, refuseAfterMs: 0, ...limits } },
  });

  it('of one address are bounded, and others keep theirs', async () => {
    await start(limited({ maxPerAddress: 2 }));
    const from = '127.0.0.66';
    expect([await isServed(from), await isServed(from), await isServed(from)]).toEqual([true, true, false]);
    expect(await isServed('127.0.0.67')).toBe(true);
    connections[0]?.close();
    await waitUntil('one is free again', () => isServed(from));
  });

  it('of one address beyond their number are closed late, and nothing of them is looked at', async () => {
    await start(limited({ maxPerAddress: 1, refuseAfterMs: forLongMs }));
    const from = '127.0.0.66';
    expect(await isServed(from)).toBe(true);
    const refused = (await connected(from)).get(['/health/live']);
    // Sent later by somebody else, and answered.
    expect(await isServed('127.0.0.67')).toBe(true);
    expect([refused.received, refused.socket.destroyed]).toEqual(['', false]);
    await api?.app.close();
    api = undefined;
    await refused.closed;
  });

  it('are bounded in all', async () => {
    await start(limited({ max: 2 }));
    expect([
      await isServed('127.0.0.66'),
      await isServed('127.0.0.67'),
      await isServed('127.0.0.68'),
    ]).toEqual([true, true, false]);
  });

  it('of a trusted proxy are those of many', async () => {
    const { settings } = limited({ maxPerAddress: 1 });
    await start({ settings: { ...settings, trustProxy: ['127.0.0.66'] } });
    expect([await isServed('127.0.0.66'), await isServed('127.0.0.66')]).toEqual([true, true]);
    expect([await isServed('127.0.0.67'), await isServed('127.0.0.67')]).toEqual([true, false]);
  });
});

describe('replies that are not taken (API4:2023)', () => {
  let server: Server;
  let nowMs: number;
  let bounded: Connections;
  const replies: ServerResponse[] = [];
  const megabytes = 64;

  const serve = async (limits: Partial<ConnectionLimits> = {}) => {
    nowMs = 0;
    replies.length = 0;
    const body = Buffer.alloc(megabytes * 1024 * 1024, 'x');
    server = createServer((_request, response) => {
      replies.push(response);
      response.end(body);
    });
    const usual = defaultApiSettings.connections;
    bounded = new Connections({ ...usual, takeReplyMs: 30_000, ...limits }, trustIn(false), () => nowMs);
    bounded.watch(server, () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
  };
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  /** A client that asks and reads nothing. */
  const idler = async () => {
    const before = replies.length;
    const client = await connected();
    client.socket.pause();
    client.get(['/']);
    await eventually(() => replies.length > before);
    return client;
  };
  const isCut = () => replies.map((reply) => reply.destroyed || reply.closed);

  it('end the connection when their time is over', async () => {
    await serve({ slowestBytesPerSecond: 1024 * 1024 });
    await idler();
    bounded.sweep();
    // Half a minute, and a second for each megabyte.
    nowMs = 30_000 + (megabytes - 8) * 1_000;
    bounded.sweep();
    expect(isCut()).toEqual([false]);
    nowMs = 31_000 + megabytes * 1_000;
    bounded.sweep();
    await eventually(() => isCut()[0] === true);
  });

  it('are bounded in all: the client that has waited for the longest time is given up', async () => {
    await serve({ maxUntakenBytes: 1.5 * megabytes * 1024 * 1024 });
    await idler();
    bounded.sweep();
    nowMs = 1_000;
    await idler();
    bounded.sweep();
    await eventually(() => isCut()[0] === true);
    expect(isCut()).toEqual([true, false]);
  });

  it('do not disturb a client that reads', async () => {
    await serve();
    await idler();
    const reply = await fetch(url);
    nowMs = forLongMs;
    expect((await reply.arrayBuffer()).byteLength).toBe(megabytes * 1024 * 1024);
  });
});

describe('reads of one address (API4:2023)', () => {
  /** One read of an address, and another one a minute later. */
  const few = (more: Settings = {}, refuseAfterMs = 0) => ({
    settings: { reads: { perMinute: 1, maxRemembered: 1_000, refuseAfterMs }, ...more },
  });
  const statusOf = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${url}${path}`, { headers })).status;
  const statuses = async (count: number, path: string, headers?: Record<string, string>) => {
    const all: number[] = [];
    for (let n = 0; n < count; n++) all.push(await statusOf(path, headers));
    return all;
  };

  it('are refused beyond their number, with the time to wait, whatever the client claims to be', async () => {
    await start(few());
    const claims = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}` });
    expect(await statusOf('/v1/none', claims(1))).toBe(404);
    const refused = await fetch(`${url}/v1/none`, { headers: claims(2) });
    expect(await refused.json()).toMatchObject({ code: 'too-many-requests', status: 429 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await metric('boxoffice_requests_refused_total{why="address"}')).toBe('1');
    const other = (await connected('127.0.0.67')).get(['/v1/none']);
    await eventually(() => other.statuses.length === 1);
    expect(other.statuses).toEqual([404]);
  });

  it('count with all that is asked without an access token', async () => {
    await start(few());
    expect([(await logIn()).status, (await logIn()).status]).toEqual([200, 429]);
  });

  it('leave commands of fans, health checks and operators alone', async () => {
    const { accessHeaders } = await start(few());
    expect(await statuses(2, '/v1/none')).toEqual([404, 429]);
    expect(await statuses(2, '/health/live')).toEqual([200, 200]);
    const operator = { authorization: `Bearer ${adminKey}` };
    expect(await statuses(2, '/v1/admin/imports/formats', operator)).toEqual([200, 200]);
    expect(await statusOf('/v1/admin/imports/formats', { authorization: 'Bearer guessed' })).toBe(429);
    const charge = await fetch(`${url}/v1/wallet/charges`, { method: 'POST', headers: accessHeaders() });
    expect(charge.status).not.toBe(429);
  });

  it('are refused late, and nothing else is done for the connection meanwhile', async () => {
    await start(few({}, forLongMs));
    expect(await statusOf('/v1/none')).toBe(404);
    const attacker = (await connected()).get(['/v1/none', '/health/live']);
    const late = (await connected()).get(['/health/live']);
    // Sent later by others, and answered.
    expect([await isServed('127.0.0.66'), await isServed('127.0.0.67')]).toEqual([true, true]);
    expect([attacker.received, late.received]).toEqual(['', '']);
  });

  describe('behind a proxy', () => {
    const by = (address: string) => ({ 'x-forwarded-for': address });

    it('count under the address that the last proxy names (V4.1.3)', async () => {
      await start(few({ trustProxy: 1 }, forLongMs));
      expect(await statusOf('/v1/none', by('203.0.113.5, 198.51.100.1'))).toBe(404);
      // At once: others share the proxy's connection.
      expect(await statusOf('/v1/none', by('203.0.113.6, 198.51.100.1'))).toBe(429);
      expect(await statusOf('/v1/none', by('203.0.113.5, 198.51.100.2'))).toBe(404);
    });

    it('count for a whole /64 of IPv6 as for one address of IPv4', async () => {
      await start(few({ trustProxy: ['127.0.0.0/8'] }));
      expect(await statusOf('/v1/none', by('2001:db8:0:7::1'))).toBe(404);
      expect(await statusOf('/v1/none', by('2001:db8:0:7:ffff::2'))).toBe(429);
      expect(await statusOf('/v1/none', by('2001:db8:0:8::1'))).toBe(404);
      expect(await statusOf('/v1/none', by('192.0.2.1'))).toBe(404);
      expect(await statusOf('/v1/none', by('::ffff:192.0.2.1'))).toBe(429);
    });

    it('count under the connection’s address when it is no proxy’s', async () => {
      await start(few({ trustProxy: ['10.0.0.0/8'] }));
      expect(await statusOf('/v1/none', by('198.51.100.1'))).toBe(404);
      expect(await statusOf('/v1/none', by('198.51.100.2'))).toBe(429);
    });
  });

  it('may be made for one client until they are too much, and are sent from memory all the same', async () => {
    const venueId = '12121212-1212-4212-8212-121212121212';
    const venue = { venueId, name: 'x'.repeat(320 * 1024) } as never; // only its size matters
    // Thirteen requests at once; ten of them, and two, are for what is made.
    const reads = { perMinute: 52, maxRemembered: 1_000, refuseAfterMs: 0 };
    const sharedReplies = { ...defaultApiSettings.sharedReplies, freshForMs: forLongMs };
    await start({ settings: { reads, sharedReplies }, reads: { venue: async () => venue } });
    const path = `/v1/venues/${venueId}`;
    expect(await statuses(2, path)).toEqual([200, 200]);
    expect(await statusOf('/v1/venues/34343434-3434-4434-8434-343434343434')).toBe(429);
  });

  it('count for more when a large reply is made, as large as that route’s last one', () => {
    const allowance = new ReadAllowance({ perMinute: 400, maxRemembered: 10 }, () => 0);
    const request = (query: object) =>
      ({ ip: '192.0.2.1', query, routeOptions: { url: '/seats' } }) as FastifyRequest; // all it uses
    allowance.made(request({}), 2 * 1024 * 1024);
    allowance.takeForMaking(request({}));
    expect(() => allowance.takeForMaking(request({}))).toThrow('Too many requests');
    // What is sent from memory is allowed still.
    expect(allowance.take(request({}))).toBe(0);
  });

  it('count for more when the past is folded', () => {
    // Two hundred at once.
    const allowance = new ReadAllowance({ perMinute: 800, maxRemembered: 10 }, () => 0);
    const request = (query: object) =>
      ({ ip: '192.0.2.1', query, routeOptions: { url: '/queue' } }) as FastifyRequest; // all it uses
    // No reply is known yet.
    allowance.takeForMaking(request({ at: '7' }));
    expect(() => allowance.takeForMaking(request({ at: '8' }))).toThrow('Too many requests');
    allowance.made(request({ at: '7' }), 10);
    expect(() => allowance.takeForMaking(request({ at: '9' }))).toThrow('Too many requests');
    allowance.takeForMaking(request({}));
  });
});

describe('live streams of one address (API4:2023)', () => {
  it('are bounded, and others get theirs', async () => {
    await start({
      settings: { sse: { ...defaultApiSettings.sse, maxPerAddress: 1 } },
      reads: { schedule: async () => ({ scheduleId }) as never /* only its presence matters */ },
    });
    const path = `${schedulePath}/seats/events`;
    const open = async (from: string) => {
      const client = (await connected(from)).get([path]);
      await eventually(() => client.statuses.length === 1);
      return client;
    };
    const first = await open('127.0.0.66');
    const second = await open('127.0.0.66');
    expect([first.statuses, second.statuses]).toEqual([[200], [429]]);
    expect(second.received).toContain('"code":"too-many-requests"');
    expect((await open('127.0.0.67')).statuses).toEqual([200]);
    first.close();
    await waitUntil('one is free again', async () => (await open('127.0.0.66')).statuses[0] === 200);
  });
});

describe('positions that are never reached (API4:2023)', () => {
  it('are refused at once when the log does not have them', async () => {
    const { position } = await start();
    position.waitFor = async () => {
      throw new PositionBeyondLog();
    };
    const reply = await fetch(`${url}/v1/performances`, {
      headers: { 'x-wait-for-position': '999999999999999' },
    });
    expect(await reply.json()).toMatchObject({ code: 'position-unknown', status: 400 });
  });

  it('are waited for by a few only, over all endpoints', async () => {
    const { position, accessHeaders } = await start({ settings: { maxWaitingForPosition: 2 } });
    let waiting = 0;
    position.waitFor = () => {
      waiting++;
      return new Promise(() => undefined);
    };
    const headers = { ...accessHeaders(), 'x-wait-for-position': '1000001' };
    const [one, other] = [new AbortController(), new AbortController()];
    const waits = [
      fetch(`${url}/v1/performances`, { headers, signal: one.signal }),
      fetch(`${url}/v1/me`, { headers, signal: other.signal }),
    ];
    await eventually(() => waiting === 2);
    const third = await fetch(`${url}/v1/orders`, { headers });
    expect(await third.json()).toMatchObject({ code: 'read-model-behind', status: 503 });
    expect((await fetch(`${url}/v1/performances`)).status).toBe(200);
    one.abort();
    other.abort();
    await Promise.allSettled(waits);
  });
});
