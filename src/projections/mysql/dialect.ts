import type { DataSource } from 'typeorm';
import { type Dialect, guarded } from '../engine/dialect.js';
import { type ConnectionSource, MysqlSession } from './session.js';

/** Read models in MySQL 8 or MariaDB, through `mysql2`. */
export const mysqlDialect: Dialect = {
  name: 'mysql',
  // Fewer round trips and fewer writes of one row than 1000; each holds up the HTTP server for some 40 ms.
  batchSize: 2_000,
  async withSession(dataSource, work) {
    const session = await guarded(() => MysqlSession.open(poolOf(dataSource)));
    try {
      return await work(session);
    } finally {
      session.release();
    }
  },
};

function poolOf(dataSource: DataSource): ConnectionSource {
  // TypeORM types no driver's own handle; for mysql2 this is its pool.
  return (dataSource.driver as unknown as { pool: ConnectionSource }).pool;
}
