import { eventually } from '../services/wait-until.js';
import { Fan } from './fan.js';
import { type AnyOffice, modes, openTimeoutMs } from './modes.js';
import { openSmallHall, type SmallHall } from './small-hall.js';

describe.each(modes)('a booking from registration to ticket, $mode', ({ open }) => {
  let office: AnyOffice;
  let hall: SmallHall;

  beforeAll(async () => {
    office = await open();
    hall = await openSmallHall(office, { rows: 4, seatsPerRow: 10 });
  }, openTimeoutMs);
  afterAll(() => office.close());

  it('charges, queues, holds, pays and shows the reservation', async () => {
    const fan = await new Fan(office).arrive();
    expect((await fan.charge(1000)).status).toBe(201);
    await fan.queue(hall.performanceId, 2);
    const held = await fan.hold(hall.scheduleId, ['R1-1', 'R1-2']);
    expect(held).toMatchObject({ status: 201, body: { total: 200 } });
    const paid = await fan.pay();
    expect(paid).toMatchObject({ status: 201, body: { orderStatus: 'paid', totalAmount: 200 } });
    expect(paid.body.items.map((item: { seatId: string }) => item.seatId).sort()).toEqual(['R1-1', 'R1-2']);
    expect(paid.body.payment).toMatchObject({ amount: 200, paymentStatus: 'completed' });

    expect(await fan.balance()).toBe(800);
    const reservations = await fan.call('GET', '/v1/reservations');
    expect(reservations.body.items).toHaveLength(2);
    const history = await fan.call('GET', '/v1/wallet/history');
    expect(history.body.items.map((entry: { kind: string }) => entry.kind).sort()).toEqual([
      'charged',
      'spent',
    ]);
    const token = await fan.call('GET', `/v1/performances/${hall.performanceId}/queue-token`);
    expect(token.body.status).toBe('completed');
    const seats = await fan.call('GET', `/v1/schedules/${hall.scheduleId}/availability`);
    expect(seats.body).toMatchObject({ capacity: 40, reserved: 2, available: 38 });
  });

  it('cancels an order: seats free, points back, once', async () => {
    const fan = await new Fan(office).arrive();
    await fan.charge(500);
    await fan.queue(hall.performanceId);
    await fan.hold(hall.scheduleId, ['R2-1']);
    const order = await fan.pay();
    const path = `/v1/orders/${order.body.orderId}/cancel`;
    expect(await fan.call('POST', path)).toMatchObject({ status: 200, body: { orderStatus: 'refunded' } });
    expect(await fan.call('POST', path)).toMatchObject({ status: 200, body: { orderStatus: 'refunded' } });
    expect(await fan.balance()).toBe(500);
    const other = await (await new Fan(office).arrive()).queue(hall.performanceId);
    expect((await other.hold(hall.scheduleId, ['R2-1'])).status).toBe(201);
  });

  it('refuses to pay with too few points and keeps the hold', async () => {
    const fan = await new Fan(office).arrive();
    await fan.queue(hall.performanceId);
    await fan.hold(hall.scheduleId, ['R2-5']);
    expect(await fan.pay()).toMatchObject({ status: 402, body: { code: 'insufficient-points' } });
    await fan.charge(100);
    expect((await fan.pay()).status).toBe(201);
  });

  it('frees a hold at its deadline', async () => {
    const brief = await openSmallHall(office, {
      id: 'brief',
      rows: 1,
      seatsPerRow: 2,
      sales: { holdTtlMs: 3000 },
    });
    const [slow, quick] = await Promise.all([new Fan(office).arrive(), new Fan(office).arrive()]);
    await Promise.all([slow.queue(brief.performanceId), quick.queue(brief.performanceId)]);
    const held = await slow.hold(brief.scheduleId, ['R1-1']);
    expect(held.status).toBe(201);
    await eventually(async () => {
      const answer = await quick.hold(brief.scheduleId, ['R1-1']);
      if (answer.status === 201) return true;
      expect(answer).toMatchObject({ status: 409, body: { code: 'seat-held' } });
      return false;
    });
    expect(new Date().toISOString() >= held.body.expiresAt).toBe(true);
    await slow.charge(100);
    expect((await slow.pay()).status).toBe(409);
    expect(await slow.balance()).toBe(100);
  });

  it('gives the first reply again for a repeated key, and refuses another body under it', async () => {
    const fan = await new Fan(office).arrive();
    const first = await fan.charge(300, 'one key');
    const again = await fan.charge(300, 'one key');
    expect(again.status).toBe(first.status);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await fan.charge(301, 'one key')).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
    expect(await fan.balance()).toBe(300);
  });

  it('refuses a queue token that belongs to somebody else', async () => {
    const owner = await (await new Fan(office).arrive()).queue(hall.performanceId);
    const thief = await new Fan(office).arrive();
    const joined = await owner.call('POST', `/v1/performances/${hall.performanceId}/queue-token`, {
      body: { numberOfTickets: 1 },
    });
    const answer = await thief.call('POST', `/v1/schedules/${hall.scheduleId}/holds`, {
      body: { seatIds: ['R4-1'] },
      key: 'stolen',
      headers: { 'x-queue-token': joined.body.queueToken },
    });
    expect(answer).toMatchObject({ status: 403, body: { code: 'queue-token-invalid' } });
  });
});
