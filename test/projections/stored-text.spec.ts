import fc from 'fast-check';
import { DatabaseFailure, RowRefused } from '../../src/projections/engine/dialect.js';
import { type AnyRow, tableOf } from '../../src/projections/engine/entity.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { PaymentRow } from '../../src/projections/orders.js';
import { bySize } from '../services/test-size.js';
import { closeAll, emptyModels, minute, rowsOf } from './history.js';

afterEach(closeAll);

const payments = tableOf(PaymentRow);

/** A payment of any table will do: its id is the payment system's own text. */
function payment(paymentId: string, userId = 'user') {
  const at = minute(0);
  return {
    payment_id: paymentId,
    user_id: userId,
    order_id: 'order',
    payment_date: at,
    amount: 1,
    payment_status: 'completed',
    created_at: at,
    updated_at: at,
  };
}

async function store(models: ReadModels, rows: readonly AnyRow[]): Promise<void> {
  await models.dialect.withSession(models.write, (session) => session.upsert(payments, payments.name, rows));
}

it('keeps ids apart that differ by case, accents, width or blanks at the end only', async () => {
  const models = await emptyModels();
  const ids = ['a', 'A', 'á', 'ａ', 'a ', 'a  ', 'a\t', 'ss', 'ß', 'i', 'İ', '각', '가'];
  await store(
    models,
    ids.map((id) => payment(id)),
  );
  for (const id of ids) {
    const found = await models.dialect.withSession(models.write, (session) =>
      session.rowsByKey(payments, payments.name, [[id]]),
    );
    expect(found.map((row) => row.payment_id)).toEqual([id]);
  }
});

it('orders text by code point', async () => {
  const models = await emptyModels();
  const ids = ['B', 'a', 'b', 'é', '가', '😀'];
  await store(
    models,
    ids.toReversed().map((id) => payment(id)),
  );
  const rows = await rowsOf<{ payment_id: string }>(models, payments.name);
  expect(rows.map((row) => row.payment_id)).toEqual(ids);
});

it('stores any text as it is', async () => {
  const models = await emptyModels();
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 18 }),
      fc.constantFrom('', "'", '\\', '\\\\', '"', '`', '%', '?', ';', '--', '\0', '\n', '\u001a'),
      async (text, special) => {
        const value = `${special}${text}`;
        await store(models, [payment('p', value)]);
        expect(await rowsOf(models, payments.name)).toMatchObject([{ user_id: value }]);
      },
    ),
    { numRuns: bySize(15, 50) },
  );
});

it('writes more rows at once than one statement holds', async () => {
  const models = await emptyModels();
  const rows = Array.from({ length: 3_000 }, (_, index) => payment(`p${index}`));
  await store(models, rows);
  const changed = rows.map((row) => ({ ...row, amount: 2 }));
  await store(models, changed);
  expect(await models.read.query('SELECT COUNT(*) AS n, SUM(amount) AS sum FROM payments')).toEqual([
    { n: 3_000, sum: expect.anything() },
  ]);
  const keys = rows.map((row) => [row.payment_id]);
  const found = await models.dialect.withSession(models.write, (session) =>
    session.rowsByKey(payments, payments.name, keys),
  );
  expect(found).toHaveLength(3_000);
  expect(found.every((row) => row.amount === 2)).toBe(true);
});

it('tells a row that can never be stored from a database that cannot be asked', async () => {
  const models = await emptyModels();
  const refused = { ...payment('p'), amount: null };
  await expect(store(models, [payment('q'), refused])).rejects.toBeInstanceOf(RowRefused);
  const asking = models.dialect.withSession(models.write, (session) =>
    session.all('SELECT * FROM nothing', []),
  );
  await expect(asking).rejects.toBeInstanceOf(DatabaseFailure);
});
