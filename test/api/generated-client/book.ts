// Compiled and run by ../generated-client.spec.ts, which generates the types `#api` stands for from the API document.
import { randomUUID } from 'node:crypto';
import createClient from 'openapi-fetch';
import type { paths } from '#api';

/** Books the first free seat of the first performance and returns the paid order. */
export async function book(baseUrl: string) {
  const client = createClient<paths>({ baseUrl });
  const person = { loginId: `fan-${randomUUID().slice(0, 8)}`, password: 'correct horse' };
  await client.POST('/v1/users', { body: { ...person, username: 'Fan', name: '김팬' } });
  const session = await client.POST('/v1/auth/login', { body: person });
  const fan = { Authorization: `Bearer ${session.data?.accessToken}` };

  const charged = await client.POST('/v1/wallet/charges', {
    params: { header: { 'Idempotency-Key': randomUUID() } },
    headers: fan,
    body: { amount: 1_000_000, paymentMethod: 'card-approve' },
  });
  if (charged.response.status !== 201) throw new Error('the points were not charged');

  // The charge came after the import, so a read that contains it contains the performance too.
  const header = { 'X-Wait-For-Position': charged.data?.position ?? 0 };
  const found = await client.GET('/v1/performances', { params: { query: { limit: 1 }, header } });
  const performanceId = found.data?.items[0]?.performanceId ?? '';
  const performance = await client.GET('/v1/performances/{performanceId}', {
    params: { path: { performanceId } },
  });
  const scheduleId = performance.data?.schedules[0]?.scheduleId ?? '';

  const queue = '/v1/performances/{performanceId}/queue-token';
  const params = { path: { performanceId } };
  const joined = await client.POST(queue, { params, headers: fan, body: { numberOfTickets: 1 } });
  const buyer = { ...fan, 'X-Queue-Token': joined.data?.queueToken };
  for (;;) {
    const place = await client.GET(queue, {
      params: { ...params, header: { 'X-Wait-For-Position': joined.data?.position ?? 0 } },
      headers: buyer,
    });
    const status: 'waiting' | 'admitted' | 'entered' | 'completed' | 'expired' | 'left' | undefined =
      place.data?.status;
    if (status === 'admitted') break;
    if (status !== 'waiting') throw new Error(`the place is ${status}: ${place.error?.detail}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await client.POST(`${queue}/enter`, { params, headers: buyer });

  const map = await client.GET('/v1/schedules/{scheduleId}/seats', {
    params: { path: { scheduleId }, query: { status: 'free' } },
  });
  const seat = map.data?.sections[0]?.rows[0]?.seats[0];
  const held = await client.POST('/v1/schedules/{scheduleId}/holds', {
    params: { path: { scheduleId }, header: { 'Idempotency-Key': randomUUID() } },
    headers: buyer,
    body: { seatIds: [seat?.seatId ?? ''] },
  });
  const total: number | undefined = held.data?.total;
  const paid = await client.POST('/v1/orders', {
    params: { header: { 'Idempotency-Key': randomUUID() } },
    headers: buyer,
    body: {},
  });
  return { price: seat?.price, total, order: paid.data };
}

/** Statements that the generated types must refuse. */
export async function misuse() {
  const client = createClient<paths>();
  // @ts-expect-error there is no such path
  await client.GET('/v1/nowhere');
  // @ts-expect-error limit is a number
  await client.GET('/v1/performances', { params: { query: { limit: 'many' } } });
  // @ts-expect-error the key is missing
  await client.POST('/v1/orders', { body: {} });
}
