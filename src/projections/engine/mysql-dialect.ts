import type { QueryRunner } from 'typeorm';
import { type Changes, type Dialect, guarded, type WriteSession } from './dialect.js';
import { columnsBesideKey, insertSql, placeholders } from './sql.js';
import type { AnyRow, CellValue, Table } from './table.js';

/** Placeholders of one statement: far below the protocol's 65,535, and below 1 MiB of usual rows. */
const maxParameters = 5_000;

/** One pooled connection of MySQL 8 or MariaDB. */
class MysqlSession implements WriteSession {
  constructor(private readonly runner: QueryRunner) {}

  begin(): Promise<void> {
    return guarded(() => this.runner.startTransaction());
  }

  commit(): Promise<void> {
    return guarded(() => this.runner.commitTransaction());
  }

  rollback(): Promise<void> {
    return guarded(async () => {
      if (this.runner.isTransactionActive) await this.runner.rollbackTransaction();
    });
  }

  all(sql: string, parameters: readonly CellValue[]): Promise<AnyRow[]> {
    return guarded(async () => (await this.runner.query(sql, [...parameters], true)).records);
  }

  run(sql: string, parameters: readonly CellValue[]): Promise<Changes> {
    return guarded(async () => {
      // mysql2 counts matched rows (CLIENT_FOUND_ROWS), as Changes wants.
      const result = await this.runner.query(sql, [...parameters], true);
      return { affected: result.affected ?? 0 };
    });
  }

  async rowsByKey(
    table: Table,
    tableName: string,
    keys: readonly (readonly CellValue[])[],
  ): Promise<AnyRow[]> {
    const found: AnyRow[] = [];
    for (const chunk of chunks(keys, Math.floor(maxParameters / table.key.length))) {
      const tuples = new Array<string>(chunk.length).fill(`(${placeholders(table.key.length)})`).join(', ');
      const sql = `SELECT * FROM ${tableName} WHERE (${table.key.join(', ')}) IN (${tuples})`;
      found.push(...(await this.all(sql, chunk.flat())));
    }
    return found;
  }

  async upsert(table: Table, tableName: string, rows: readonly AnyRow[]): Promise<void> {
    const columns = Object.keys(table.columns);
    const updates = columnsBesideKey(table).map((column) => `${column} = VALUES(${column})`);
    for (const chunk of chunks(rows, Math.floor(maxParameters / columns.length))) {
      const sql = `${insertSql(table, tableName, chunk.length)} ON DUPLICATE KEY UPDATE ${updates.join(', ')}`;
      await this.run(
        sql,
        chunk.flatMap((row) => columns.map((column) => row[column] ?? null)),
      );
    }
  }
}

/** Read models in MySQL 8 or MariaDB 10.11 and later, through `mysql2`. */
export const mysqlDialect: Dialect = {
  name: 'mysql',
  async withSession(dataSource, work) {
    const runner = await guarded(async () => {
      const created = dataSource.createQueryRunner('master');
      await created.connect();
      return created;
    });
    try {
      return await work(new MysqlSession(runner));
    } finally {
      await runner.release();
    }
  },
};

function* chunks<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
