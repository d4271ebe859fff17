import { reservationIdOf } from '../../src/projections/orders.js';
import { closeAll, History, minute, project, rowsOf } from './history.js';
import { hold, mina, order, performanceId, Story, scheduleId, seat } from './story.js';

afterEach(closeAll);

async function placed() {
  const history = new History();
  const story = new Story(history);
  await story.place(mina, 'o', 'h', ['A-1', 'A-2']);
  return { history, story };
}

it('keeps an order open until it is paid', async () => {
  const { history } = await placed();
  const models = await project(history);
  expect(await rowsOf(models, 'orders')).toMatchObject([
    { order_id: order('o'), order_status: 'placed', settled: 0, total_amount: 300, order_date: minute(0) },
  ]);
  expect(await rowsOf(models, 'order_items')).toMatchObject([
    { item_no: 0, seat_id: 'A-1', schedule_id: scheduleId, hold_id: hold('h'), quantity: 1, price: 150 },
    { item_no: 1, seat_id: 'A-2' },
  ]);
  expect(await rowsOf(models, 'reservations')).toEqual([]);
});

it('records what paid an order and what it bought', async () => {
  const { history, story } = await placed();
  await story.paid(mina, 'o', 300);
  const models = await project(history);
  expect(await rowsOf(models, 'orders')).toMatchObject([
    { order_status: 'paid', settled: 1, payment_id: 'payment-o', updated_at: minute(1) },
  ]);
  expect(await rowsOf(models, 'payments')).toMatchObject([
    { payment_id: 'payment-o', amount: 300, payment_status: 'completed', payment_date: minute(1) },
  ]);
  expect(await rowsOf(models, 'payment_points')).toMatchObject([{ user_id: mina, amount: 300 }]);
  const reservations = await rowsOf<{ seat_id: string }>(models, 'reservations');
  expect(reservations.sort((a, b) => a.seat_id.localeCompare(b.seat_id))).toMatchObject([
    {
      reservation_id: reservationIdOf(order('o'), scheduleId, seat('A-1')),
      reservation_status: 'confirmed',
      performance_id: performanceId,
    },
    { seat_id: 'A-2', reservation_date: minute(1), price: 150 },
  ]);
});

it('gives back a cancelled order', async () => {
  const { history, story } = await placed();
  await story.paid(mina, 'o', 300);
  await story.cancelled(mina, 'o');
  const before = await project(history);
  expect(await rowsOf(before, 'orders')).toMatchObject([{ order_status: 'cancelled', settled: 0 }]);
  await story.refunded(mina, 'o', 300);
  const models = await project(history);
  expect(await rowsOf(models, 'orders')).toMatchObject([{ order_status: 'refunded', settled: 1 }]);
  expect(await rowsOf(models, 'payments')).toMatchObject([{ payment_status: 'refunded' }]);
  expect(await rowsOf(models, 'reservations')).toMatchObject([
    { reservation_status: 'cancelled' },
    { reservation_status: 'cancelled' },
  ]);
});

it('gives back some seats, and stays open until the last refund under way has ended', async () => {
  const { history, story } = await placed();
  await story.paid(mina, 'o', 300);
  await story.seatsCancelled(mina, 'o', 'first', 'A-1');
  const read = async () => {
    const models = await project(history);
    const [row] = await rowsOf<Record<string, unknown>>(models, 'orders');
    const items = await rowsOf<Record<string, unknown>>(models, 'order_items');
    return { row, items: items.map(({ cancelled_at, refunded_at }) => [cancelled_at, refunded_at]) };
  };
  expect(await read()).toMatchObject({
    row: { order_status: 'paid', settled: 0, refunded_amount: null },
    items: [
      [minute(2), null],
      [null, null],
    ],
  });
  await story.seatsCancelled(mina, 'o', 'second', 'A-2');
  await story.seatsRefunded(mina, 'o', 'first', 150);
  expect(await read()).toMatchObject({
    row: { order_status: 'paid', settled: 0, refunded_amount: 150 },
    items: [
      [minute(2), minute(4)],
      [minute(3), null],
    ],
  });
  await story.seatsRefunded(mina, 'o', 'second', 150);
  expect(await read()).toMatchObject({ row: { order_status: 'paid', settled: 1, refunded_amount: 300 } });
});

it('is settled by its closing refund, not by that of some seats before it', async () => {
  const { history, story } = await placed();
  await story.paid(mina, 'o', 300);
  await story.seatsCancelled(mina, 'o', 'first', 'A-1');
  await story.cancelled(mina, 'o');
  await story.seatsRefunded(mina, 'o', 'first', 150);
  expect(await rowsOf(await project(history), 'orders')).toMatchObject([
    { order_status: 'cancelled', settled: 0 },
  ]);
  await story.refunded(mina, 'o', 150);
  const models = await project(history);
  expect(await rowsOf(models, 'orders')).toMatchObject([
    { order_status: 'refunded', settled: 1, refunded_amount: 300 },
  ]);
  expect(await rowsOf(models, 'order_items')).toMatchObject([
    { cancel_cause: 'operator', cancel_note: 'the view is blocked', refunded_at: minute(4) },
    { cancel_cause: 'fan', cancel_note: null, refunded_at: minute(5) },
  ]);
});

it('settles a failed order, which stays failed', async () => {
  const { history, story } = await placed();
  await story.failed(mina, 'o');
  expect(await rowsOf(await project(history), 'orders')).toMatchObject([
    { order_status: 'failed', settled: 0 },
  ]);
  await story.refunded(mina, 'o', 0);
  const models = await project(history);
  expect(await rowsOf(models, 'orders')).toMatchObject([
    { order_status: 'failed', failure_reason: 'seat-taken', settled: 1, payment_id: null },
  ]);
  expect(await rowsOf(models, 'payments')).toEqual([]);
});
