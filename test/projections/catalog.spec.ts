import { streams } from '../../src/events/streams.js';
import { closeAll, History, minute, project, rowsOf } from './history.js';
import { hold, joon, mina, order, Story, scheduleId, seat, tokenOf, venueId } from './story.js';

afterEach(closeAll);

async function concert() {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  return { history, story };
}

async function schedule(history: History) {
  const [row] = await rowsOf(await project(history), 'schedules');
  return row;
}

it('counts the seats that have a price, by their category or the rest price', async () => {
  const { history } = await concert();
  expect(await schedule(history)).toMatchObject({
    capacity: 3,
    available_seats: 3,
    held_seats: 0,
    reserved_seats: 0,
  });
});

it('moves the counts with holds, reservations and their ends', async () => {
  const { history, story } = await concert();
  await story.hold(mina, 'A-1', 'h1');
  await story.hold(mina, 'A-2', 'h1');
  await story.hold(joon, 'A-3', 'h2');
  expect(await schedule(history)).toMatchObject({ available_seats: 0, held_seats: 3, reserved_seats: 0 });
  await story.reserve(mina, 'A-1', 'h1', 'o1');
  await story.reserve(mina, 'A-2', 'h1', 'o1');
  await story.release(joon, 'A-3', 'h2');
  expect(await schedule(history)).toMatchObject({ available_seats: 1, held_seats: 0, reserved_seats: 2 });
  await story.cancelReservation(mina, 'A-2', 'o1');
  expect(await schedule(history)).toMatchObject({ available_seats: 2, held_seats: 0, reserved_seats: 1 });
});

it('keeps who has a seat and until when', async () => {
  const { history, story } = await concert();
  await story.hold(mina, 'A-1', 'h1', minute(50));
  await story.hold(joon, 'A-2', 'h2');
  await story.reserve(joon, 'A-2', 'h2', 'o1');
  await story.hold(joon, 'A-3', 'h3');
  await story.release(joon, 'A-3', 'h3');
  expect(await rowsOf(await project(history), 'schedule_seats')).toMatchObject([
    {
      seat_id: 'A-1',
      status: 'held',
      reserved: 0,
      hold_id: hold('h1'),
      user_id: mina,
      token_id: tokenOf(mina),
      expires_at: minute(50),
      price: 150,
      revision: 0,
    },
    {
      seat_id: 'A-2',
      status: 'reserved',
      reserved: 1,
      order_id: order('o1'),
      user_id: joon,
      expires_at: null,
    },
    {
      seat_id: 'A-3',
      status: 'free',
      reserved: 0,
      hold_id: null,
      user_id: null,
      price: null,
      revision: 1,
    },
  ]);
});

it('counts a lapsed hold and the next one exactly', async () => {
  const { history, story } = await concert();
  await story.hold(mina, 'A-1', 'h1');
  const data = { scheduleId, seatId: seat('A-1'), holdId: hold('h1'), userId: mina, expiredAt: minute(500) };
  await history.add(streams.seat(scheduleId, seat('A-1')), { type: 'SeatHoldExpired', data });
  await story.hold(joon, 'A-1', 'h2');
  expect(await schedule(history)).toMatchObject({ available_seats: 2, held_seats: 1 });
});

it('is not changed by a seat that bars a hold which comes late', async () => {
  const { history, story } = await concert();
  const bar = (name: string) => {
    const barred = { scheduleId, seatId: seat(name), holdId: hold('late'), userId: joon };
    const data = { ...barred, expiresAt: minute(500) };
    return history.add(streams.seat(scheduleId, seat(name)), { type: 'SeatHoldBarred', data });
  };
  await story.hold(mina, 'A-1', 'h1');
  const tables = async () => {
    const models = await project(history);
    return [await rowsOf(models, 'schedule_seats'), await rowsOf(models, 'schedules')];
  };
  const before = await tables();
  await bar('A-1');
  await bar('A-2');
  expect(await tables()).toEqual(before);
  await story.release(mina, 'A-1', 'h1');
  await story.hold(mina, 'A-2', 'h2');
  expect(await schedule(history)).toMatchObject({ available_seats: 2, held_seats: 1 });
  expect(await rowsOf(await project(history), 'schedule_seats')).toMatchObject([
    { seat_id: 'A-1', status: 'free', revision: 2 },
    { seat_id: 'A-2', status: 'held', revision: 1 },
  ]);
});

it('counts again when prices change', async () => {
  const { history, story } = await concert();
  await story.hold(mina, 'A-1', 'h1');
  await story.hold(mina, 'A-3', 'h1');
  await story.performance([{ category: 'VIP', price: 200 }]);
  expect(await schedule(history)).toMatchObject({ capacity: 2, available_seats: 1, held_seats: 1 });
  // The seat no longer for sale is not counted when it is freed either.
  await story.release(mina, 'A-3', 'h1');
  expect(await schedule(history)).toMatchObject({ capacity: 2, available_seats: 1, held_seats: 1 });
});

it('does not count a seat held just after it went off sale', async () => {
  const { history, story } = await concert();
  await story.performance([{ category: 'R', price: 90 }]);
  await story.hold(mina, 'A-1', 'h1');
  expect(await schedule(history)).toMatchObject({ capacity: 1, available_seats: 1, held_seats: 0 });
});

it('counts again when the plan changes, and keeps withdrawn seats for old orders', async () => {
  const { history, story } = await concert();
  await story.hold(mina, 'A-3', 'h1');
  await story.section('A', ['VIP', 'VIP']);
  await story.section('C', ['R', 'R']);
  expect(await schedule(history)).toMatchObject({ capacity: 4, available_seats: 4, held_seats: 0 });
  const models = await project(history);
  const seats = await rowsOf(models, 'seats');
  expect(seats.filter((row) => row.withdrawn === 1).map((row) => row.seat_id)).toEqual(['A-3']);
  expect(await rowsOf(models, 'venues')).toMatchObject([{ seat_count: 5, revision: 4 }]);
});

it('takes a withdrawn section out of the plan', async () => {
  const { history } = await concert();
  const data = { venueId, sectionId: 'A' };
  await history.add(streams.venue(venueId), { type: 'SectionWithdrawn', data });
  const models = await project(history);
  expect(await rowsOf(models, 'venues')).toMatchObject([{ seat_count: 1 }]);
  expect(await rowsOf(models, 'schedules')).toMatchObject([{ capacity: 0 }]);
  expect(await rowsOf(models, 'sections')).toMatchObject([
    { section_id: 'A', withdrawn: 1, seat_count: 0 },
    { section_id: 'B', withdrawn: 0, seat_count: 1 },
  ]);
});

it('describes seats by section, row and column', async () => {
  const { history } = await concert();
  expect(await rowsOf(await project(history), 'seats')).toMatchObject([
    {
      seat_id: 'A-1',
      section_id: 'A',
      seat_row: '1',
      row_index: 0,
      seat_number: '1',
      seat_column: 0,
      x: 0,
      y: 1,
    },
    { seat_id: 'A-2', category: 'VIP', seat_column: 1 },
    { seat_id: 'A-3', category: 'R', seat_column: 2 },
    { seat_id: 'B-1', section_id: 'B', category: 'X', seat_column: 0 },
  ]);
});

it('finds a performance by its venue’s new name', async () => {
  const { history, story } = await concert();
  await story.venue('Grand Arena');
  const [performance] = await rowsOf<{ search_text: string }>(await project(history), 'performances');
  expect(performance?.search_text).toContain('grand arena');
  expect(performance?.search_text).toContain('가을밤');
});
