import { ImportRefused } from '../../src/commands/catalog/check-import.js';
import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { AdvanceCharge } from '../../src/commands/wallet/charge-points.js';
import { refuse } from '../../src/domain/rejection.js';
import { sampleCatalog } from '../../src/integrations/feeds/sample-catalog.js';
import { signCallback } from '../../src/integrations/payment/wire.js';
import { type ApiUnderTest, adminKey, callbackSecret, startApi } from './api-under-test.js';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.app.close());

describe('payment callbacks', () => {
  const chargeId = 'd6f0a12c-3456-5f70-a182-9d0e1f2a3b08';
  const body = JSON.stringify({ paymentId: 'p', idempotencyKey: chargeId, status: 'approved', amount: 5 });
  const post = (payload: string, signature: string) =>
    api.app.inject({
      method: 'POST',
      url: '/v1/payment-callbacks',
      headers: { 'content-type': 'application/json', 'payment-signature': signature },
      payload,
    });
  const sign = (secret = callbackSecret) => signCallback(secret, body, api.clock.ms);

  it('make the payment system be asked again', async () => {
    api.commands.handler = () => ({ status: 'credited', balance: 5, position: 1 });
    const reply = await post(body, sign());
    expect(reply.statusCode).toBe(204);
    const [command] = api.commands.received;
    expect(command).toBeInstanceOf(AdvanceCharge);
    expect(command).toMatchObject({ chargeId, context: { actor: { kind: 'anonymous' } } });
  });

  it('about an unknown charge are taken note of', async () => {
    api.commands.handler = () => {
      throw refuse('charge-unknown', 'There is no such charge.');
    };
    expect((await post(body, sign())).statusCode).toBe(204);
  });

  it('are refused when forged, changed or replayed late', async () => {
    expect((await post(body, sign('another secret'))).json().code).toBe('forbidden');
    expect((await post(body.replace('5', '6'), sign())).json().code).toBe('forbidden');
    const old = sign();
    api.clock.ms += 10 * 60_000;
    expect((await post(body, old)).json().code).toBe('forbidden');
    expect((await post('x'.repeat(5_000), sign())).json().code).toBe('body-too-large');
    expect(api.commands.received).toEqual([]);
  });

  it('are all refused without a secret', async () => {
    const deaf = await startApi({ settings: { callbackSecret: undefined } });
    const headers = { 'content-type': 'application/json', 'payment-signature': sign('') };
    const url = '/v1/payment-callbacks';
    expect((await deaf.app.inject({ method: 'POST', url, headers, payload: body })).statusCode).toBe(403);
    await deaf.app.close();
  });
});

describe('imports', () => {
  const post = (query: string, payload: string | Buffer, type = 'application/json') =>
    api.app.inject({
      method: 'POST',
      url: `/v1/admin/imports${query}`,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': type },
      payload,
    });
  const feed = JSON.stringify(sampleCatalog(new Date('2026-11-22T09:00:00Z')));
  const nothingImported = {
    records: [],
    keptSeats: [],
    matchedSeats: [],
    moreMatchedSeats: 0,
    problems: [],
    position: 99,
  };

  it('publish what the feed has, and report', async () => {
    api.commands.handler = () => nothingImported;
    expect(feed.length).toBeGreaterThan(1024 * 1024);
    const reply = await post('?source=mine&shiftDays=7&sales=%7B%22seatLimitPerUser%22%3A2%7D', feed);
    expect(reply.json()).toMatchObject({ format: 'boxoffice', position: 99, moreProblems: 0 });
    expect(reply.headers['x-log-position']).toBe('99');
    const [command] = api.commands.received;
    if (!(command instanceof ImportCatalog)) throw new Error('nothing was imported');
    expect(command.document.source).toBe('mine');
    expect(command.document.performances[0]?.sales).toMatchObject({ seatLimitPerUser: 2 });
    expect(command.context.actor).toEqual({ kind: 'admin', operator: 'environment' });
  });

  it('count what went in, and group what did not', async () => {
    const venueId = '5b6f0f5e-8a35-4f3c-9d0e-0d5c0f8f7a11';
    const record = { externalId: 'x', id: venueId, name: 'X' };
    const problem = { record: 'venue "X" (x)', field: 'timeZone', reason: 'has none', effect: 'changed' };
    api.commands.handler = () => ({
      ...nothingImported,
      records: [
        { ...record, kind: 'venue', outcome: 'revised', seats: 40 },
        { ...record, kind: 'performance', outcome: 'published' },
        { ...record, kind: 'schedule', outcome: 'published', isCancelled: true },
        { ...record, kind: 'schedule', outcome: 'unchanged' },
        { ...record, kind: 'performance', outcome: 'skipped', reason: 'no venue' },
      ],
      problems: [problem],
    });
    const none = { published: 0, revised: 0, unchanged: 0, skipped: 0 };
    expect((await post('', feed)).json()).toMatchObject({
      summary: {
        venues: { ...none, revised: 1 },
        performances: { ...none, published: 1, skipped: 1 },
        dates: { ...none, published: 1, unchanged: 1 },
        cancelledDates: 1,
        seats: 40,
      },
      problems: [problem],
      groups: [
        { field: 'timeZone', reason: 'has none', effect: 'changed', count: 1, records: ['venue "X" (x)'] },
      ],
    });
  });

  it('refuse prices of categories that do not exist', async () => {
    api.commands.handler = () => {
      throw new ImportRefused([
        { record: 'option prices', field: 'X', reason: 'there is no X', effect: 'refused' },
      ]);
    };
    const reply = await post('?prices=%5B%7B%22category%22%3A%22X%22%2C%22price%22%3A1%7D%5D', feed);
    expect(reply.statusCode).toBe(422);
    expect(reply.json()).toMatchObject({
      code: 'feed-refused',
      problems: [{ field: 'X', effect: 'refused' }],
      groups: [{ field: 'X', count: 1 }],
    });
    const [command] = api.commands.received;
    expect(command).toMatchObject({ options: { unlistedPrices: ['X'] } });
  });

  it('take the encoding that a feed states', async () => {
    api.commands.handler = () => nothingImported;
    const inUtf16 = Buffer.from(`\uFEFF${feed}`, 'utf16le');
    expect((await post('', inUtf16)).json()).toMatchObject({ format: 'boxoffice' });
    const venue = { id: 'v', name: 'Salle', location: '', sections: [] };
    const small = JSON.stringify({ ...JSON.parse(feed), venues: [venue], performances: [], source: 'é' });
    expect(
      (await post('', Buffer.from(small, 'latin1'), 'text/plain; charset=iso-8859-1')).json(),
    ).toMatchObject({
      format: 'boxoffice',
    });
    expect(api.commands.received.map((one) => one instanceof ImportCatalog && one.document.source)).toEqual([
      'sample',
      'é',
    ]);
    expect((await post('', Buffer.from(small, 'latin1'))).json()).toMatchObject({
      code: 'feed-refused',
      problems: [{ reason: expect.stringContaining('is not valid UTF-8') }],
    });
  });

  it('take XML', async () => {
    expect((await post('', '<dbs></dbs>', 'application/xml')).json()).toMatchObject({
      code: 'feed-refused',
      problems: [{ record: 'feed', effect: 'refused' }, { effect: 'refused' }],
    });
  });

  it('refuse options by name', async () => {
    for (const [query, field] of [
      ['?format=csv', 'format'],
      ['?timeZone=Mars', 'timeZone'],
      ['?dedupe=last', 'dedupe'],
      ['?pointsPerUnit=%7B%22usd%22%3A1%7D', 'pointsPerUnit.usd'],
      ['?shiftDays=soon', 'shiftDays'],
      ['?sales=%7B', 'sales'],
      ['?prices=%5B%7B%22category%22%3A%22R%22%2C%22price%22%3A-1%7D%5D', 'prices[0].price'],
    ]) {
      const { errors } = (await post(query ?? '', feed)).json();
      expect(errors.map((error: { field: string }) => error.field)).toContain(field);
    }
    expect((await post('', '')).json().code).toBe('validation-failed');
    expect(api.commands.received).toEqual([]);
  });
});
