import { Writable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiSettings } from '../../src/api/api-settings.js';
import { defaultApiSettings } from '../../src/api/api-settings.js';
import { EventStreams } from '../../src/api/live/event-streams.js';
import { SeatChanges } from '../../src/api/live/seat-changes.js';
import type { Position } from '../../src/event-store/port.js';
import {
  addMs,
  type Instant,
  type ScheduleId,
  scheduleIdSchema,
  toInstant,
  venueIdSchema,
} from '../../src/events/ids.js';
import type { Queries } from '../../src/queries/queries.js';
import type { ScheduleReply } from '../../src/queries/replies/catalog.js';
import type { QueueTokenReply } from '../../src/queries/replies/queue.js';
import { eventually } from '../services/wait-until.js';
import {
  type ApiUnderTest,
  otherPerformanceId,
  performanceId,
  scheduleId,
  startApi,
  tokenId,
} from './api-under-test.js';
import { admit, changeSeat, StreamClient } from './stream-client.js';

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
    api.app.get(SeatChanges).subscribe(other, 0 as Position, (message) => received.push(message));
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
    const stream = streams.open({ id: 'r', method: 'GET' } as FastifyRequest, reply as FastifyReply); // all it uses
    stream.send('x'.repeat(900));
    stream.send('x'.repeat(900));
    expect(raw.destroyed).toBe(false);
    stream.send('x');
    expect(raw.destroyed).toBe(true);
    await eventually(() => streams.connections === 0);
  });

  it('of a client that has gone before they begin are not kept', async () => {
    await start();
    const streams = new EventStreams({ sse: defaultApiSettings.sse });
    const raw = Object.assign(new Writable(), { writeHead: () => undefined }).destroy();
    await eventually(() => raw.closed);
    const reply: unknown = { raw, hijack: () => undefined };
    const stream = streams.open({ id: 'r', method: 'GET' } as FastifyRequest, reply as FastifyReply); // all it uses
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
  const place = (ahead: number): QueueTokenReply => ({
    tokenId,
    performanceId,
    number: 7,
    place: 7,
    status: ahead === 0 ? 'admitted' : 'waiting',
    opened: true,
    opensAt: null,
    ahead,
    estimatedWaitSeconds: null,
    seatsMayRunOut: false,
    sale: 'on-sale',
    saleEndsAt: null,
    enterBefore: null,
    expiresAt: null,
    numberOfTickets: 2,
  });

  it('tell the place at once, and again when it changes', async () => {
    let ahead = 3;
    let asked = 0;
    const queueToken = async () => {
      asked++;
      return place(ahead);
    };
    await start({}, { queueToken });
    const token = api.fanHeaders()['x-queue-token'];
    const client = await open(`${placePath}?queueToken=${token}`);
    await eventually(() => client.messages('position').length === 1);
    await admit(api.store);
    await eventually(() => asked === 2);
    ahead = 0;
    await admit(api.store);
    await eventually(() => client.messages('position').length === 2);
    expect(client.messages('position')).toEqual([place(3), place(0)]);
  });

  it('tell that the sale has ended when its time comes, without an event', async () => {
    let endsAt: Instant | null = null;
    const queueToken = async (): Promise<QueueTokenReply> => {
      const sale = endsAt !== null && api.clock.now() >= endsAt ? 'ended' : 'on-sale';
      return { ...place(3), sale, saleEndsAt: endsAt };
    };
    await start({}, { queueToken });
    endsAt = addMs(api.clock.now(), 30);
    const client = await open(placePath, { 'x-queue-token': api.fanHeaders()['x-queue-token'] ?? '' });
    await eventually(() => client.messages('position').length === 1);
    api.clock.ms += 30;
    await eventually(() => client.messages('position').length === 2);
    expect(client.messages('position')).toMatchObject([{ sale: 'on-sale' }, { sale: 'ended' }]);
  });

  it('wait for the read models before they look', async () => {
    await start({}, { queueToken: async () => place(3) });
    await open(placePath, { 'x-queue-token': api.fanHeaders()['x-queue-token'] ?? '' });
    const position = await admit(api.store);
    await eventually(() => api.position.waited.length > 0);
    expect(api.position.waited).toEqual([{ position, timeoutMs: 2_000 }]);
  });

  it('are looked up again when the read models lacked an event that came before the fan did', async () => {
    await start({}, { queueToken: async () => place(api.position.waited.length < 2 ? 3 : 0) });
    const headers = { 'x-queue-token': api.fanHeaders()['x-queue-token'] ?? '' };
    const earlier = await open(placePath, headers);
    const position = await admit(api.store);
    await eventually(() => api.position.waited.length === 1);
    await earlier.close();
    api.position.at = (position - 1) as Position; // a test's own position
    const client = await open(placePath, headers);
    await eventually(() => client.messages('position').length === 2);
    expect(client.messages('position')).toEqual([place(3), place(0)]);
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
