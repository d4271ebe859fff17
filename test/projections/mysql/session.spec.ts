import { DatabaseFailure, RowRefused } from '../../../src/projections/engine/dialect.js';
import { type ConnectionSource, MysqlSession } from '../../../src/projections/mysql/session.js';

/** A server that answers some statements with an error number, and what it was sent. */
async function sessionOn(errors: Readonly<Record<string, number>>) {
  const sent: string[] = [];
  const connection = {
    query(sql: string, _values: unknown, answer: (error: Error | null, result?: unknown) => void) {
      sent.push(sql);
      const errno = errors[sql];
      setImmediate(() =>
        errno === undefined
          ? answer(null, { affectedRows: 1 })
          : answer(Object.assign(new Error(`error ${errno}`), { errno })),
      );
    },
    release() {},
    destroy() {},
  };
  // All a session uses of a pool and a connection.
  const pool = {
    getConnection: (callback: (error: null, given: unknown) => void) => callback(null, connection),
  };
  return { sent, session: await MysqlSession.open(pool as unknown as ConnectionSource, 'mariadb') };
}

const deadlock = 1213;
const columnIsNull = 1048;

it('asks nothing more of a transaction that a deadlock has undone, until it is rolled back', async () => {
  const { sent, session } = await sessionOn({ first: deadlock });
  await session.begin();
  // Another projection's statement is under way on the same connection: it must not commit by itself.
  const outcomes = await Promise.allSettled([session.run('first', []), session.run('second', [])]);
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([
    expect.any(DatabaseFailure),
    expect.any(DatabaseFailure),
  ]);
  await session.rollback();
  await session.run('third', []);
  expect(sent).toEqual(['START TRANSACTION', 'first', 'ROLLBACK', 'third']);
});

it('goes on after a refused row, which undoes its own statement only', async () => {
  const { sent, session } = await sessionOn({ first: columnIsNull });
  await session.begin();
  const outcomes = await Promise.allSettled([session.run('first', []), session.run('second', [])]);
  expect(outcomes).toEqual([
    { status: 'rejected', reason: expect.any(RowRefused) },
    { status: 'fulfilled', value: { affected: 1 } },
  ]);
  expect(sent).toEqual(['START TRANSACTION', 'first', 'second']);
});
