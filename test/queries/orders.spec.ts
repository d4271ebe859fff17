import { streams } from '../../src/events/streams.js';
import { reservationIdOf } from '../../src/projections/orders.js';
import { closeAll, History, minute } from '../projections/history.js';
import {
  hold,
  joon,
  mina,
  order,
  performanceId,
  Story,
  scheduleId,
  seat,
  tokenOf,
  venueId,
} from '../projections/story.js';
import { asking, firstPage } from './asking.js';

/** Of a seat of section A. */
const labelOf = (number: string) => ({
  en: `Section A, row 1, number ${number}`,
  ko: `Section A 1열 ${number}번`,
});

afterEach(closeAll);

async function concert() {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  return { history, story };
}

describe('holds', () => {
  async function held() {
    const { history, story } = await concert();
    await story.hold(mina, 'A-1', 'h1', minute(60));
    await story.hold(mina, 'A-3', 'h1', minute(60));
    await story.hold(mina, 'A-2', 'h2', minute(40));
    await story.hold(joon, 'B-1', 'h3', minute(70));
    return { history, story };
  }

  it('are listed with their seats while they live', async () => {
    const { queries } = await asking((await held()).history, minute(40));
    const seatOf = (seatId: string, category: string) => ({
      seatId,
      sectionName: 'Section A',
      row: '1',
      number: seatId.slice(2),
      seatLabel: labelOf(seatId.slice(2)),
      category,
      price: 150,
    });
    expect(await queries.holds(mina)).toEqual([
      {
        holdId: hold('h1'),
        scheduleId,
        performanceId,
        seats: [seatOf('A-1', 'VIP'), seatOf('A-3', 'R')],
        total: 300,
        expiresAt: minute(60),
      },
    ]);
  });

  it('are found by the sweeper once lapsed, oldest deadline first', async () => {
    const { queries } = await asking((await held()).history);
    expect(await queries.lapsedHolds(minute(39), null, 10)).toEqual([]);
    expect(await queries.lapsedHolds(minute(60), null, 10)).toHaveLength(3);
    expect(await queries.lapsedHolds(minute(60), null, 1)).toEqual([
      {
        scheduleId,
        seatId: 'A-2',
        holdId: hold('h2'),
        tokenId: tokenOf(mina),
        expiresAt: minute(40),
      },
    ]);
  });

  it('can be walked through page by page', async () => {
    const { queries } = await asking((await held()).history);
    const seats: string[] = [];
    let page = await queries.liveHolds(null, 2);
    for (let pages = 0; pages < 10 && page.length > 0; pages++) {
      seats.push(...page.map((one) => one.seatId));
      page = await queries.liveHolds(page.at(-1) ?? null, 2);
    }
    expect(seats).toEqual(['A-2', 'A-1', 'A-3', 'B-1']);
    const [first] = await queries.lapsedHolds(minute(60), null, 1);
    const rest = await queries.lapsedHolds(minute(60), first ?? null, 10);
    expect(rest.map(({ seatId }) => seatId)).toEqual(['A-1', 'A-3']);
  });
});

async function bought() {
  const { history, story } = await concert();
  await story.place(mina, 'o1', 'h', ['A-1', 'A-2']);
  await story.paid(mina, 'o1', 300);
  return { history, story };
}

it('answers a paid order in full', async () => {
  const { queries } = await asking((await bought()).history);
  const item = (number: string) => ({
    seatId: `A-${number}`,
    scheduleId,
    quantity: 1,
    price: 150,
    sectionName: 'Section A',
    row: '1',
    number,
    seatLabel: labelOf(number),
    category: 'VIP',
    performanceName: 'Autumn Night',
    venueName: 'Olympic Hall',
    startsAt: minute(10_000),
    startsAtLocal: '2026-11-08T16:40:00+09:00',
    timeZone: 'Asia/Seoul',
    present: null,
    cancellation: null,
  });
  const reservation = (name: string) => ({
    reservationId: reservationIdOf(order('o1'), scheduleId, seat(name)),
    seatId: name,
    scheduleId,
    reservationDate: minute(6),
    reservationStatus: 'confirmed',
  });
  expect(await queries.order(mina, order('o1'))).toEqual({
    orderId: order('o1'),
    userId: mina,
    performanceId,
    orderDate: minute(5),
    totalAmount: 300,
    refundedAmount: 0,
    orderStatus: 'paid',
    failureReason: null,
    items: [item('1'), item('2')],
    payment: {
      paymentId: 'payment-o1',
      amount: 300,
      paymentStatus: 'completed',
      paymentDate: minute(6),
      points: [{ userId: mina, amount: 300 }],
    },
    reservations: [reservation('A-1'), reservation('A-2')],
    updatedAt: minute(6),
  });
  expect(await queries.order(mina, order('none'))).toBeNull();
  expect(await queries.order(joon, order('o1'))).toBeNull();
});

it('answers an unpaid order without payment', async () => {
  const { history, story } = await concert();
  await story.place(mina, 'o1', 'h', ['A-1']);
  const { queries } = await asking(history);
  expect(await queries.order(mina, order('o1'))).toMatchObject({ payment: null, reservations: [] });
});

it('pages through a fan’s orders, newest first', async () => {
  const { history, story } = await bought();
  for (const name of ['o2', 'o3']) await story.place(mina, name, 'h', ['A-3']);
  await story.place(joon, 'o4', 'h', ['B-1']);
  const { queries } = await asking(history);
  const first = await queries.orders(mina, { limit: 2, cursor: null });
  expect(first.items.map((item) => item.orderId)).toEqual([order('o3'), order('o2')]);
  const second = await queries.orders(mina, { limit: 2, cursor: first.nextCursor });
  expect(second).toMatchObject({ items: [{ orderId: order('o1'), orderStatus: 'paid' }], nextCursor: null });
});

it('lists reservations as they stand on a ticket', async () => {
  const { queries } = await asking((await bought()).history);
  const { items } = await queries.reservations(mina, firstPage, 'ko');
  expect(items.map((item) => item.number).sort()).toEqual(['1', '2']);
  expect(items[0]).toMatchObject({
    orderId: order('o1'),
    performanceId,
    performanceName: '가을밤',
    venueName: '올림픽홀',
    startsAt: minute(10_000),
    sectionName: 'Section A',
    row: '1',
    price: 150,
    reservationStatus: 'confirmed',
  });
  const first = await queries.reservations(mina, { limit: 1, cursor: null });
  const second = await queries.reservations(mina, { limit: 1, cursor: first.nextCursor });
  expect(new Set([...first.items, ...second.items].map((item) => item.reservationId)).size).toBe(2);
  expect(second.nextCursor).toBeNull();
});

it('names the seat of an old order after the seat left the plan', async () => {
  const { history, story } = await bought();
  await story.section('A', ['VIP']);
  const { queries } = await asking(history);
  expect((await queries.order(mina, order('o1')))?.items[1]).toMatchObject({ number: '2', row: '1' });
});

describe('a ticket that says what was sold', () => {
  const sold = {
    performanceName: 'Autumn Night',
    venueId,
    venueName: 'Olympic Hall',
    startsAt: minute(10_000),
    timeZone: 'Asia/Seoul',
    sectionName: 'Section A',
    row: '1',
    number: '1',
    category: 'VIP',
  };
  const asSold = {
    ...sold,
    startsAtLocal: '2026-11-08T16:40:00+09:00',
    seatLabel: labelOf('1'),
    venueId: undefined,
  };

  async function soldTicket() {
    const { history, story } = await concert();
    await story.place(mina, 'o1', 'h', ['A-1'], sold);
    await story.paid(mina, 'o1', 150);
    const replies = async (language: 'ko' | null = null) => {
      const { queries } = await asking(history);
      const { items } = await queries.reservations(mina, firstPage, language);
      return [(await queries.order(mina, order('o1')))?.items[0], items[0]];
    };
    return { story, replies };
  }

  it('has nothing to add while the catalog says the same', async () => {
    const { replies } = await soldTicket();
    const { venueId: _, ...words } = asSold;
    for (const reply of await replies()) expect(reply).toMatchObject({ ...words, present: null });
    expect((await replies('ko'))[1]).toMatchObject({ performanceName: '가을밤', venueName: '올림픽홀' });
  });

  it('keeps its words when date, hall and seat change, and says both', async () => {
    const { story, replies } = await soldTicket();
    await story.venue('Seaside Hall');
    await story.section('A', ['R']);
    await story.schedule('scheduled', minute(10_060));
    const present = {
      ...asSold,
      venueName: 'Seaside Hall',
      category: 'R',
      startsAt: minute(10_060),
      startsAtLocal: '2026-11-08T17:40:00+09:00',
    };
    const { venueId: _, ...words } = asSold;
    const { venueId: __, ...changed } = present;
    for (const reply of await replies()) expect(reply).toMatchObject({ ...words, present: changed });
    // A name that was sold and is no longer the catalog's has no translation.
    expect((await replies('ko'))[1]).toMatchObject({ performanceName: '가을밤', venueName: 'Olympic Hall' });
  });

  it('says why and when its seat was given back, and what went back', async () => {
    const { story, replies } = await soldTicket();
    await story.seatsCancelled(mina, 'o1', 'first', 'A-1');
    const given = { cause: 'operator', note: 'the view is blocked' };
    for (const reply of await replies())
      expect(reply?.cancellation).toMatchObject({ ...given, refund: null });
    await story.seatsRefunded(mina, 'o1', 'first', 150);
    const [item, ticket] = await replies();
    expect(item?.cancellation).toMatchObject({ ...given, refund: { amount: 150 } });
    expect(ticket).toMatchObject({
      reservationStatus: 'cancelled',
      cancellation: { refund: { amount: 150 } },
    });
  });
});

it('lists the orders that still need work', async () => {
  const { history, story } = await bought();
  await story.place(mina, 'stuck', 'h', ['A-3']);
  await story.place(mina, 'settled', 'h', ['A-3']);
  await story.failed(mina, 'settled');
  await story.refunded(mina, 'settled', 0);
  await story.cancelled(mina, 'o1');
  await story.place(mina, 'fresh', 'h', ['A-3']);
  const { queries } = await asking(history);
  const open = await queries.openOrders(minute(12), null, 10);
  expect(open.map(({ id }) => id)).toEqual([
    order('o1'), // cancelled in minute 11
    order('stuck'), // placed in minute 7
  ]);
  const [newest] = await queries.openOrders(minute(12), null, 1);
  expect(newest).toEqual(open[0]);
  expect(await queries.openOrders(minute(12), newest ?? null, 10)).toEqual(open.slice(1));
});

it('lists a paid order until the fan’s turn has ended with it', async () => {
  const { history, story } = await concert();
  await story.open(0);
  await story.queue(mina);
  await story.admit(0, 1);
  await story.enter(mina, 0);
  await story.place(mina, 'o1', 'h', ['A-1']);
  await story.paid(mina, 'o1', 150);
  const open = async () => (await asking(history)).queries.openOrders(minute(99), null, 10);
  expect(await open()).toMatchObject([{ id: order('o1') }]);
  const data = { tokenId: tokenOf(mina), userId: mina, performanceId, orderId: order('o1') };
  await history.add(streams.token(data.tokenId), { type: 'TokenCompleted', data });
  expect(await open()).toEqual([]);
});
