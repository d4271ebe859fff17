import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTo } from 'node:net';
import { Writable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiSettings } from '../../src/api/api-settings.js';
import { defaultApiSettings } from '../../src/api/api-settings.js';
import { type EventStream, EventStreams } from '../../src/api/live/event-streams.js';
import { SeatChanges } from '../../src/api/live/seat-changes.js';
import { shuffledPlaces } from '../../src/domain/shuffle.js';
import type { Position } from '../../src/event-store/port.js';
import {
  addMs,
  type ScheduleId,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
  tokenIdSchema,
  venueIdSchema,
} from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { PriceList } from '../../src/projections/catalog/prices.js';
import type { Queries } from '../../src/queries/queries.js';
import { QueueBoard, type QueueState, type TokenState } from '../../src/queries/queue-board.js';
import type { ScheduleReply } from '../../src/queries/replies/catalog.js';
import { liveQueue, placeIn, queueTokenReply } from '../../src/queries/replies/queue.js';
import type { SaleDates } from '../../src/queries/sale.js';
import { SeatBoard } from '../../src/queries/seat-board.js';
import { eventually } from '../services/wait-until.js';
import {
  type ApiUnderTest,
  ManualClock,
  otherPerformanceId,
  performanceId,
  scheduleId,
  startApi,
  tokenId,
  userId,
} from './api-under-test.js';
import { append, changeSeat, StreamClient } from './stream-client.js';

const id: ScheduleId = scheduleIdSchema.parse(scheduleId);
const schedule: ScheduleReply = {
  scheduleId: id,
  performanceId,
  venueId: venueIdSchema.parse('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'),
  startsAt: toInstant(0),
  startsAtLocal: '1970-01-01T09:00:00+09:00',
  timeZone: 'Asia/Seoul',
  status: 'scheduled',
  cancellation: null,
  refundWindowUntil: null,
  capacity: 2,
  availableSeats: 2,
};

let api: ApiUnderTest;
let url: string;
const clients: StreamClient[] = [];

async function start(sse: Partial<ApiSettings['sse']> = {}, reads: Partial<Queries> = {}): Promise<void> {
  const settings = { sse: { ...defaultApiSettings.sse, seatsEveryMs: 20, positionEveryMs: 5, ...sse } };
  api = await startApi({ settings, reads: { schedule: async () => schedule, ...reads } });
  await api.app.listen(0, '127.0.0.1');
  url = await api.app.getUrl();
}

async function open(path: string, headers?: Record<string, string>): Promise<StreamClient> {
  const client = await StreamClient.open(`${url}${path}`, headers);
  clients.push(client);
  return client;
}

const seatsPath = `/v1/schedules/${scheduleId}/seats/events`;
const placePath = `/v1/performances/${performanceId}/queue-token/events`;

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await api.app.close();
});

/** Each seat that a client was told of, with its status, in order. */
function told(client: StreamClient): { readonly seatId: string; readonly status: string }[] {
  return client
    .messages('seats')
    .flatMap((message) => z.object({ seats: z.array(seatToldSchema) }).parse(message).seats);
}

const seatToldSchema = z.object({ seatId: z.string(), status: z.string() });

describe('live seats', () => {
  it('gather the changes of a moment into one message for everybody', async () => {
    await start();
    const [one, other] = [await open(seatsPath), await open(seatsPath)];
    expect(one.response.headers.get('content-type')).toContain('text/event-stream');
    expect(one.response.headers.get('x-request-id')).toBeTruthy();
    await changeSeat(api.store, 'A-1', 'held');
    await changeSeat(api.store, 'A-2', 'held');
    const position = await changeSeat(api.store, 'A-1', 'free');
    await eventually(() => one.messages('seats').length > 0 && other.messages('seats').length > 0);
    const seats = [
      { seatId: 'A-1', status: 'free' },
      { seatId: 'A-2', status: 'held' },
    ];
    expect(one.messages('seats')).toEqual([{ position, seats }]);
    expect(one.text).toContain(`id: ${position}\n`);
    expect(other.text).toBe(one.text);
  });

  it('send a client that was away what it missed', async () => {
    await start();
    const watcher = await open(seatsPath);
    const seen = await changeSeat(api.store, 'A-1', 'held');
    const missed = await changeSeat(api.store, 'A-2', 'held');
    await eventually(() => watcher.messages('seats').length > 0);
    for (const client of [
      await open(seatsPath, { 'last-event-id': String(seen) }),
      await open(`${seatsPath}?after=${seen}`),
    ]) {
      await eventually(() => client.messages('seats').length > 0);
      const seats = [{ seatId: 'A-2', status: 'held' }];
      expect(client.messages('seats')).toEqual([{ position: missed, seats }]);
    }
  });

  it('tell a seat that comes back later as held, and as free at its moment, of which no event tells', async () => {
    await start();
    const client = await open(seatsPath);
    await changeSeat(api.store, 'A-1', 'free', addMs(api.clock.now(), 30));
    await eventually(() => told(client).length === 1);
    // Longer than it would take by the real clock.
    await changeSeat(api.store, 'A-2', 'free', addMs(api.clock.now(), 90));
    await eventually(() => told(client).length === 2);
    expect(told(client)).toEqual([
      { seatId: 'A-1', status: 'held' },
      { seatId: 'A-2', status: 'held' },
    ]);
    api.clock.ms += 30;
    await eventually(() => told(client).length === 3);
    expect(told(client)[2]).toEqual({ seatId: 'A-1', status: 'free' });
    api.clock.ms += 60;
    await eventually(() => told(client).length === 4);
    expect(told(client)[3]).toEqual({ seatId: 'A-2', status: 'free' });
  });

  it('do not tell a seat as free that is taken again by then', async () => {
    await start();
    const client = await open(seatsPath);
    await changeSeat(api.store, 'A-1', 'free', addMs(api.clock.now(), 30));
    await changeSeat(api.store, 'A-1', 'held');
    await changeSeat(api.store, 'A-2', 'free', addMs(api.clock.now(), 30));
    await eventually(() => told(client).some(({ seatId }) => seatId === 'A-2'));
    api.clock.ms += 30;
    await eventually(() => told(client).some(({ status }) => status === 'free'));
    expect(told(client)).not.toContainEqual({ seatId: 'A-1', status: 'free' });
  });

  it('tell seats that came back while a client was away, and those that come back to the first client', async () => {
    const nowMs = new ManualClock().nowMs();
    const returning = (untilMs: number) => ({ status: 'held', untilMs, isReturning: true }) as const;
    const taken = new Map([
      [seatIdSchema.parse('A-1'), returning(nowMs - 1)],
      [seatIdSchema.parse('A-2'), returning(nowMs + 30)],
      [seatIdSchema.parse('A-3'), returning(nowMs - 3_600_000)],
    ]);
    const { venueId } = schedule;
    const plan = { sections: [], sectionOf: new Map(), categoryOf: new Map(), focus: null, decorations: [] };
    const date = { scheduleId: id, performanceId, venueId, prices: new PriceList([]), plan };
    await start({}, { seatBoard: async () => new SeatBoard(date, taken, 5) });
    const position = await changeSeat(api.store, 'B-1', 'held');
    const client = await open(seatsPath, { 'last-event-id': String(position) });
    await eventually(() => told(client).length === 1);
    api.clock.ms += 30;
    await eventually(() => told(client).length === 2);
    expect(told(client)).toEqual([
      { seatId: 'A-1', status: 'free' },
      { seatId: 'A-2', status: 'free' },
    ]);
  });

  it('ask a client that was away too long to load the map again', async () => {
    await start({ rememberedSeatChanges: 2 });
    const watcher = await open(seatsPath);
    const first = await changeSeat(api.store, 'A-1', 'held');
    const second = await changeSeat(api.store, 'A-2', 'held');
    await changeSeat(api.store, 'A-1', 'free');
    await changeSeat(api.store, 'A-2', 'free');
    await eventually(() => watcher.messages('seats').length > 0);
    const late = await open(seatsPath, { 'last-event-id': String(first) });
    await eventually(() => late.messages('resync').length > 0);
    const inTime = await open(seatsPath, { 'last-event-id': String(second) });
    await eventually(() => inTime.messages('seats').length > 0);
    expect(inTime.messages('resync')).toEqual([]);
  });

  it('of another schedule are not sent', async () => {
    await start();
    const received: string[] = [];
    const other = scheduleIdSchema.parse('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb');
    api.app.get(SeatChanges).subscribe(other, 0 as Position, (message) => received.push(String(message)));
    const client = await open(seatsPath);
    await changeSeat(api.store, 'A-1', 'held');
    await eventually(() => client.messages('seats').length > 0);
    expect(received).toEqual([]);
  });

  it('need a schedule and a sane position', async () => {
    await start({}, { schedule: async () => null });
    expect((await api.app.inject(seatsPath)).json().code).toBe('schedule-unknown');
    const reply = await api.app.inject({ url: seatsPath, headers: { 'last-event-id': 'x' } });
    expect(reply.json().errors).toMatchObject([{ field: 'Last-Event-ID' }]);
  });
});

describe('event streams', () => {
  it('are bounded in number', async () => {
    await start({ maxConnections: 1 });
    const first = await open(seatsPath);
    const second = await fetch(`${url}${seatsPath}`);
    expect(second.status).toBe(503);
    expect(await second.json()).toMatchObject({ code: 'unavailable' });
    await first.close();
    await eventually(() => api.app.get(EventStreams).connections === 0);
    expect((await open(seatsPath)).response.status).toBe(200);
  });

  it('answer HEAD without staying open', async () => {
    await start();
    const reply = await fetch(`${url}${seatsPath}`, { method: 'HEAD' });
    expect(reply.status).toBe(200);
    expect(api.app.get(EventStreams).connections).toBe(0);
  });

  it('stay awake', async () => {
    await start({ heartbeatMs: 5 });
    const client = await open(seatsPath);
    await eventually(() => client.text.includes(': still here'));
  });

  it('drop a client that does not take what it is sent', async () => {
    await start();
    const streams = new EventStreams({ sse: { ...defaultApiSettings.sse, maxBufferedBytes: 1_000 } });
    const raw = Object.assign(new Writable({ write: () => undefined }), { writeHead: () => undefined });
    const reply: unknown = { raw, hijack: () => undefined };
    const stream = streams.open(
      { id: 'r', method: 'GET', ip: '127.0.0.1' } as FastifyRequest,
      reply as FastifyReply,
    ); // all it uses
    stream.send('x'.repeat(900));
    stream.send('x'.repeat(900));
    expect(raw.destroyed).toBe(false);
    stream.send('x');
    expect(raw.destroyed).toBe(true);
    await eventually(() => streams.connections === 0);
  });

  it('drop a client whose socket is not read before it costs memory, while others get everything', async () => {
    await start();
    const maxBufferedBytes = 100_000;
    const streams = new EventStreams({ sse: { ...defaultApiSettings.sse, maxBufferedBytes } });
    const opened: { readonly raw: ServerResponse; readonly stream: EventStream }[] = [];
    const server = createServer((_, raw) => {
      const reply: unknown = { raw, hijack: () => undefined };
      const stream = streams.open(
        { id: 'r', method: 'GET', ip: '127.0.0.1' } as FastifyRequest,
        reply as FastifyReply,
      ); // all it uses
      opened.push({ raw, stream });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // it listens on a port
    const connect = async () => {
      const socket = connectTo(port, '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
      return socket;
    };
    const slow = (await connect()).pause();
    const reader = await connect();
    let received = 0;
    reader.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const message = Buffer.alloc(50_000, 'x');
    let [sent, mostBuffered] = [0, 0];
    // More than sockets of any system take in by themselves.
    const mostSent = 64 * 1024 * 1024;
    while (streams.connections === 2) {
      if (sent >= mostSent) {
        for (const { raw } of opened) raw.destroy();
        throw new Error(`a client that read nothing was sent ${sent} bytes`);
      }
      for (const { stream } of opened) stream.send(message);
      sent += message.length;
      mostBuffered = Math.max(mostBuffered, opened[0]?.raw.writableLength ?? 0);
      await eventually(() => received >= sent);
    }
    expect(opened.map(({ raw }) => raw.destroyed)).toEqual([true, false]);
    expect(mostBuffered).toBeGreaterThan(maxBufferedBytes);
    expect(mostBuffered).toBeLessThan(maxBufferedBytes + 2 * message.length);
    for (const { stream } of opened) stream.send(message);
    await eventually(() => received >= sent + message.length);
    slow.destroy();
    reader.destroy();
    server.close();
    await once(server, 'close');
  });

  it('of a client that has gone before they begin are not kept', async () => {
    await start();
    const streams = new EventStreams({ sse: defaultApiSettings.sse });
    const raw = Object.assign(new Writable(), { writeHead: () => undefined }).destroy();
    await eventually(() => raw.closed);
    const reply: unknown = { raw, hijack: () => undefined };
    const stream = streams.open(
      { id: 'r', method: 'GET', ip: '127.0.0.1' } as FastifyRequest,
      reply as FastifyReply,
    ); // all it uses
    let isOver = false;
    stream.onClose(() => {
      isOver = true;
    });
    expect(isOver).toBe(true);
    expect(streams.connections).toBe(0);
  });

  it('end when the process shuts down', async () => {
    await start();
    const client = await open(seatsPath);
    await api.app.close();
    await eventually(() => client.ended);
  });
});

describe('live places', () => {
  let queue: QueueState;
  let tokens: readonly TokenState[];
  /** Where the tables are. */
  let position: number;
  let dates: SaleDates['dates'];
  /** Statements that the tables are asked. */
  let asked: string[];

  const ids = Array.from({ length: 6 }, (_, n) =>
    n === 0 ? tokenId : tokenIdSchema.parse(`6666666${n}-5555-4555-8555-555555555555`),
  );
  const user = { userId, performanceId };

  beforeEach(() => {
    position = 0;
    asked = [];
    dates = [];
    queue = {
      capacity: 100,
      max_active: 10,
      admit_per_second: 2,
      service_window_ms: 60_000,
      opens_at: null,
      opened: true,
      shuffled_count: 0,
      issued: 6,
      admitted_up_to: 0,
      waiting: 6,
      admitted: 0,
      entered: 0,
    };
    tokens = ids.map((tokenId, number) => ({
      tokenId,
      performanceId,
      number,
      place: number,
      status: 'waiting',
      enterBefore: null,
      expiresAt: null,
      numberOfTickets: 2,
      position: 0,
    }));
  });

  const reads: Partial<Queries> = {
    queueBoard: async () => {
      asked.push('queue');
      return new QueueBoard(performanceId, queue, { dates, closesAt: null }, position);
    },
    queueTokens: async (wanted) => {
      asked.push(`tokens ${wanted.length}`);
      return tokens.filter(({ tokenId }) => wanted.includes(tokenId)).map((one) => ({ ...one, position }));
    },
  };

  const watch = (n = 0) => {
    const claims = { sub: userId, tid: ids[n] ?? tokenId, pid: performanceId, num: n };
    const queueToken = api.signer.queue.sign(claims, 3_600_000).value;
    return open(`${placePath}?queueToken=${queueToken}`);
  };
  const admitTo = (from: number, to: number) => {
    const until = addMs(api.clock.now(), 60_000);
    const data = { performanceId, from, to, admittedAt: until, expiresAt: until, nextAt: until };
    return append(api.store, streams.admission(performanceId), { type: 'TokensAdmitted', data });
  };
  const last = (client: StreamClient, event: string) => client.messages(event).at(-1);

  it('begin with the place and the state of the queue', async () => {
    await start({}, reads);
    const client = await watch(3);
    await eventually(() => client.messages('queue').length === 1);
    expect(client.messages('position')).toMatchObject([{ tokenId: ids[3], place: 3, ahead: 3 }]);
    expect(client.messages('queue')).toMatchObject([{ waiting: 6, admittedUpTo: 0, sale: 'on-sale' }]);
    expect(client.response.headers.get('content-encoding')).toBeNull();
  });

  it('tell everybody the same about an admission, and its fans that they are let in, without asking for a token', async () => {
    await start({}, reads);
    const clients = await Promise.all(ids.map((_, n) => watch(n)));
    await eventually(() => clients.every((client) => client.messages('queue').length > 0));
    asked.length = 0;
    await admitTo(0, 2);
    await eventually(() =>
      clients.every((client) => JSON.stringify(last(client, 'queue')).includes('"admittedUpTo":2')),
    );
    for (const [n, client] of clients.entries()) {
      const own = client.messages('position');
      const first = queueTokenReply.parse(own[0]);
      const now = placeIn(first, liveQueue.parse(last(client, 'queue')), api.clock.nowMs());
      if (n < 2) expect(own).toMatchObject([{ ahead: n }, { status: 'admitted', ahead: 0 }]);
      else expect([own.length, now.ahead]).toEqual([1, n - 2]);
    }
    expect(asked.filter((question) => question.startsWith('tokens'))).toEqual([]);
  });

  it('are drawn from the seed at the opening, and let in at once, before the tables have them', async () => {
    const places = shuffledPlaces('ab'.repeat(32), 6);
    queue = { ...queue, opened: false };
    tokens = tokens.map((token) => ({ ...token, place: null }));
    await start({}, reads);
    const clients = await Promise.all(ids.map((_, n) => watch(n)));
    await eventually(() => clients.every((client) => client.messages('queue').length > 0));
    asked.length = 0;
    const opening = { performanceId, seed: 'ab'.repeat(32), shuffledCount: 6 };
    await append(api.store, streams.admission(performanceId), { type: 'QueueOpened', data: opening });
    await admitTo(0, 1);
    const isRight = (n: number) => {
      const own = last(clients[n] ?? unreachable(), 'position');
      const { place, status, opened } = queueTokenReply.parse(own);
      return place === places[n] && opened && status === (place === 0 ? 'admitted' : 'waiting');
    };
    await eventually(() => clients.every((_, n) => isRight(n)));
    expect(asked.filter((question) => question.startsWith('tokens'))).toEqual([]);
  });

  it('tell what becomes of the fan’s own turn, and nobody else', async () => {
    await start({}, reads);
    const [client, other] = [await watch(0), await watch(1)];
    await eventually(() => other.messages('queue').length > 0);
    const own = { ...user, tokenId };
    const stream = streams.token(tokenId);
    const expiresAt = addMs(api.clock.now(), 60_000);
    const entered = { ...own, place: 0, admittedAt: api.clock.now(), expiresAt };
    await append(api.store, stream, { type: 'TokenEntered', data: entered });
    await append(api.store, stream, { type: 'TokenLeft', data: own });
    await eventually(() => client.messages('position').length === 3);
    expect(client.messages('position')).toMatchObject([
      { status: 'waiting' },
      { status: 'entered', expiresAt },
      { status: 'left' },
    ]);
    expect(other.messages('position')).toHaveLength(1);
  });

  it('tell the number once the tables have it', async () => {
    const [first] = tokens;
    tokens = first ? [{ ...first, number: null, place: null }] : [];
    await start({}, reads);
    const client = await watch();
    await eventually(() => client.messages('position').length === 1);
    tokens = first ? [first] : [];
    const data = { ...user, tokenId, numberOfTickets: 2 };
    position = await append(api.store, streams.queue(performanceId), { type: 'TokenIssued', data });
    await eventually(() => client.messages('position').length === 2);
    expect(client.messages('position')).toMatchObject([{ number: null }, { number: 0, place: 0 }]);
  });

  it('tell everybody how many fans wait once the tables have who has left', async () => {
    await start({}, reads);
    const client = await watch(3);
    await eventually(() => client.messages('queue').length === 1);
    const data = { ...user, tokenId: ids[1] ?? tokenId };
    const leftAt = await append(api.store, streams.token(data.tokenId), { type: 'TokenLeft', data });
    await eventually(() => asked.length > 2);
    expect(client.messages('queue')).toHaveLength(1);
    queue = { ...queue, waiting: 5 };
    position = leftAt;
    await eventually(() => client.messages('queue').length === 2);
    expect(last(client, 'queue')).toMatchObject({ waiting: 5 });
  });

  it('tell everybody how many seats are free', async () => {
    const date = {
      schedule_id: id,
      status: 'scheduled' as const,
      schedule_date_time: addMs(toInstant(Date.now()), 10 * 365 * 86_400_000),
      capacity: 2,
      available_seats: 2,
      held_seats: 0,
    };
    dates = [date];
    await start({}, reads);
    const client = await watch();
    await eventually(() => client.messages('queue').length === 1);
    dates = [{ ...date, available_seats: 1, held_seats: 1 }];
    position = await changeSeat(api.store, 'A-1', 'held');
    await eventually(() => client.messages('queue').length === 2);
    expect(client.messages('queue')).toMatchObject([{ freeSeats: 2 }, { freeSeats: 1 }]);
    expect(client.messages('position')).toHaveLength(1);
  });

  it('tell that the sale has ended when its time comes, without an event', async () => {
    await start({}, reads);
    const startsAt = addMs(api.clock.now(), 30);
    const seats = { capacity: 2, available_seats: 2, held_seats: 0 };
    dates = [{ schedule_id: id, status: 'scheduled', schedule_date_time: startsAt, ...seats }];
    const client = await watch();
    await eventually(() => client.messages('queue').length === 1);
    api.clock.ms += 30;
    await eventually(() => client.messages('queue').length === 2);
    expect(client.messages('queue')).toMatchObject([{ sale: 'on-sale' }, { sale: 'ended' }]);
  });

  it('are read again, many at once, when events could not be read', async () => {
    await start({}, reads);
    const clients = await Promise.all(ids.map((_, n) => watch(n)));
    await eventually(() => clients.every((client) => client.messages('queue').length > 0));
    asked.length = 0;
    tokens = tokens.map((token) => (token.number === 2 ? { ...token, status: 'left' } : token));
    const unreadable = { id: randomUUID(), type: 'FromTheFuture', data: {}, metadata: {} };
    ({ position } = await api.store.append(streams.queue(performanceId), 'any', [unreadable]));
    await eventually(() => clients[2]?.messages('position').length === 2);
    expect(last(clients[2] ?? unreachable(), 'position')).toMatchObject({ status: 'left' });
    expect(asked.filter((question) => question.startsWith('tokens'))).toEqual(['tokens 6']);
  });

  it('lack an admission that the tables lacked when the fan came, until they have it', async () => {
    await start({}, reads);
    const earlier = await watch(5);
    await eventually(() => earlier.messages('queue').length === 1);
    const admittedAt = await admitTo(0, 1);
    await eventually(() => earlier.messages('queue').length === 2);
    const client = await watch(0);
    await eventually(() => client.messages('position').length === 1);
    tokens = tokens.map((token) =>
      token.number === 0
        ? { ...token, status: 'admitted', enterBefore: addMs(api.clock.now(), 60_000) }
        : token,
    );
    queue = { ...queue, admitted_up_to: 1, waiting: 5, admitted: 1 };
    position = admittedAt;
    await eventually(() => client.messages('position').length === 2);
    expect(client.messages('position')).toMatchObject([{ status: 'waiting' }, { status: 'admitted' }]);
  });

  it('are shown to the token’s fan only', async () => {
    await start();
    const forged = await api.app.inject(`${placePath}?queueToken=x.y.z`);
    expect(forged.json()).toMatchObject({ code: 'queue-token-invalid', instance: placePath });
    const { 'x-queue-token': elsewhere } = api.fanHeaders({ performance: otherPerformanceId });
    const other = await api.app.inject({ url: placePath, headers: { 'x-queue-token': elsewhere } });
    expect(other.json().code).toBe('queue-token-invalid');
  });
});

function unreachable(): never {
  throw new Error('there is one for each token');
}
