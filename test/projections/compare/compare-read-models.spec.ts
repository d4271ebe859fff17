import type { SessionId } from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { allProjections } from '../../../src/projections/all-projections.js';
import { compareReadModels } from '../../../src/projections/compare/compare-read-models.js';
import type { ReadModelComparison } from '../../../src/projections/compare/compare-tables.js';
import type { Projection } from '../../../src/projections/engine/projection.js';
import { tablesOf } from '../../../src/projections/engine/projection.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';
import { caughtUp, closeAll, emptyModels, History, id, minute, project, rowsOf, run } from '../history.js';
import { charge, mina, order, Story, scheduleId, seat, tokenOf } from '../story.js';
import { locationOf } from '../test-databases.js';

afterEach(closeAll);

/** A sold seat and all that led to it: at least one row in every table. */
async function soldSeat(): Promise<History> {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  await story.register(mina);
  const sessionId = id<SessionId>('session');
  await history.add(streams.session(sessionId), {
    type: 'SessionStarted',
    data: { sessionId, userId: mina, epoch: 0, expiresAt: minute(1_000), endsAt: minute(2_000) },
  });
  await story.charge(mina, charge('first'), 1_000, 1_000);
  await story.queue(mina);
  await story.open(0);
  await story.admit(0, 1);
  await story.enter(mina, 0);
  await story.hold(mina, 'A-1', 'hold');
  await story.place(mina, 'order', 'hold', ['A-1']);
  await history.add(streams.wallet(mina), {
    type: 'PointsSpent',
    data: { userId: mina, orderId: order('order'), amount: 150, balance: 850 },
  });
  await story.reserve(mina, 'A-1', 'hold', 'order');
  await story.paid(mina, 'order', 150);
  return history;
}

function compare(history: History, models: ReadModels): Promise<ReadModelComparison> {
  return compareReadModels({ store: history.store, location: locationOf(models) });
}

/** The type of a cell in words the test can spoil it by. */
function spoiled(value: unknown): string | number {
  if (typeof value === 'string') return 'spoiled'.slice(0, 5);
  return Number(value) === 1 ? 0 : 1;
}

const dataTables = allProjections.flatMap(tablesOf);

it('finds nothing wrong with tables that are the fold of the log, and says how many rows it compared', async () => {
  const history = await soldSeat();
  const comparison = await compare(history, await project(history));
  expect(comparison).toMatchObject({ clean: true, differenceCount: 0, differences: [] });
  expect(comparison.tables.map(({ table }) => table)).toEqual(dataTables.map(({ name }) => name));
  expect(comparison.tables.filter(({ rows }) => rows === 0)).toEqual([]);
  const head = await history.store.head();
  expect(comparison.projections).toEqual(
    allProjections.map(({ name }) => ({ projection: name, position: head, problem: null })),
  );
});

it('names the row, column and deciding event of every table that was tampered with', async () => {
  const history = await soldSeat();
  const models = await project(history);
  const tampered = new Map<string, string>();
  for (const table of dataTables) {
    const column = table.columns.find((name) => !table.key.includes(name)) ?? '';
    const [row] = await rowsOf(models, table.name);
    const keys = table.key.map((name) => `${name} = ?`).join(' AND ');
    await models.write.query(`UPDATE ${table.name} SET ${column} = ? WHERE ${keys}`, [
      spoiled(row?.[column]),
      ...table.key.map((name) => row?.[name]),
    ]);
    tampered.set(table.name, column);
  }
  const { clean, differences, tables } = await compare(history, models);
  expect(clean).toBe(false);
  expect(new Map(differences.map(({ table, cells }) => [table, cells[0]?.column]))).toEqual(tampered);
  expect(tables.every((table) => table.differences === 1)).toBe(true);
  expect(differences.filter(({ event, cells }) => !event || !cells[0]?.event)).toEqual([]);
  expect(differences.find(({ table }) => table === 'points')).toMatchObject({
    key: { user_id: mina },
    kind: 'different',
    cells: [
      {
        column: 'remain_point',
        expected: 850,
        found: 1,
        event: { type: 'PointsSpent', stream: streams.wallet(mina), revision: 1 },
      },
    ],
  });
});

it('names rows that were deleted, and rows that no event made', async () => {
  const history = await soldSeat();
  const models = await project(history);
  await models.write.query('DELETE FROM reservations');
  await models.write.query('DELETE FROM schedule_seats');
  await models.write.query(
    "INSERT INTO payment_points (payment_id, user_id, amount, created_at) VALUES ('forged', ?, 1, '2026-11-01 09:00:00.000')",
    [mina],
  );
  const { differences } = await compare(history, models);
  expect(differences.map(({ table, kind, event }) => [table, kind, event?.type ?? null])).toEqual([
    ['schedule_seats', 'missing', 'SeatReserved'],
    ['payment_points', 'unexpected', null],
    ['reservations', 'missing', 'OrderPaid'],
  ]);
  expect(differences[0]?.key).toEqual({ schedule_id: scheduleId, seat_id: seat('A-1') });
});

it('blames the event that decided the column, not the last one about the row', async () => {
  const history = await soldSeat();
  await new Story(history).leave(mina);
  const models = await project(history);
  await models.write.query('UPDATE tokens SET place = 7');
  const { differences } = await compare(history, models);
  expect(differences).toMatchObject([
    {
      table: 'tokens',
      key: { token_id: tokenOf(mina) },
      event: { type: 'TokenLeft' },
      cells: [{ column: 'place', expected: 0, found: 7, event: { type: 'QueueOpened' } }],
    },
  ]);
});

it('blames an event by which the database changed the row without its being read', async () => {
  const history = await soldSeat();
  await new Story(history).performance([{ category: 'VIP', price: null }]);
  const models = await project(history);
  await models.write.query('UPDATE schedule_seats SET for_sale = 1, price = 7');
  const { differences } = await compare(history, models);
  expect(differences).toMatchObject([
    {
      table: 'schedule_seats',
      event: { type: 'PerformancePublished', revision: 1 },
      cells: [
        { column: 'for_sale', expected: 0, found: 1, event: { type: 'PerformancePublished', revision: 1 } },
        { column: 'price', event: { type: 'SeatHeld' } },
      ],
    },
  ]);
});

it('compares each projection at its own checkpoint, wherever that is', async () => {
  const history = await soldSeat();
  const early: Projection[] = allProjections.filter(({ name }) => name === 'wallets');
  const models = await emptyModels();
  const runner = run(history, models, { projections: early });
  await caughtUp(history, runner);
  await runner.stop();
  await new Story(history).charge(mina, charge('second'), 500, 1_350);
  const others = allProjections.filter((projection) => !early.includes(projection));
  await caughtUp(history, run(history, models, { projections: others }));
  const comparison = await compare(history, models);
  expect(comparison.clean).toBe(true);
  const positionOf = (name: string) =>
    comparison.projections.find(({ projection }) => projection === name)?.position;
  expect(positionOf('orders')).toBe(await history.store.head());
  expect(positionOf('wallets')).toBeLessThan(positionOf('orders') ?? 0);
});

it('says so when the tables know events that the log has lost', async () => {
  const models = await project(await soldSeat());
  const shorter = new History();
  await new Story(shorter).concert();
  const { clean, projections, differences } = await compare(shorter, models);
  expect(clean).toBe(false);
  expect(projections[0]?.problem).toContain('The log is not the one that read model users was made from');
  expect(new Set(differences.map(({ kind }) => kind))).toEqual(new Set(['unexpected', 'different']));
});

it('does not compare tables that another version of their projection built', async () => {
  const history = await soldSeat();
  const models = await project(history);
  await models.write.query("UPDATE projection_checkpoints SET version = 99 WHERE name = 'orders'");
  const { clean, projections, tables } = await compare(history, models);
  expect(clean).toBe(false);
  expect(projections.find(({ projection }) => projection === 'orders')?.problem).toContain('version 99');
  expect(tables.some(({ projection }) => projection === 'orders')).toBe(false);
});

it('reads tables page by page without losing a row', async () => {
  const history = new History();
  const story = new Story(history);
  await story.venue();
  await story.section(
    '가',
    Array.from({ length: 1_000 }, () => 'R'),
  );
  await story.section(
    '\u{1F39F}',
    Array.from({ length: 600 }, () => 'R'),
  );
  await story.section(
    '\uFF21',
    Array.from({ length: 600 }, () => 'R'),
  );
  const models = await project(history);
  const { clean, tables } = await compare(history, models);
  expect([clean, tables.find(({ table }) => table === 'seats')?.rows]).toEqual([true, 2_200]);
  await models.write.query("DELETE FROM seats WHERE seat_id = '가-777'");
  const { differences } = await compare(history, models);
  expect(differences.map(({ key, kind }) => [key.seat_id, kind])).toEqual([['가-777', 'missing']]);
});
