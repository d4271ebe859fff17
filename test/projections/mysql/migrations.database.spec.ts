import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { allTables } from '../../../src/projections/all-projections.js';
import { findCheckpoint } from '../../../src/projections/engine/checkpoints.js';
import { allMigrations } from '../../../src/projections/migrations/all-migrations.js';
import { lockName } from '../../../src/projections/mysql/dialect.js';
import { migrateReadModels, openReadModels } from '../../../src/projections/open-read-models.js';
import { startDatabaseServer, type TestDatabaseServer } from '../../services/database-server.js';
import { waitUntil } from '../../services/wait-until.js';

const run = promisify(execFile);

let server: TestDatabaseServer;

beforeAll(async () => {
  // As unlike the product's wishes as a server can be.
  server = await startDatabaseServer({
    settings: [
      '--character-set-server=latin1',
      '--collation-server=latin1_swedish_ci',
      '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT',
      '--transaction-isolation=SERIALIZABLE',
      '--default-time-zone=+09:00',
      '--max-allowed-packet=4M',
    ],
  });
}, 420_000);
afterAll(() => server.stop());

async function query(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

async function tablesIn(url: string): Promise<string[]> {
  return (await query(url, 'SHOW TABLES')).flatMap((row) => Object.values<string>(row));
}

it('lets processes that start together take turns', async () => {
  const url = await server.newDatabase();
  const child = () => run(process.execPath, [join(__dirname, 'migrate-once.mjs'), url]);
  const outputs = await Promise.all([child(), child(), child(), child()]);
  const outcomes: { applied: string[]; present: string[] }[] = outputs.map(({ stdout }) =>
    JSON.parse(stdout),
  );
  const counts = outcomes.map(({ applied, present }) => [applied.length, present.length]);
  const all = allMigrations.length;
  expect(counts.toSorted()).toEqual([
    [0, all],
    [0, all],
    [0, all],
    [all, 0],
  ]);
  expect(await tablesIn(url)).toEqual(expect.arrayContaining(allTables.map(({ name }) => name)));
  expect(await query(url, 'SELECT name FROM migrations')).toHaveLength(all);
});

it('finishes a migration that was cut off half way', async () => {
  const url = await server.newDatabase();
  await migrateReadModels({ url });
  await query(url, 'DROP TABLE reservations, payments');
  await query(url, "DELETE FROM migrations WHERE name NOT LIKE 'PersonalKeys%'");
  const { applied } = await migrateReadModels({ url });
  expect(applied[0]).toMatch(/^ReadModels/);
  const models = await openReadModels({ url });
  const changes = await models.write.driver.createSchemaBuilder().log();
  await models.close();
  expect(changes.upQueries.map(({ query: sql }) => sql)).toEqual([]);
});

it('brings tables of the release before over, and keeps what an operator has paused', async () => {
  const url = await server.newDatabase();
  await query(
    url,
    `CREATE TABLE projection_checkpoints (name VARCHAR(64) PRIMARY KEY, version INT NOT NULL, position BIGINT NOT NULL,
       updated_at VARCHAR(24) NOT NULL, generation INT, paused_at VARCHAR(24), parked MEDIUMTEXT, fenced_by VARCHAR(36),
       made_from MEDIUMTEXT)`,
  );
  await query(
    url,
    `INSERT INTO projection_checkpoints VALUES
       ('orders', 1, 7, '2026-11-01T09:00:00.000Z', 2, '2026-11-01T09:01:02.003Z', NULL, NULL, 'x'),
       ('users', 1, 7, '2026-11-01T09:00:00.000Z', NULL, NULL, 'x', NULL, 'x')`,
  );
  for (const name of ['users', 'users__next', 'orders__old', 'sessions']) {
    await query(url, `CREATE TABLE ${name} (id VARCHAR(36) PRIMARY KEY, created_at VARCHAR(24))`);
  }
  await query(
    url,
    'CREATE TABLE personal_keys (user_id VARCHAR(36) PRIMARY KEY, wrapped_key VARCHAR(80) NOT NULL)',
  );
  await query(url, "INSERT INTO personal_keys VALUES ('u', 'k')");
  const models = await openReadModels({ url });
  const changes = await models.write.driver.createSchemaBuilder().log();
  expect(changes.upQueries.map(({ query: sql }) => sql)).toEqual([]);
  const checkpoints = await models.dialect.withSession(models.write, (session) =>
    Promise.all([findCheckpoint(session, 'orders'), findCheckpoint(session, 'users')]),
  );
  expect(checkpoints).toEqual([
    expect.objectContaining({ pausedAt: '2026-11-01T09:01:02.003Z', position: -1, epoch: 3 }),
    undefined,
  ]);
  await models.close();
  const tables = await tablesIn(url);
  for (const gone of ['sessions', 'users__next', 'orders__old', 'projection_checkpoints__former']) {
    expect(tables).not.toContain(gone);
  }
  expect(await query(url, 'SELECT * FROM personal_keys')).toHaveLength(1);
});

it('stores moments, booleans and JSON as clients of SQL expect them', async () => {
  const url = await server.newDatabase();
  await migrateReadModels({ url });
  const columns = await query(
    url,
    `SELECT CONCAT(table_name, '.', column_name) AS name, data_type AS type, column_type AS detail
     FROM information_schema.columns WHERE table_schema = DATABASE()`,
  );
  const detailOf = new Map(columns.map(({ name, detail }) => [name, String(detail)]));
  expect(detailOf.get('schedule_seats.expires_at')).toBe('datetime(3)');
  expect(detailOf.get('orders.settled')).toBe('tinyint(1)');
  expect(detailOf.get('orders.total_amount')).toMatch(/^bigint/);
  // MariaDB's JSON is a long text that it checks.
  expect(detailOf.get('performances.prices')).toMatch(/^(json|longtext)$/);
});

it('does not wait for a migration of another database', async () => {
  const [busy, other] = [await server.newDatabase(), await server.newDatabase()];
  await migrateReadModels({ url: busy });
  const holder = await createConnection({ uri: busy });
  await holder.query('LOCK TABLES migrations WRITE');
  const slow = migrateReadModels({ url: busy });
  const waiting = `SELECT 1 FROM information_schema.processlist WHERE state LIKE '%metadata lock%'`;
  await waitUntil('the migration is held up', async () => (await query(other, waiting)).length > 0);
  await migrateReadModels({ url: other });
  await holder.end();
  await slow;
  expect(await tablesIn(other)).toContain('users');
});

describe('beside processes of older builds, which let the server compute the names of locks', () => {
  /** From MySQL 9.6 on the function is a component's. */
  async function withSha1(connection: Connection): Promise<void> {
    const isThere = () => connection.query("SELECT SHA1('')").then(Boolean, () => false);
    if (!(await isThere())) await connection.query("INSTALL COMPONENT 'file://component_classic_hashing'");
    expect(await isThere()).toBe(true);
  }

  it.each(['boxoffice', 'Kasse_Süd', '매표소'])('computes the same names in %s', async (database) => {
    const connection = await createConnection({ uri: server.url() });
    await withSha1(connection);
    await connection.query(`CREATE DATABASE \`${database}\``);
    await connection.changeUser({ database });
    for (const purpose of ['migrations', 'renames'] as const) {
      const older = `SELECT CONCAT('boxoffice-${purpose}-', LEFT(SHA1(DATABASE()), 32)) AS name`;
      const [[row]] = await connection.query<RowDataPacket[]>(older);
      expect(lockName(purpose, database)).toBe(row?.name);
    }
    await connection.end();
  });

  it('waits for one that migrates', async () => {
    const url = await server.newDatabase();
    const older = await createConnection({ uri: url });
    await withSha1(older);
    const name = "CONCAT('boxoffice-migrations-', LEFT(SHA1(DATABASE()), 32))";
    await older.query(`DO GET_LOCK(${name}, 0)`);
    let isDone = false;
    const migrating = migrateReadModels({ url }).then(() => {
      isDone = true;
    });
    const waiting = "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'";
    await waitUntil('the migration waits', async () => (await query(url, waiting)).length > 0);
    expect(isDone).toBe(false);
    await older.end();
    await migrating;
    expect(await tablesIn(url)).toContain('users');
  });
});

it('lets a server whose account may not create tables use migrated ones', async () => {
  const url = await server.newDatabase();
  await migrateReadModels({ url });
  const database = new URL(url).pathname.slice(1);
  await query(url, "CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'p'");
  await query(url, `GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO 'plain'@'127.0.0.1'`);
  const plain = Object.assign(new URL(url), { username: 'plain', password: 'p' });
  const models = await openReadModels({ url: plain.toString() });
  expect(await models.read.query('SELECT * FROM users')).toEqual([]);
  await models.close();
  await expect(query(plain.toString(), 'CREATE TABLE more (id INT)')).rejects.toThrow('denied');
});

it('works on a server with settings of its own', async () => {
  const url = await server.newDatabase();
  const models = await openReadModels({ url });
  const own =
    server.kind === 'mariadb'
      ? { limit: '@@max_statement_time', isolation: '@@tx_isolation' }
      : { limit: '@@max_execution_time / 1000', isolation: '@@transaction_isolation' };
  const [query] = await models.read.query(
    `SELECT @@sql_mode AS mode, CAST(${own.limit} AS SIGNED) AS seconds, '\\\\' AS backslash`,
  );
  expect(query).toEqual({ mode: 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', seconds: 10, backslash: '\\' });
  const [session] = await models.write.query(
    `SELECT ${own.isolation} AS isolation, @@innodb_lock_wait_timeout AS lockSeconds, @@wait_timeout AS idleSeconds`,
  );
  expect(session).toEqual({ isolation: 'READ-COMMITTED', lockSeconds: 10, idleSeconds: 60 });
  await models.close();
});
