import type { DataSource } from 'typeorm';
import { kindsByName, ReadModelsUnavailable, selectAll } from '../../src/queries/database.js';

/** A database that fails with these codes, one after the other, and then answers. */
function failing(...failures: object[]) {
  const asked: string[] = [];
  const query = async (sql: string) => {
    asked.push(sql);
    const failure = failures.shift();
    if (failure) throw Object.assign(new Error('failed'), failure);
    return [{ one: 1 }];
  };
  // Nothing else of a DataSource is used.
  return { asked, db: { query } as unknown as DataSource };
}

it.each([{ code: 'PROTOCOL_CONNECTION_LOST' }, { driverError: { code: 'ECONNRESET' } }, { fatal: true }])(
  'asks once more when the connection was lost (%p)',
  async (failure) => {
    const { db, asked } = failing(failure);
    expect(await selectAll(db, 'SELECT 1')).toEqual([{ one: 1 }]);
    expect(asked).toHaveLength(2);
  },
);

it('gives up when the connection is lost twice', async () => {
  const { db, asked } = failing({ fatal: true }, { fatal: true }, { fatal: true });
  await expect(selectAll(db, 'SELECT 1')).rejects.toBeInstanceOf(ReadModelsUnavailable);
  expect(asked).toHaveLength(2);
});

it.each([{ code: 'ECONNREFUSED', fatal: true }, { driverError: { code: 'ETIMEDOUT' } }, { errno: 1969 }])(
  'does not burden a server that is away or too slow (%p)',
  async (failure) => {
    const { db, asked } = failing(failure);
    await expect(selectAll(db, 'SELECT 1')).rejects.toBeInstanceOf(ReadModelsUnavailable);
    expect(asked).toHaveLength(1);
  },
);

it('passes on what is wrong with the question itself', async () => {
  const { db, asked } = failing({ code: 'ER_PARSE_ERROR', errno: 1064 });
  await expect(selectAll(db, 'SELEC 1')).rejects.toMatchObject({ code: 'ER_PARSE_ERROR' });
  expect(asked).toHaveLength(1);
});

test('two columns of one name must be stored in one way', () => {
  const numbers = { name: 'dates', columns: ['sold'], kinds: ['plain'] } as const;
  const flags = { name: 'seats', columns: ['sold'], kinds: ['flag'] } as const;
  expect(() => kindsByName([numbers, flags])).toThrow('column sold of table seats');
  expect(kindsByName([numbers, { ...numbers, name: 'halls' }]).get('sold')).toBe('plain');
});
