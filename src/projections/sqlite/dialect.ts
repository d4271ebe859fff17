import type { DataSource } from 'typeorm';
import type { Database } from '../../platform/sqlite.js';
import { type Dialect, guarded } from '../engine/dialect.js';
import { rowByKeySql, SqliteSession } from './session.js';
import { Statements } from './statements.js';
import { WriterClient } from './writer-client.js';

/** How projections use one file: they write in a thread, and read what is committed here. */
interface Connections {
  readonly session: SqliteSession;
  readonly reader: Statements;
  /** The end of the work before. */
  last: Promise<unknown>;
}

const connections = new WeakMap<DataSource, Connections>();

/** Starts the thread that writes the file of an open, migrated data source. */
export function startWriter(dataSource: DataSource, file: string): WriterClient {
  // TypeORM types no driver's own handle; for better-sqlite3 this is it.
  const { databaseConnection } = dataSource.driver as unknown as { databaseConnection: Database };
  const writer = new WriterClient(file);
  connections.set(dataSource, {
    session: new SqliteSession(writer),
    reader: new Statements(databaseConnection),
    last: Promise.resolve(),
  });
  return writer;
}

function connectionsOf(dataSource: DataSource): Connections {
  const found = connections.get(dataSource);
  if (!found) throw new Error('nobody started a writer for these read models');
  return found;
}

/** Read models in one SQLite file. */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  // Each costs a COMMIT that writes every page it has touched, most of them touched by the next one too.
  batchSize: 4_000,
  async withSession(dataSource, work) {
    const state = connectionsOf(dataSource);
    // Transactions of one connection would mix, so each waits for the one before, however that ended.
    const turn = state.last.then(() => work(state.session));
    state.last = turn.catch(() => undefined);
    return turn;
  },
  committedRows(dataSource, table, tableName, keys) {
    const { reader } = connectionsOf(dataSource);
    return guarded(() => reader.getEach(rowByKeySql(table, tableName), keys));
  },
  hasOneWriter: true,
  async namesInUse(session) {
    const rows = await session.all('SELECT name FROM sqlite_master', []);
    return new Set(rows.map(({ name }) => String(name)));
  },
  async renameTables(_dataSource, session, renames, complete) {
    await session.begin();
    try {
      for (const { from, to } of renames) await session.run(`ALTER TABLE ${from} RENAME TO ${to}`, []);
      await complete();
      await session.commit();
    } catch (error) {
      await session.rollback();
      throw error;
    }
  },
  // With a write-ahead log, readers do not block a writer.
  tableUse: async () => ({ certainty: 'certain', transactions: [] }),
  // Renaming takes a transaction here, and only one is open at a time.
  undisturbed: (_session, work) => work(),
};
