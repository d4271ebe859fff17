import type { Dialect, WriteSession } from '../../../src/projections/engine/dialect.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';

/** The models' dialect with commits that do something else first: wait, or fail after everything was written. */
export function beforeCommit(models: ReadModels, act: () => Promise<void>): Dialect {
  const wrap = (session: WriteSession): WriteSession => ({
    begin: () => session.begin(),
    rollback: () => session.rollback(),
    all: (sql, parameters) => session.all(sql, parameters),
    run: (sql, parameters) => session.run(sql, parameters),
    insertIfMissing: (table, name, row) => session.insertIfMissing(table, name, row),
    rowsByKey: (table, name, keys) => session.rowsByKey(table, name, keys),
    select: (table, name, selection) => session.select(table, name, selection),
    upsert: (table, name, rows) => session.upsert(table, name, rows),
    delete: (table, name, key) => session.delete(table, name, key),
    commit: async () => {
      await act();
      await session.commit();
    },
  });
  return {
    ...models.dialect,
    withSession: (dataSource, work) =>
      models.dialect.withSession(dataSource, (session) => work(wrap(session))),
  };
}
