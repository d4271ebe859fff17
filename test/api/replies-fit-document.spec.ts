import { randomUUID } from 'node:crypto';
import { allControllers } from '../../src/api/api.module.js';
import { allOperations, problemCodesOf } from '../../src/api/openapi/document.js';
import type { Operation } from '../../src/api/openapi/operation.js';
import { reflectRoutes } from '../../src/api/openapi/routes.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { resolveSecrets } from '../../src/platform/secrets.js';
import { decodeSeatStatuses } from '../../src/queries/replies/catalog.js';
import { type Answer, type CallOptions, call, Fan } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';
import { openSmallHall, type SmallHall, smallHallDocument } from '../e2e/small-hall.js';
import { eventually, waitUntil } from '../services/wait-until.js';
import { StreamClient } from './stream-client.js';

const routes = reflectRoutes(allControllers).map((route) => {
  const key = `${route.method} ${route.path}`;
  const operation = allOperations[route.operationId];
  if (!operation) throw new Error(`${key} is not described`);
  const pattern = new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`);
  return { key, pattern, method: route.method, operation, codes: problemCodesOf(route, operation) };
});

/** Headers that only some endpoints send are those the document promises. */
function expectDescribedHeaders({ headers: promised = [], isIdempotent }: Operation, headers: Headers): void {
  for (const name of ['X-Log-Position', 'Location'] as const) {
    if (headers.has(name)) expect(promised).toContain(name);
  }
  if (headers.has('Idempotency-Replayed')) expect(isIdempotent).toBe(true);
}

/** What a request got, and which endpoint's description promises it. */
function expectDescribed(method: string, path: string, { status, body, headers }: Answer): string {
  const pathname = path.split('?')[0] ?? '';
  const route = routes.find((route) => route.method === method && route.pattern.test(pathname));
  if (!route) throw new Error(`no endpoint for ${method} ${path}`);
  const reply = route.operation.replies[status];
  if (!reply) expect(route.codes).toContain(body.code);
  else if (reply.kind === 'json') expect(reply.schema.parse(body)).toEqual(body);
  else if (reply.kind === 'text') expect(typeof body).toBe('string');
  else expect(body).toBeUndefined();
  if (reply) expectDescribedHeaders(route.operation, headers);
  return `${route.key} ${reply ? status : body.code}`;
}

const seen = new Set<string>();

/** A fan whose every answer is compared with the document. */
class CarefulFan extends Fan {
  override async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const answer = await super.call(method, path, options);
    seen.add(expectDescribed(method, path, answer));
    return answer;
  }
}

let office: Office;
let hall: SmallHall;
beforeAll(async () => {
  office = await Office.open();
  hall = await openSmallHall(office, { rows: 3, seatsPerRow: 10 });
});
afterAll(() => office.close());

describe('what the running office answers is what its document says', () => {
  it('to a fan who stands', async () => {
    const club = await openSmallHall(office, { id: 'club', rows: 1, seatsPerRow: 2, standing: 300 });
    const fan = await new CarefulFan(office).arrive();
    await fan.charge(1000);
    await fan.queue(club.performanceId, 4);
    await fan.call('POST', `/v1/performances/${club.performanceId}/queue-token/enter`);
    const holds = `/v1/schedules/${club.scheduleId}/holds`;
    const ask = (section: string) =>
      fan.call('POST', holds, { body: { bestAvailable: { quantity: 4, section } }, key: randomUUID() });
    expect((await ask('gallery')).status).toBe(404);
    const held = await ask('floor');
    const words = ['1', '2', '3', '4'].map((number) => ({
      sectionName: 'Floor',
      row: '',
      number,
      seatLabel: { en: `Floor · entry no. ${number}`, ko: `Floor 입장번호 ${number}` },
    }));
    expect(held.body.seats).toMatchObject(words);
    expect((await fan.call('GET', '/v1/holds')).body.items[0].seats).toMatchObject(words);
    const paid = (await fan.pay()).body;
    expect(paid.items).toMatchObject(words);
    expect((await fan.call('GET', `/v1/orders/${paid.orderId}`)).body.items).toMatchObject(words);
    expect((await fan.call('GET', '/v1/reservations')).body.items).toHaveLength(4);
    const map = `/v1/schedules/${club.scheduleId}/seats?section=floor`;
    for (const path of [map, `${map}&at=${new Date().toISOString()}`]) {
      const [area] = (await fan.call('GET', path)).body.sections;
      expect(area).toMatchObject({ rows: [], standing: { capacity: 300, free: 296, held: 0, reserved: 4 } });
    }
    await fan.call('GET', `/v1/schedules/${club.scheduleId}/seats/floor:1/history`);
    const { plan, statuses, seatCount } = (
      await fan.call('GET', `/v1/schedules/${club.scheduleId}/seats/status`)
    ).body;
    expect(decodeSeatStatuses(statuses, seatCount).filter((status) => status === 'reserved')).toHaveLength(4);
    const drawn = await fan.call('GET', `/v1/schedules/${club.scheduleId}/plans/${plan}`);
    expect(drawn.body.sections.at(-1)).toMatchObject({ standing: { capacity: 300 } });
    const former = await fan.call('GET', `/v1/schedules/${club.scheduleId}/plans/0123456789abcdef`);
    expect(former.body.code).toBe('plan-changed');
  });

  it('to a fan', async () => {
    const queueToken = `/v1/performances/${hall.performanceId}/queue-token`;
    const unknown = randomUUID();
    const fan = await new CarefulFan(office).arrive();
    const charged = await fan.charge(1000);
    await fan.queue(hall.performanceId, 2);
    const place = await fan.call('GET', queueToken);
    for (const path of [
      '/v1/me',
      '/v1/wallet',
      '/v1/wallet/history',
      `/v1/wallet/charges/${charged.body.chargeId}`,
      `/v1/wallet/charges/${unknown}`,
      `/v1/venues/${hall.venueId}`,
      `/v1/venues/${unknown}`,
      '/v1/performances?search=show&limit=1',
      `/v1/performances/${hall.performanceId}`,
      `/v1/performances/${hall.performanceId}/schedules`,
      `/v1/performances/${hall.performanceId}/queue`,
      `/v1/performances/${hall.performanceId}/queue/fairness`,
      `${queueToken}/challenge`,
      `/v1/performances/${hall.performanceId}/queue/numbers?limit=1`,
      `/v1/performances/${unknown}/schedules`,
      `/v1/schedules/${hall.scheduleId}`,
      `/v1/schedules/${hall.scheduleId}/availability`,
      `/v1/schedules/${hall.scheduleId}/seats`,
      `/v1/schedules/${hall.scheduleId}/seats?section=S&status=free`,
      `/v1/schedules/${unknown}/seats`,
      queueToken,
      '/health/live',
      '/health/ready',
    ]) {
      await fan.call('GET', path);
    }
    expect((await fan.call('POST', `${queueToken}/enter`)).body.status).toBe('entered');
    await fan.call('POST', `${queueToken}/refresh`);
    expect((await fan.call('POST', queueToken, { body: { numberOfTickets: 2 } })).status).toBe(200);
    const best = { bestAvailable: { quantity: 1 } };
    const holds = `/v1/schedules/${hall.scheduleId}/holds`;
    const released = await fan.call('POST', holds, { body: best, key: randomUUID() });
    expect(released.status).toBe(201);
    await fan.call('DELETE', `/v1/holds/${released.body.holdId}`);
    await fan.hold(hall.scheduleId, ['R1-1', 'R1-2']);
    await fan.hold(hall.scheduleId, ['R1-1']);
    await fan.hold(hall.scheduleId, ['nowhere']);
    expect((await fan.call('GET', '/v1/holds')).body.items).toHaveLength(1);
    const { orderId } = (await fan.pay()).body;
    await fan.pay();
    const now = new Date().toISOString();
    for (const path of [
      '/v1/orders',
      `/v1/orders/${orderId}`,
      '/v1/reservations',
      `/v1/orders/${orderId}?at=${now}`,
      `/v1/wallet?at=${now}`,
      `/v1/wallet?at=2020-01-01T00:00:00Z`,
      `/v1/schedules/${hall.scheduleId}/seats?at=${now}&status=reserved`,
      `/v1/schedules/${hall.scheduleId}/seats?at=999999999`,
      `/v1/performances/${hall.performanceId}/queue?at=${now}`,
      `${queueToken}?at=${now}`,
      `/v1/orders/${orderId}/history`,
      `/v1/orders/${unknown}/history`,
      `/v1/schedules/${hall.scheduleId}/seats/R1-1/history?limit=1`,
      `/v1/schedules/${hall.scheduleId}/seats/nowhere/history`,
      `/v1/performances/${hall.performanceId}/queue-tokens/${place.body.tokenId}/history`,
    ]) {
      await fan.call('GET', path);
    }
    await fan.call('POST', `/v1/orders/${orderId}/cancel`);
    await fan.call('POST', `/v1/orders/${unknown}/cancel`);
    await fan.charge(5, randomUUID(), 'card-decline');
    const passwords = { currentPassword: 'correct horse', newPassword: 'another horse' };
    expect((await fan.call('PUT', '/v1/me/password', { body: passwords })).status).toBe(204);
    expect((await fan.call('PUT', '/v1/me/password', { body: passwords })).status).toBe(401);
    await fan.call('PUT', '/v1/me/password', {
      body: { currentPassword: 'another horse', newPassword: 'password1' },
    });
    expect((await fan.call('GET', '/v1/me/sessions')).body.items).toHaveLength(1);
    expect((await fan.call('DELETE', '/v1/me/sessions')).status).toBe(204);
    expect((await fan.call('DELETE', `/v1/me/sessions/${unknown}`)).body.code).toBe('session-unknown');
    const forget = { password: 'another horse', forfeit: false };
    expect((await fan.call('POST', '/v1/me/erase', { body: forget })).body.code).toBe('account-in-use');
    const forgotten = await fan.call('POST', '/v1/me/erase', { body: { ...forget, forfeit: true } });
    expect(forgotten.status).toBe(204);
    await fan.call('GET', '/v1/me');
    const visitor = await new CarefulFan(office).arrive();
    await eventually(async () => (await visitor.call('GET', '/v1/me/sessions')).body.items.length > 0);
    const [own] = (await visitor.call('GET', '/v1/me/sessions')).body.items;
    expect((await visitor.call('DELETE', `/v1/me/sessions/${own.sessionId}`)).status).toBe(204);
    expect((await visitor.call('GET', '/v1/wallet')).body.code).toBe('session-ended');
    const leaver = await new CarefulFan(office).arrive();
    await leaver.queue(hall.performanceId);
    await leaver.call('DELETE', queueToken);
  });

  it('to somebody at the login desk', async () => {
    const loginId = `fan-${randomUUID().slice(0, 8)}`;
    const person = { loginId, username: 'F', name: 'Fan', password: 'correct horse' };
    const post = async (path: string, body: unknown) => {
      const answer = await call(office.url, 'POST', path, { body });
      seen.add(expectDescribed('POST', path, answer));
      return answer;
    };
    await post('/v1/users', person);
    await post('/v1/users', person);
    await post('/v1/auth/login', { loginId, password: 'wrong' });
    const { refreshToken } = (await post('/v1/auth/login', { loginId, password: 'correct horse' })).body;
    const refreshed = await post('/v1/auth/refresh', { refreshToken });
    await post('/v1/auth/refresh', { refreshToken });
    await post('/v1/auth/logout', { refreshToken: refreshed.body.refreshToken });
  });

  it('to operators who refund and cancel', async () => {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const other = await openSmallHall(office, { id: 'cancelled', rows: 2, seatsPerRow: 2 });
    const fan = await new CarefulFan(office).arrive();
    await fan.charge(1000);
    await fan.queue(other.performanceId, 2);
    await fan.call('POST', `/v1/performances/${other.performanceId}/queue-token/enter`);
    await fan.hold(other.scheduleId, ['R2-1', 'R2-2']);
    const { orderId } = (await fan.pay()).body;
    const items = [{ scheduleId: other.scheduleId, seatId: 'R2-1' }];
    const date = `/v1/admin/schedules/${other.scheduleId}`;
    for (const [method, path, body] of [
      ['POST', `/v1/admin/orders/${orderId}/refund`, { items, reason: 'the view is blocked' }],
      ['POST', `/v1/admin/orders/${orderId}/refund`, {}],
      ['POST', `${date}/refund-window`, { until: '2099-01-01T00:00:00.000Z' }],
      ['GET', `${date}/cancellation`],
      ['POST', `${date}/cancel`, { reason: 'the singer is ill' }],
      ['POST', `/v1/admin/performances/${other.performanceId}/cancel`, { reason: 'the tour is off' }],
    ] as const) {
      seen.add(expectDescribed(method, path, await call(office.url, method, path, { headers, body })));
    }
    await waitUntil('the date is settled', async () => {
      const answer = await call(office.url, 'GET', `${date}/cancellation`, { headers });
      seen.add(expectDescribed('GET', `${date}/cancellation`, answer));
      return answer.status === 200 && answer.body.settledAt !== null;
    });
    await waitUntil('the fan reads of it', async () => {
      const [ticket] = (await fan.call('GET', '/v1/reservations')).body.items;
      return ticket.cancellation?.cause !== undefined && ticket.reservationStatus === 'cancelled';
    });
    const { body: order } = await fan.call('GET', `/v1/orders/${orderId}`);
    expect(order).toMatchObject({ totalAmount: order.refundedAmount });
    expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(1000);
  });

  it('to operators', async () => {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    for (const path of ['/v1/admin/imports/formats', '/v1/admin/audit', '/v1/admin/boards']) {
      seen.add(expectDescribed('GET', path, await call(office.url, 'GET', path, { headers })));
    }
    for (const path of ['/v1/ops/projections', '/metrics']) {
      seen.add(expectDescribed('GET', path, await call(office.url, 'GET', path, { headers })));
    }
    const projections = '/v1/ops/projections';
    for (const path of ['pause', 'resume', 'users/pause', 'users/resume', 'users/retry', 'nobody/pause']) {
      const answer = await call(office.url, 'POST', `${projections}/${path}`, { headers });
      seen.add(expectDescribed('POST', `${projections}/${path}`, answer));
    }
    const rebuilds = `${projections}/rebuilds`;
    for (const [method, path, body] of [
      ['GET', `${rebuilds}/current`],
      ['POST', rebuilds, {}],
      ['POST', rebuilds, {}],
      ['POST', `${rebuilds}/current/cancel`],
      ['GET', `${rebuilds}/current`],
    ] as const) {
      seen.add(expectDescribed(method, path, await call(office.url, method, path, { headers, body })));
    }
    const again = smallHallDocument({ rows: 3, seatsPerRow: 10 });
    for (const body of [again, { not: 'a feed' }]) {
      const answer = await call(office.url, 'POST', '/v1/admin/imports', { body, headers });
      seen.add(expectDescribed('POST', '/v1/admin/imports', answer));
    }
  });

  it('to operators who settle a charge', async () => {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const fan = await new CarefulFan(office).arrive();
    const key = randomUUID();
    const { userId } = (await fan.call('GET', '/v1/me')).body;
    const chargeId = deriveId(deriveId('command', userId, 'charge', key), 'charge');
    // The payment system has a payment of another amount under the charge's id.
    await fetch(`${office.paymentUrl}/payments`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${resolveSecrets(office.config).paymentApiKey}`,
        'content-type': 'application/json',
        'idempotency-key': chargeId,
      },
      body: JSON.stringify({ amount: 900, paymentMethod: 'card-approve', reference: 'another' }),
    });
    const charged = await fan.charge(1000, key);
    expect(charged).toMatchObject({ status: 202, body: { chargeId, status: 'needs-attention' } });
    const ask = async (method: string, path: string, body?: unknown) => {
      const answer = await call(office.url, method, path, { headers, body });
      seen.add(expectDescribed(method, path, answer));
      return answer;
    };
    await waitUntil('the charge is listed', async () => {
      const { items } = (await ask('GET', '/v1/ops/charges?limit=1')).body;
      return items[0]?.chargeId === chargeId && items[0].attention.reason.includes('900');
    });
    const metrics = await call(office.url, 'GET', '/metrics', { headers });
    expect(metrics.body).toContain('\nboxoffice_charges_needing_attention 1\n');
    await fan.call('GET', `/v1/wallet/charges/${chargeId}`);
    const settle = `/v1/admin/charges/${chargeId}/settle`;
    await ask('POST', settle, { outcome: 'credited' });
    const credited = { outcome: 'credited', reason: 'the rest was paid by bank transfer' };
    expect((await ask('POST', settle, credited)).body.status).toBe('credited');
    expect((await ask('POST', settle, credited)).body.status).toBe('credited');
    await ask('POST', settle, { outcome: 'rejected', reason: 'no' });
    await ask('POST', `/v1/admin/charges/${randomUUID()}/settle`, credited);
    expect((await ask('GET', '/v1/ops/charges?status=credited&limit=1')).status).toBe(200);
    expect((await call(office.url, 'GET', '/v1/ops/charges')).status).toBe(401);
    await waitUntil(
      'the points are read',
      async () => (await fan.call('GET', '/v1/wallet')).body.balance === 1000,
    );
  });

  it('to operators who give keys to others', async () => {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const keys = '/v1/admin/operators';
    const ask = async (method: string, path: string, body?: unknown) => {
      const answer = await call(office.url, method, path, { headers, body });
      seen.add(expectDescribed(method, path, answer));
      return answer;
    };
    // No owner's key: it would close the one that all tests here use.
    const { keyId, key } = (await ask('POST', keys, { operator: 'mina', role: 'door' })).body;
    await ask('POST', keys, { operator: 'environment', role: 'door' });
    await ask('GET', `${keys}/me`);
    const asDoor = { headers: { authorization: `Bearer ${key}` } };
    seen.add(expectDescribed('GET', keys, await call(office.url, 'GET', keys, asDoor)));
    await ask('POST', `${keys}/${keyId}/revoke`, { reason: 'left' });
    await ask('POST', `${keys}/0123456789ab/revoke`, { reason: 'left' });
    await ask('GET', keys);
    seen.add(expectDescribed('GET', keys, await call(office.url, 'GET', keys, asDoor)));
  });

  it('to operators who erase somebody', async () => {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const { loginId } = await new CarefulFan(office).arrive();
    for (const body of [{ user: loginId }, { user: 'nobody' }]) {
      const answer = await call(office.url, 'POST', '/v1/admin/erasures', { body, headers });
      seen.add(expectDescribed('POST', '/v1/admin/erasures', answer));
    }
  });

  it('with every endpoint having answered as hoped at least once', () => {
    const unasked = routes
      .filter(({ key, operation }) => {
        const isStream = Object.values(operation.replies).some(({ kind }) => kind === 'events');
        const answered = Object.keys(operation.replies).some((status) => seen.has(`${key} ${status}`));
        return !isStream && !answered;
      })
      .map(({ key }) => key);
    // The payment system's own callbacks reach the office during the first test, unseen by the fan.
    expect(unasked).toEqual(['POST /v1/payment-callbacks']);
  });
});

describe('live streams of the running office', () => {
  it('show a hold to whoever watches the seats, and the place to its fan', async () => {
    // The import may not be readable yet.
    const fan = await new CarefulFan(office).arrive();
    const seats = await fan.call('GET', `/v1/schedules/${hall.scheduleId}/seats`);
    expect(seats.status).toBe(200);
    const watcher = await StreamClient.open(
      `${office.url}/v1/schedules/${hall.scheduleId}/seats/events?after=${seats.body.position}`,
    );
    const path = `/v1/performances/${hall.performanceId}/queue-token`;
    const joined = await fan.call('POST', path, { body: { numberOfTickets: 1 } });
    const place = await StreamClient.open(`${office.url}${path}/events?queueToken=${joined.body.queueToken}`);
    await eventually(() => place.text.includes('"status":"admitted"'));
    await fan.queue(hall.performanceId);
    await fan.hold(hall.scheduleId, ['R3-3']);
    await eventually(() => watcher.text.includes('"seatId":"R3-3","status":"held"'));
    await eventually(() => place.text.includes('"status":"entered"'));
    await Promise.all([watcher.close(), place.close()]);
  });
});
