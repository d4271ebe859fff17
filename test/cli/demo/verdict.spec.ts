import { ApiClient } from '../../../src/cli/demo/api-client.js';
import { Account, Fan, planFan } from '../../../src/cli/demo/fan.js';
import { type AuditVerdict, askAudit, checkReservations } from '../../../src/cli/demo/play.js';
import { describeSummary, summarise, Tally } from '../../../src/cli/demo/summary.js';
import { Random } from '../../../src/platform/random.js';
import { type CannedServer, cannedServer, problem } from '../canned-server.js';

const soon = new Date(Date.now() + 3_600_000).toISOString();
const unasked: AuditVerdict = { kind: 'not asked', why: 'no key' };
const facts = {
  isInterrupted: false,
  server: 'http://x',
  performance: 'Concert',
  fans: 2,
  seed: 1,
  seconds: 1,
};

describe('the demo’s verdict', () => {
  let server: CannedServer;
  afterEach(() => server.close());

  /** Registered fans whose confirmed seats are as given, on one date. */
  async function fansWith(seatsOf: Readonly<Record<string, readonly string[]>>) {
    server = await cannedServer(({ path, headers, body }) => {
      if (path === '/v1/users') return { status: 201, body: { userId: 'u' } };
      if (path === '/v1/auth/login') {
        return { status: 200, body: { accessToken: JSON.parse(body).loginId, accessTokenExpiresAt: soon } };
      }
      const seats = seatsOf[headers.authorization?.slice('Bearer '.length) ?? ''] ?? [];
      const items = seats.map((seatId) => {
        return { orderId: 'o', scheduleId: 's', seatId, reservationStatus: 'confirmed' };
      });
      return { status: 200, body: { items, nextCursor: null } };
    });
    const tally = new Tally();
    const api = new ApiClient(server.url, {
      tally,
      signal: new AbortController().signal,
      onLimited: () => undefined,
    });
    const performance = {
      performanceId: 'p',
      name: 'Concert',
      priceTo: 1,
      sales: { seatLimitPerUser: 4 },
      schedules: [],
    };
    const fans = await Promise.all(
      Object.keys(seatsOf).map(async (loginId) => {
        const account = new Account(api, tally, loginId, 'password');
        await account.open();
        const random = new Random(1);
        return new Fan(api, account, performance, planFan(random, 4, 1), random, tally);
      }),
    );
    return { api, fans, tally };
  }

  it('is clean when every fan has what was paid for and nobody else has it', async () => {
    const { fans, tally } = await fansWith({ ann: ['A-1'], bob: ['A-2'] });
    fans[0]?.bought.add('s A-1');
    fans[1]?.bought.add('s A-2');
    const reservations = await checkReservations(fans, tally);
    expect(reservations).toEqual({ confirmed: 2, soldTwice: [] });
    expect(summarise(tally, { ...facts, reservations, audit: unasked }).clean).toBe(true);
  });

  it('finds a seat that two fans have', async () => {
    const { fans, tally } = await fansWith({ ann: ['A-1'], bob: ['A-1'] });
    for (const fan of fans) fan.bought.add('s A-1');
    const reservations = await checkReservations(fans, tally);
    expect(reservations.soldTwice).toEqual(['s A-1: ann and bob']);
    const summary = summarise(tally, { ...facts, reservations, audit: unasked });
    expect(summary.clean).toBe(false);
    expect(describeSummary(summary)).toContain('SOLD TWICE  s A-1: ann and bob');
  });

  it('finds a seat that was paid for and is not there, and one that was not paid for', async () => {
    const { fans, tally } = await fansWith({ ann: [], bob: ['A-2'] });
    fans[0]?.bought.add('s A-1');
    await checkReservations(fans, tally);
    expect(tally.surprises).toHaveLength(2);
  });

  it('takes the audit’s word when there is a key, and says how to ask when there is none', async () => {
    const { api } = await fansWith({});
    expect(await askAudit(api, undefined)).toMatchObject({ kind: 'not asked' });
    await server.close();
    const report = { events: 9, findingCount: 0, findings: [], checks: [{ code: 'a', examined: 5 }] };
    const answer = (body: object) => cannedServer(() => ({ status: 200, body }));
    const ask = (url: string) => {
      const options = {
        tally: new Tally(),
        signal: new AbortController().signal,
        onLimited: () => undefined,
      };
      return askAudit(new ApiClient(url, options), 'key');
    };
    server = await answer({ ...report, clean: true });
    expect(await ask(server.url)).toEqual({ kind: 'clean', events: 9, facts: 5 });
    expect(server.seen[0]).toMatchObject({
      path: '/v1/admin/audit',
      headers: { authorization: 'Bearer key' },
    });
    await server.close();
    const findings = [{ code: 'seat-single-owner', message: 'twice' }];
    server = await answer({ ...report, clean: false, findingCount: 3, findings });
    const bad = await ask(server.url);
    expect(bad).toEqual({ kind: 'findings', count: 3, first: ['seat-single-owner: twice'] });
    const reservations = { confirmed: 0, soldTwice: [] };
    expect(summarise(new Tally(), { ...facts, reservations, audit: bad }).clean).toBe(false);
    await server.close();
    server = await cannedServer(() => problem(401, 'unauthenticated'));
    expect(await ask(server.url)).toMatchObject({ kind: 'not asked', why: expect.stringContaining('401') });
  });

  it('is not clean when it was interrupted or something unexpected happened', async () => {
    await fansWith({});
    const reservations = { confirmed: 0, soldTwice: [] };
    const surprised = new Tally();
    surprised.surprise('lightning');
    expect(summarise(surprised, { ...facts, reservations, audit: unasked }).clean).toBe(false);
    const stopped = { ...facts, isInterrupted: true, reservations: null, audit: unasked };
    expect(summarise(new Tally(), stopped).clean).toBe(false);
  });
});
