import type { PerformanceId, UserId } from '../../src/events/ids.js';
import { closeAll, History, id, minute } from '../projections/history.js';
import { joon, mina, performanceId, Story, seed, tokenOf } from '../projections/story.js';
import { asking } from './asking.js';

afterEach(closeAll);

const fan = (index: number): UserId => id<UserId>(`fan ${index}`);

async function queueOf(count: number, sales: Parameters<Story['concert']>[0] = {}) {
  const history = new History();
  const story = new Story(history);
  await story.concert(sales);
  for (let index = 0; index < count; index++) await story.queue(fan(index));
  return { history, story };
}

describe('a fan’s token', () => {
  it('is null for who never queued', async () => {
    const { queries } = await asking((await queueOf(0)).history);
    expect(await queries.queueToken(tokenOf(mina))).toBeNull();
  });

  it('has no place before the opening, and waits for it', async () => {
    const { history } = await queueOf(2, { opensAt: minute(60) });
    const { queries } = await asking(history, minute(50));
    expect(await queries.queueToken(tokenOf(fan(1)))).toEqual({
      tokenId: tokenOf(fan(1)),
      performanceId,
      number: 1,
      place: null,
      status: 'waiting',
      opened: false,
      opensAt: minute(60),
      ahead: 1,
      // Ten minutes to the opening, then two fans at two a second.
      estimatedWaitSeconds: 601,
      seatsMayRunOut: false,
      sale: 'on-sale',
      saleEndsAt: minute(10_000),
      enterBefore: null,
      expiresAt: null,
      numberOfTickets: 2,
    });
  });

  it('has no estimate when nobody knows when the queue opens', async () => {
    const { queries } = await asking((await queueOf(1)).history);
    expect(await queries.queueToken(tokenOf(fan(0)))).toMatchObject({ estimatedWaitSeconds: null });
  });

  it('moves forward with every admission', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 5; index++) await story.queue(fan(index));
    await story.admit(0, 2);
    const { queries } = await asking(history);
    // Both places inside are taken and make room twice in ten minutes: the third turn takes 3 × 300 s.
    expect(await queries.queueToken(tokenOf(fan(4)))).toMatchObject({
      place: 4,
      ahead: 2,
      estimatedWaitSeconds: 900,
    });
    expect(await queries.queueToken(tokenOf(fan(0)))).toMatchObject({
      status: 'admitted',
      ahead: 0,
      estimatedWaitSeconds: null,
      enterBefore: minute(500),
    });
  });

  it('never has more fans ahead than still wait', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 4; index++) await story.queue(fan(index));
    for (const index of [0, 1, 2]) await story.leave(fan(index));
    const { queries } = await asking(history);
    expect(await queries.queueToken(tokenOf(fan(3)))).toMatchObject({ place: 3, ahead: 0 });
  });

  it('is expired at its deadline, before any event says so', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    await story.queue(mina);
    await story.queue(joon);
    await story.admit(0, 2, minute(500));
    await story.enter(joon, 1, minute(600));
    const status = async (userId: UserId, now: number) => {
      const { queries } = await asking(history, minute(now));
      return (await queries.queueToken(tokenOf(userId)))?.status;
    };
    expect(await status(mina, 499)).toBe('admitted');
    expect(await status(mina, 500)).toBe('expired');
    expect(await status(joon, 599)).toBe('entered');
    expect(await status(joon, 600)).toBe('expired');
  });
});

describe('a fan who waits', () => {
  const waiting = async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    await story.queue(mina);
    for (let index = 0; index < 4; index++) await story.queue(fan(index));
    await story.admit(0, 1);
    const place = async (index: number, now = minute(50)) => {
      const { queries } = await asking(history, now);
      const status = await queries.queueToken(tokenOf(fan(index)));
      return status && [status.sale, status.seatsMayRunOut, status.estimatedWaitSeconds !== null];
    };
    return { history, story, place };
  };

  it('is told when fewer seats are free than fans are in the line', async () => {
    const { story, place } = await waiting();
    expect(await place(2)).toEqual(['on-sale', false, true]);
    expect(await place(3)).toEqual(['on-sale', true, true]);
    await story.hold(mina, 'A-1', 'first');
    expect(await place(1)).toEqual(['on-sale', false, true]);
    expect(await place(2)).toEqual(['on-sale', true, true]);
  });

  it('is told that every seat is held or sold, and when one is free again', async () => {
    const { story, place } = await waiting();
    for (const name of ['A-1', 'A-2', 'A-3']) await story.hold(mina, name, `hold of ${name}`);
    expect(await place(0)).toEqual(['all-held', true, false]);
    await story.release(mina, 'A-3', 'hold of A-3');
    expect(await place(0)).toEqual(['on-sale', false, true]);
  });

  it('is told that the sale has ended at the moment it ends', async () => {
    const { place } = await waiting();
    expect(await place(0, minute(9_999))).toEqual(['on-sale', false, true]);
    expect(await place(0, minute(10_000))).toEqual(['ended', true, false]);
  });
});

describe('a queue', () => {
  it('is null when its performance is unknown', async () => {
    const { queries } = await asking(new History());
    expect(await queries.queue(performanceId)).toBeNull();
  });

  it('tells its size, limits and who is next', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 5; index++) await story.queue(fan(index));
    await story.admit(0, 1);
    await story.leave(fan(1));
    const { queries } = await asking(history);
    expect(await queries.queue(performanceId)).toEqual({
      performanceId,
      opened: true,
      opensAt: null,
      size: 3,
      capacity: 3,
      isEmpty: false,
      isFull: true,
      active: 1,
      maxActive: 2,
      admittedUpTo: 1,
      issued: 5,
      head: { number: 2 },
      sale: 'on-sale',
      saleEndsAt: minute(10_000),
      freeSeats: 3,
    });
  });

  it('is empty before anybody came', async () => {
    const { queries } = await asking((await queueOf(0)).history);
    expect(await queries.queue(performanceId)).toMatchObject({
      isEmpty: true,
      isFull: false,
      head: null,
    });
  });
});

describe('what admission asks', () => {
  it('is how the queue stands', async () => {
    const { history, story } = await queueOf(2);
    await story.open(2);
    await story.queue(fan(2));
    await story.admit(0, 1);
    await story.leave(fan(2));
    const { queries } = await asking(history);
    expect(await queries.queueSize(performanceId)).toEqual({ waiting: 1, leftBeforeAdmission: 1 });
    expect(await queries.queueFront(performanceId, 1)).toEqual({ knownUpTo: 3, inside: 1 });
    await story.enter(fan(1), 0); // the shuffle gave it the first place
    const later = await asking(history);
    expect(await later.queries.queueSize(performanceId)).toEqual({ waiting: 1, leftBeforeAdmission: 1 });
    expect(await later.queries.queueFront(performanceId, 1)).toEqual({ knownUpTo: 3, inside: 1 });
    const nobody = { waiting: 0, leftBeforeAdmission: 0 };
    expect(await queries.queueSize(id<PerformanceId>('another'))).toEqual(nobody);
  });

  it('counts places that it does not know as admitted as fans inside, but not those who have left', async () => {
    const { history, story } = await queueOf(0);
    const before = await asking(history);
    expect(await before.queries.queueFront(performanceId, 4)).toEqual({ knownUpTo: 0, inside: 4 });
    await story.open(0);
    for (let index = 0; index < 5; index++) await story.queue(fan(index));
    await story.admit(0, 2);
    await story.leave(fan(0));
    await story.leave(fan(3));
    const { queries } = await asking(history);
    const inside = async (admittedUpTo: number) =>
      (await queries.queueFront(performanceId, admittedUpTo)).inside;
    // Fan 1 is inside. Places 2 … 4 may have been admitted since; of them fan 3 has left.
    expect(await Promise.all([1, 2, 3, 4, 5, 9].map(inside))).toEqual([1, 1, 2, 2, 3, 7]);
    const unknown = await queries.queueFront(id<PerformanceId>('another'), 4);
    expect(unknown).toEqual({ knownUpTo: 0, inside: 4 });
  });

  it('is the places of those who wait, and a token’s own', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 5; index++) await story.queue(fan(index));
    await story.leave(fan(2));
    const { queries } = await asking(history);
    expect(await queries.waitingPlaces(performanceId, 1, 10)).toEqual([1, 3, 4]);
    expect(await queries.waitingPlaces(performanceId, 1, 2)).toEqual([1, 3]);
    expect(await queries.numberOfToken(tokenOf(fan(3)))).toBe(3);
    expect(await queries.numberOfToken(tokenOf(mina))).toBeUndefined();
  });

  it('is which tokens ran out of time', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 4; index++) await story.queue(fan(index));
    await story.admit(0, 3, minute(500));
    await story.enter(fan(1), 1, minute(600));
    const { queries } = await asking(history);
    const lapsed = async (now: number) =>
      (await queries.lapsedTokens(minute(now), 10)).map((token) => `${token.status} ${token.expiresAt}`);
    expect(await lapsed(499)).toEqual([]);
    expect(await lapsed(500)).toEqual([`admitted ${minute(500)}`, `admitted ${minute(500)}`]);
    expect(await lapsed(600)).toHaveLength(3);
    expect(await queries.lapsedTokens(minute(600), 1)).toHaveLength(1);
    const [first] = await queries.liveTokens(null, 1);
    const rest = await queries.liveTokens(first ?? null, 10);
    expect(new Set([first, ...rest].map((token) => token?.tokenId))).toEqual(
      new Set([fan(0), fan(1), fan(2)].map(tokenOf)),
    );
  });

  it('is which fans inside hold nothing for too long', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 4; index++) await story.queue(fan(index));
    await story.admit(0, 4, minute(500));
    for (let index = 0; index < 4; index++)
      await story.enter(fan(index), index, minute(600), { idleUntil: minute(200) });
    await story.ask(fan(1), 'A-1', 'h1');
    await story.ask(fan(2), 'A-2', 'h2');
    await story.giveBack(fan(2), 'A-2', 'h2', { idleUntil: minute(300) });
    await story.leave(fan(3));
    const { queries } = await asking(history);
    const lapsed = async (now: number) =>
      (await queries.lapsedTokens(minute(now), 10)).map(({ tokenId, expiresAt }) => [tokenId, expiresAt]);
    expect(await lapsed(199)).toEqual([]);
    expect(await lapsed(200)).toEqual([[tokenOf(fan(0)), minute(200)]]);
    expect(await lapsed(300)).toEqual([
      [tokenOf(fan(0)), minute(200)],
      [tokenOf(fan(2)), minute(300)],
    ]);
    // Each once, though two of its times are over.
    expect((await lapsed(600)).map(([tokenId]) => tokenId).sort()).toEqual(
      [0, 1, 2].map((index) => tokenOf(fan(index))).sort(),
    );
    const live = await queries.liveTokens(null, 10);
    expect(new Map(live.map(({ tokenId, expiresAt }) => [tokenId, expiresAt]))).toEqual(
      new Map([
        [tokenOf(fan(0)), minute(200)],
        [tokenOf(fan(1)), minute(600)],
        [tokenOf(fan(2)), minute(300)],
      ]),
    );
  });

  it('is which queues of performances with a date to come are to be opened, or have somebody waiting', async () => {
    const { history, story } = await queueOf(0);
    const listed = async (now: number, opensBefore = now, after: PerformanceId | null = null) => {
      const { queries } = await asking(history);
      return queries.queuesToServe({ now: minute(now), opensBefore: minute(opensBefore) }, after, 10);
    };
    expect(await listed(9_999)).toEqual([performanceId]);
    expect(await listed(10_000)).toEqual([]);
    expect(await listed(0, 0, performanceId)).toEqual([]);
    await story.open(0);
    expect(await listed(0)).toEqual([]);
    await story.queue(mina);
    expect(await listed(0)).toEqual([performanceId]);
    await story.admit(0, 1);
    expect(await listed(0)).toEqual([]);
  });

  it('is which queues open before a moment', async () => {
    const { queries } = await asking((await queueOf(2, { opensAt: minute(60) })).history);
    const listed = (opensBefore: number) =>
      queries.queuesToServe({ now: minute(0), opensBefore: minute(opensBefore) }, null, 10);
    expect([await listed(60), await listed(61)]).toEqual([[], [performanceId]]);
  });

  it('is who still waits when the last date has begun', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 4; index++) await story.queue(fan(index));
    await story.admit(0, 1);
    await story.leave(fan(1));
    const { queries } = await asking(history);
    expect(await queries.waitingAfterSale(minute(9_999), 10)).toEqual([]);
    expect(await queries.sale(performanceId, minute(9_999))).toEqual({
      status: 'on-sale',
      freeSeats: 3,
      endsAt: minute(10_000),
    });
    expect(new Set(await queries.waitingAfterSale(minute(10_000), 10))).toEqual(
      new Set([tokenOf(fan(2)), tokenOf(fan(3))]),
    );
    expect(await queries.waitingAfterSale(minute(10_000), 1)).toHaveLength(1);
    expect((await queries.sale(performanceId, minute(10_000))).status).toBe('ended');
  });

  it('counts cancelled dates as over, and a performance without dates as not', async () => {
    const { history, story } = await queueOf(1);
    await story.schedule('cancelled');
    const { queries } = await asking(history);
    expect((await queries.sale(performanceId, minute(0))).status).toBe('ended');
    expect(await queries.waitingAfterSale(minute(0), 10)).toEqual([tokenOf(fan(0))]);
    expect((await queries.sale(id<PerformanceId>('another'), minute(0))).status).toBe('on-sale');
  });
});

describe('what anyone may check', () => {
  it('is the hash before the opening, and the seed after it', async () => {
    const before = await asking((await queueOf(2)).history);
    const published = {
      algorithm: 'fisher-yates-sha256-v2',
      seedHash: 'ab'.repeat(32),
      issued: 2,
      admittedUpTo: 0,
    };
    expect(await before.queries.queueFairness(performanceId)).toEqual({
      ...published,
      performanceId,
      opened: false,
      openedAt: null,
      seed: null,
      shuffledCount: null,
      tokensDigest: null,
      beacon: null,
      beaconSignature: null,
    });
    const { history, story } = await queueOf(2);
    const tokensDigest = 'cd'.repeat(32);
    await story.open(2, { tokensDigest });
    const after = await asking(history);
    expect(await after.queries.queueFairness(performanceId)).toMatchObject({
      algorithm: 'fisher-yates-sha256-v2',
      opened: true,
      seed,
      shuffledCount: 2,
      tokensDigest,
      beacon: null,
    });
    expect(await after.queries.queueFairness(id<PerformanceId>('another'))).toBeNull();
  });

  it('is what the draw will use once it is closed, and the beacon’s signature once the queue is open', async () => {
    const { history, story } = await queueOf(2);
    const tokensDigest = 'cd'.repeat(32);
    await story.performance([{ category: 'R', price: 100 }], {}, { chain: 'drand-quicknet', round: 1000 });
    const named = await asking(history);
    const beacon = { chain: 'drand-quicknet', round: 1000 };
    expect(await named.queries.queueFairness(performanceId)).toMatchObject({ beacon, shuffledCount: null });
    expect(await named.queries.performance(performanceId)).toMatchObject({ beacon });
    await story.closeDraw(2, tokensDigest, 1006);
    const closed = await asking(history);
    const later = { chain: 'drand-quicknet', round: 1006 };
    expect(await closed.queries.queueFairness(performanceId)).toMatchObject({
      opened: false,
      seed: null,
      shuffledCount: 2,
      tokensDigest,
      beacon: later,
      beaconSignature: null,
    });
    const signature = '12'.repeat(48);
    await story.open(2, { tokensDigest, beacon: { chain: 'drand-quicknet', round: 1006, signature } });
    const opened = await asking(history);
    expect(await opened.queries.queueFairness(performanceId)).toMatchObject({
      opened: true,
      seed,
      beacon: later,
      beaconSignature: signature,
    });
  });

  it('is drawn by the seed alone where a queue opened with an older release', async () => {
    const { history, story } = await queueOf(2);
    await story.open(2);
    const { queries } = await asking(history);
    expect(await queries.queueFairness(performanceId)).toMatchObject({
      algorithm: 'fisher-yates-sha256-v1',
      shuffledCount: 2,
      tokensDigest: null,
      beacon: null,
    });
  });

  it('is every number with its place and fate, in pages', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 4; index++) await story.queue(fan(index));
    await story.issue(fan(0)); // a second number is nobody's
    await story.queue(fan(5));
    await story.leave(fan(1));
    await story.admit(0, 3);
    await story.leave(fan(2));
    const { queries } = await asking(history);
    const first = await queries.queueNumbers(performanceId, { limit: 3, cursor: null });
    const rest = await queries.queueNumbers(performanceId, { limit: 3, cursor: first?.nextCursor ?? null });
    const brief = [...(first?.items ?? []), ...(rest?.items ?? [])].map(
      ({ number, place, state }) => `${number} ${place} ${state}`,
    );
    expect(brief).toEqual(['0 0 admitted', '1 1 left', '2 2 admitted', '3 3 waiting', '5 5 waiting']);
    expect([first?.items.length, rest?.nextCursor]).toEqual([3, null]);
    expect(await queries.queueNumbers(id<PerformanceId>('another'), { limit: 3, cursor: null })).toBeNull();
    expect(first?.items[0]).toEqual({
      number: 0,
      tokenId: tokenOf(fan(0)),
      place: 0,
      state: 'admitted',
      admittedAt: minute(100),
    });
  });
});

describe('what processes ask again and again', () => {
  it('reads none of those who wait in another queue, on a database without statistics', async () => {
    const { history, story } = await queueOf(0);
    await story.open(0);
    for (let index = 0; index < 3; index++) await story.queue(fan(index));
    const { queries, models } = await asking(history);
    // Only SQLite explains its plans in this form.
    if (models.dialect.name !== 'sqlite') return;
    const asked: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];
    const query = models.read.query.bind(models.read);
    jest.spyOn(models.read, 'query').mockImplementation((sql, parameters: unknown) => {
      asked.push({ sql, parameters: Array.isArray(parameters) ? parameters : [] });
      return query(sql, Array.isArray(parameters) ? parameters : []);
    });
    expect(await queries.waitingAfterSale(minute(10_000), 10)).toHaveLength(3);
    await queries.queueFront(performanceId, 2);
    await queries.waitingPlaces(performanceId, 0, 10);
    await queries.queueHead(performanceId, 0);
    await queries.lapsedTokens(minute(10_000), 10);
    const steps: string[] = [];
    for (const { sql, parameters } of asked) {
      const plan = await query<{ detail: string }[]>(`EXPLAIN QUERY PLAN ${sql}`, [...parameters]);
      steps.push(
        ...plan.map(({ detail }) => detail).filter((detail) => /\b(tokens|t)\b.* USING/.test(detail)),
      );
    }
    const wait = /\(performance_id=\? AND status=\?( AND place[<>]\?)*\)$/;
    const lapse = /\(status=\? AND (claim_until|expire_date|idle_until)<\?\)$/;
    expect(steps).toHaveLength(7);
    for (const step of steps) expect(step).toMatch(new RegExp(`${wait.source}|${lapse.source}`));
  });
});
