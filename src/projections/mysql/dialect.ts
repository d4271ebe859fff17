import type { DataSource } from 'typeorm';
import { type Dialect, guarded } from '../engine/dialect.js';
import { renameBriefly, tableUse, withRenameLock } from './rename-tables.js';
import type { ServerKind } from './server-kind.js';
import { type ConnectionSource, MysqlSession } from './session.js';

/** Read models in MySQL or MariaDB, through `mysql2`. */
export const mysqlDialect: Dialect = {
  name: 'mysql',
  // Fewer round trips and fewer writes of one row than 1000.
  batchSize: 4_000,
  async withSession(dataSource, work) {
    const session = await guarded(() => MysqlSession.open(poolOf(dataSource), kindOf(dataSource)));
    try {
      return await work(session);
    } finally {
      session.release();
    }
  },
  committedRows(dataSource, table, tableName, keys) {
    return this.withSession(dataSource, (session) => session.rowsByKey(table, tableName, keys));
  },
  hasOneWriter: false,
  async namesInUse(session) {
    const rows = await session.all(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
      [],
    );
    return new Set(rows.map(({ name }) => String(name)));
  },
  async renameTables(dataSource, session, renames, complete) {
    await withRenameLock(session, async () => {
      await this.withSession(dataSource, (second) => renameBriefly(session, second, renames));
      await session.begin();
      await complete();
      await session.commit();
    });
  },
  tableUse,
  undisturbed: withRenameLock,
};

function kindOf(dataSource: DataSource): ServerKind {
  return dataSource.options.type === 'mariadb' ? 'mariadb' : 'mysql';
}

function poolOf(dataSource: DataSource): ConnectionSource {
  // TypeORM types no driver's own handle; for mysql2 this is its pool.
  return (dataSource.driver as unknown as { pool: ConnectionSource }).pool;
}
