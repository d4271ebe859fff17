import { DatabaseFailure, type WriteSession } from '../../../src/projections/engine/dialect.js';
import { tableUse } from '../../../src/projections/mysql/dialect.js';

/** A server that answers every query with an error number. */
function sessionFailing(errno: number) {
  const cause = Object.assign(new Error(`error ${errno}`), { errno });
  const session: Pick<WriteSession, 'all' | 'rollback'> = {
    all: async () => {
      throw new DatabaseFailure(cause.message, { cause });
    },
    rollback: async () => undefined,
  };
  // All that the function under test uses of a session.
  return session as WriteSession;
}

it.each([
  ['no privilege for a table', 1142],
  ['no privilege PROCESS', 1227],
  ['no performance_schema', 1049],
])('open transactions are hidden from an account with %s', async (_, errno) => {
  expect(await tableUse(sessionFailing(errno), ['users'], 0)).toEqual({
    certainty: 'hidden',
    transactions: [],
  });
});

it('a database that fails is not taken for an account without privileges', async () => {
  const connectionLost = 2013;
  await expect(tableUse(sessionFailing(connectionLost), ['users'], 0)).rejects.toThrow(DatabaseFailure);
});

it('each question gets as many values as it has places for', async () => {
  const row = { id: 7, user: 'dump', host: 'here', seconds: 40 };
  const asked: [places: number, values: number][] = [];
  const session: Pick<WriteSession, 'all'> = {
    all: async (sql, values) => {
      asked.push([sql.split('?').length - 1, values.length]);
      return [row];
    },
  };
  // All that the function under test uses of a session.
  const use = await tableUse(session as WriteSession, ['users', 'orders'], 1);
  expect(use.certainty).toBe('certain');
  expect(asked).toEqual([
    [0, 0],
    [3, 3],
  ]);
});
