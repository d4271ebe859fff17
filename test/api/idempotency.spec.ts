import { randomUUID } from 'node:crypto';
import { isReplyOf } from '../../src/api/idempotency.js';
import { HoldSeats } from '../../src/commands/seats/hold-seats.js';
import { refuse } from '../../src/domain/rejection.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { NoEventAtPosition, StoreUnavailable } from '../../src/event-store/port.js';
import { eventually } from '../services/wait-until.js';
import { type ApiUnderTest, scheduleId, startApi, strangerId } from './api-under-test.js';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.app.close());

const held = {
  holdId: '99999999-9999-4999-8999-999999999999',
  scheduleId,
  seats: [
    {
      seatId: 'A-1',
      sectionId: 's',
      sectionName: 'Stalls',
      row: 'A',
      number: '1',
      category: 'R',
      price: 9,
      x: 1,
      y: 2,
    },
  ],
  total: 9,
  expiresAt: '2026-11-22T09:05:00.000Z',
  position: 12,
};

function hold(headers: Record<string, string> = {}, seatIds = ['A-1'], schedule = scheduleId) {
  return api.app.inject({
    method: 'POST',
    url: `/v1/schedules/${schedule}/holds`,
    headers: { ...api.fanHeaders(), ...headers },
    payload: { seatIds },
  });
}

function commandIds(): string[] {
  return api.commands.received.map((command) => {
    if (!(command instanceof HoldSeats)) throw new Error('not a hold');
    return command.context.commandId;
  });
}

describe('idempotency keys', () => {
  it('are needed', async () => {
    const { 'idempotency-key': _, ...headers } = api.fanHeaders();
    const url = `/v1/schedules/${scheduleId}/holds`;
    const reply = await api.app.inject({ method: 'POST', url, headers, payload: { seatIds: ['A-1'] } });
    expect(reply.json()).toMatchObject({ code: 'idempotency-key-missing', status: 400 });
    expect((await hold({ 'idempotency-key': 'k'.repeat(256) })).json().code).toBe('idempotency-key-missing');
  });

  it('give every repetition the first reply, and run the command once', async () => {
    api.commands.handler = () => held;
    const first = await hold();
    expect(first.statusCode).toBe(201);
    expect(first.headers['x-log-position']).toBe('12');
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    const second = await hold();
    expect(second.statusCode).toBe(201);
    expect(second.json()).toEqual(first.json());
    expect(second.headers).toMatchObject({ 'x-log-position': '12', 'idempotency-replayed': 'true' });
    expect(api.commands.received).toHaveLength(1);
  });

  it('repeat a refusal too', async () => {
    api.commands.handler = () => {
      throw refuse('seat-held', 'Taken.', { seatId: 'A-1' });
    };
    const first = await hold();
    const second = await hold();
    expect(second.statusCode).toBe(409);
    expect(second.json()).toEqual(first.json());
    expect(second.headers['content-type']).toContain('application/problem+json');
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(api.commands.received).toHaveLength(1);
  });

  it.each([
    ['a failure of ours', () => new Error('defect')],
    ['an unknown outcome', () => new StoreUnavailable('closed')],
    ['a turn that has not come', () => refuse('token-waiting', 'Wait.')],
    ['seats that are just being held', () => refuse('hold-in-progress', 'Wait.')],
  ])('run again after %s, as the same command', async (_, error) => {
    api.commands.handler = () => {
      throw error();
    };
    expect((await hold()).statusCode).toBeGreaterThanOrEqual(400);
    api.commands.handler = () => held;
    expect((await hold()).statusCode).toBe(201);
    const [first, second] = commandIds();
    expect(first).toBe(second);
  });

  it('refuse another request with the same key', async () => {
    api.commands.handler = () => held;
    await hold();
    expect((await hold({}, ['A-2'])).json()).toMatchObject({ code: 'idempotency-key-reused', status: 422 });
    const many = Array.from({ length: 20 }, (_, index) => `A-${index}`);
    const headers = { 'idempotency-key': 'of many seats' };
    expect((await hold(headers, many)).statusCode).toBe(201);
    expect((await hold(headers, many)).headers['idempotency-replayed']).toBe('true');
    expect((await hold(headers, [...many.slice(0, -1), 'B-1'])).json().code).toBe('idempotency-key-reused');
    const otherSchedule = '66666666-6666-4666-8666-000000000000';
    expect((await hold({}, ['A-1'], otherSchedule)).json().code).toBe('idempotency-key-reused');
  });

  it('refuse a repetition while the first runs', async () => {
    let finish: (reply: typeof held) => void = () => undefined;
    api.commands.handler = () => new Promise((resolve) => (finish = resolve));
    const first = hold();
    await eventually(() => api.commands.received.length > 0);
    const second = await hold();
    expect(second.json()).toMatchObject({ code: 'idempotency-key-in-flight', status: 409 });
    expect(second.headers['retry-after']).toBe('1');
    finish(held);
    expect((await first).statusCode).toBe(201);
    expect((await hold()).headers['idempotency-replayed']).toBe('true');
  });

  it('of two fans are two keys', async () => {
    api.commands.handler = () => held;
    await hold();
    await hold(api.fanHeaders({ user: strangerId }));
    expect(new Set(commandIds()).size).toBe(2);
  });

  it('of a pending charge run again until it is decided', async () => {
    const charge = () =>
      api.app.inject({
        method: 'POST',
        url: '/v1/wallet/charges',
        headers: api.fanHeaders(),
        payload: { amount: 5, paymentMethod: 'card' },
      });
    const charged = { chargeId: held.holdId, amount: 5, position: 3 };
    api.commands.handler = () => ({ ...charged, status: 'pending', cause: 'no answer' });
    expect((await charge()).statusCode).toBe(202);
    api.commands.handler = () => ({ ...charged, status: 'credited', balance: 5 });
    expect((await charge()).statusCode).toBe(201);
    expect((await charge()).headers['idempotency-replayed']).toBe('true');
  });
});

describe('a stored reply, after the log was restored from a backup', () => {
  const log = new InMemoryEventStore();
  const reporting = (position: number, correlationId?: string) => ({
    status: 201,
    body: {},
    headers: { 'X-Log-Position': String(position) },
    correlationId,
  });
  beforeAll(async () => {
    for (const correlationId of ['first', 'second']) {
      const event = { id: randomUUID(), type: 'Done', data: {}, metadata: { correlationId } };
      await log.append(`thing-${correlationId}`, 'none', [event]);
    }
  });

  it.each([
    ['reports an event that is there', reporting(2, 'second'), true],
    ['reports one beyond the end of the log', reporting(3, 'third'), false],
    ['reports one in whose place another request has written since', reporting(1, 'second'), false],
    ['was stored by an earlier release and reports an event that is there', reporting(2), true],
    ['was stored by an earlier release and reports one beyond the end', reporting(3), false],
    ['is a refusal, which reports none', { status: 409, body: {}, headers: {} }, true],
  ])('that %s', async (_, kept, isOurs) => {
    expect(await isReplyOf(log, kept)).toBe(isOurs);
  });

  it('is of no log in which its position lies between two events', async () => {
    const [last] = await log.readAll({ from: 'end', direction: 'backwards', limit: 1 });
    const readAll = async () => (last ? [last] : []);
    expect(await isReplyOf({ readAll }, reporting(1))).toBe(false);
    expect(await isReplyOf({ readAll }, reporting(2))).toBe(true);
  });

  it('is of no log in which nothing can be read at its position', async () => {
    const readAll = () => Promise.reject(new NoEventAtPosition('no event begins there'));
    expect(await isReplyOf({ readAll }, reporting(1, 'first'))).toBe(false);
  });

  it.each([
    ['the log is away', new StoreUnavailable('away')],
    ['the log cannot be read', new Error('a defect')],
  ])('is not judged while %s', async (_, error) => {
    const readAll = () => Promise.reject(error);
    await expect(isReplyOf({ readAll }, reporting(1, 'first'))).rejects.toThrow(error);
  });
});
