import { MysqlKeyTable } from '../../../src/personal-data/key-tables.js';
import { ScheduleSeatRow, SeatRow } from '../../../src/projections/catalog/entities.js';
import type { WriteSession } from '../../../src/projections/engine/dialect.js';
import { tableOf } from '../../../src/projections/engine/entity.js';
import { selectByKeysSql } from '../../../src/projections/mysql/session.js';
import { openReadModels, type ReadModels } from '../../../src/projections/open-read-models.js';
import { sharedDatabaseServer, sharedStartTimeoutMs } from '../../services/shared-database.js';
import { id, minute } from '../history.js';

// Its indexes on other columns count as well: the server considers the keys for each of them.
const seats = tableOf(ScheduleSeatRow);
const planSeats = tableOf(SeatRow);
const halls = 100;
const seatsOfHall = 1_000;
const hallId = (hall: number) => `00000000-0000-4000-8000-${String(hall).padStart(12, '0')}`;

let models: ReadModels;

beforeAll(async () => {
  // One connection each, so that every statement can be asked about afterwards.
  const limits = { readPoolSize: 1, writePoolSize: 1 };
  models = await openReadModels({ url: await (await sharedDatabaseServer()).newDatabase(), limits });
  await models.write.query(
    `INSERT INTO ${seats.name} 
       (schedule_id, seat_id, status, reserved, for_sale, revision, created_at, updated_at)
     WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ${seatsOfHall - 1})
     SELECT CONCAT('00000000-0000-4000-8000-', LPAD(h.i, 12, '0')), CONCAT('seat ', s.i), 'free', 0, 1, 0, NOW(3), NOW(3)
     FROM n h JOIN n s WHERE h.i < ${halls}`,
  );
}, sharedStartTimeoutMs);
afterAll(() => models.close());

function inSession<Result>(work: (session: WriteSession) => Promise<Result>): Promise<Result> {
  return models.dialect.withSession(models.write, work);
}

/** Rows and index entries this connection has read so far, by the server's own count. */
async function readsOf(session: WriteSession): Promise<number> {
  const rows = await session.all("SHOW SESSION STATUS LIKE 'Handler_read%'", []);
  return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
}

it('finds 5,000 rows, as many as one statement asks for, by keys of two columns without reading the whole table', async () => {
  const wanted = 5_000;
  const all = halls * seatsOfHall;
  const keys = Array.from({ length: wanted }, (_, number) => {
    const place = number * (all / wanted);
    return [hallId(Math.floor(place / seatsOfHall)), `seat ${place % seatsOfHall}`];
  });
  const { rows, reads } = await inSession(async (session) => {
    await session.all(`ANALYZE TABLE ${seats.name}`, []);
    const before = await readsOf(session);
    return {
      rows: await session.rowsByKey(seats, seats.name, keys),
      reads: (await readsOf(session)) - before,
    };
  });
  expect(rows).toHaveLength(wanted);
  // Asking for the counts reads some tables of the server itself.
  expect(reads).toBeLessThan(3 * wanted);
});

it('finds rows by key without considering another index that begins with the same column', async () => {
  const keys = ['A-1', 'A-2'].flatMap((seatId) => [hallId(0), seatId]);
  const explain = `EXPLAIN FORMAT=JSON ${selectByKeysSql(planSeats, planSeats.name, 2)}`;
  const { plan, indexes } = await inSession(async (session) => ({
    plan: JSON.stringify(await session.all(explain, keys)),
    indexes: await session.all(`SHOW INDEX FROM ${planSeats.name}`, []),
  }));
  expect(plan).toContain('PRIMARY');
  const others = new Set(
    indexes.map(({ Key_name }) => String(Key_name)).filter((name) => name !== 'PRIMARY'),
  );
  expect(others.size).toBe(1);
  for (const name of others) expect(plan).not.toContain(name);
});

describe('the server gives no warnings', () => {
  const row = {
    schedule_id: hallId(0),
    seat_id: 'seat 0',
    status: 'held',
    reserved: false,
    for_sale: true,
    hold_id: null,
    user_id: null,
    token_id: null,
    order_id: null,
    price: 100,
    expires_at: null,
    available_from: null,
    revision: 2,
    created_at: minute(0),
    updated_at: minute(0),
  };
  const warnings = (session: WriteSession) => session.all('SHOW WARNINGS', []);

  it('when rows are written, new or not', async () => {
    const fresh = { ...row, seat_id: 'new', revision: 3 };
    await inSession(async (session) => {
      await session.upsert(seats, seats.name, [row, fresh]);
      expect(await warnings(session)).toEqual([]);
      const keys = [row, fresh].map(({ schedule_id, seat_id }) => [schedule_id, seat_id]);
      const written = await session.rowsByKey(seats, seats.name, keys);
      expect(written).toEqual(expect.arrayContaining([row, fresh]));
    });
  });

  it('when an existing row is inserted and stays unchanged', async () => {
    await inSession(async (session) => {
      await session.upsert(seats, seats.name, [row]);
      await session.insertIfMissing(seats, seats.name, { ...row, revision: 4 });
      expect(await warnings(session)).toEqual([]);
      expect(await session.rowsByKey(seats, seats.name, [[row.schedule_id, row.seat_id]])).toEqual([row]);
    });
  });

  it('when the key of a user is added twice and destroyed', async () => {
    const warned: unknown[] = [];
    const asking = {
      async query(sql: string, values: unknown[]) {
        const answer: unknown = await models.write.query(sql, values);
        warned.push(...(await models.write.query<unknown[]>('SHOW WARNINGS')));
        return answer;
      },
    };
    // The only method of a data source that it uses.
    const table = new MysqlKeyTable(asking as unknown as ReadModels['write']);
    const user = id('fan');
    expect(await table.add(user, Buffer.from('one'))).toEqual(Buffer.from('one'));
    expect(await table.add(user, Buffer.from('two'))).toEqual(Buffer.from('one'));
    await table.destroy(user);
    expect(await table.add(user, Buffer.from('three'))).toBeUndefined();
    expect(warned).toEqual([]);
  });
});
