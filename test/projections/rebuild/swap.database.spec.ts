import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { withSnapshot } from '../../../src/projections/compare/compare-read-models.js';
import type { Dialect } from '../../../src/projections/engine/dialect.js';
import { lockName } from '../../../src/projections/mysql/dialect.js';
import { openReadModels, type ReadModels } from '../../../src/projections/open-read-models.js';
import type { RebuildProgress } from '../../../src/projections/rebuild/rebuild-record.js';
import { tableNames } from '../../../src/projections/rebuild/shadow-tables.js';
import { walletsProjection } from '../../../src/projections/wallet.js';
import { startDatabaseServer, type TestDatabaseServer } from '../../services/database-server.js';
import { sharedStartTimeoutMs } from '../../services/shared-database.js';
import { caughtUp, closeAll, emptyModels, History, minute, project, run } from '../history.js';
import { Story } from '../story.js';
import { locationOf } from '../test-databases.js';
import { buy, everyRow, leftOvers, rebuildNow, some } from './rebuilding.js';

const connections: Connection[] = [];
const opened: ReadModels[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.end();
  for (const models of opened.splice(0)) await models.close();
  await closeAll();
});

function urlOf(models: ReadModels): string {
  const { url } = locationOf(models);
  if (url === undefined) throw new Error('these read models are in a file');
  return url;
}

async function connect(url: string): Promise<Connection> {
  const connection = await createConnection({ uri: url });
  connections.push(connection);
  return connection;
}

async function open(url: string): Promise<ReadModels> {
  const models = await openReadModels({ url });
  opened.push(models);
  return models;
}

/** The URL of an account that has only the privileges docs/mysql.md asks for. */
async function plainAccount(url: string): Promise<string> {
  const admin = await connect(url);
  const database = new URL(url).pathname.slice(1);
  const account = `plain_${database.slice(-8)}`;
  await admin.query(`CREATE USER IF NOT EXISTS '${account}'@'%' IDENTIFIED BY 'p'`);
  await admin.query(
    `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON ${database}.* TO '${account}'@'%'`,
  );
  return Object.assign(new URL(url), { username: account, password: 'p' }).toString();
}

/** A transaction that has read a table and stays open, as a dump's does. */
async function holdSnapshot(url: string, table = 'users'): Promise<Connection> {
  const connection = await connect(url);
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  await connection.query(`SELECT COUNT(*) FROM ${table}`);
  return connection;
}

/** Queries of the tables without a pause; the server lets none of them wait for longer than a second. */
class Readers {
  private isOver = false;
  private readonly reading: Promise<unknown>;
  private queries = 0;

  private constructor(connections: readonly Connection[]) {
    this.reading = Promise.all(connections.map((connection) => this.read(connection)));
    // stop() reports it.
    this.reading.catch(() => undefined);
  }

  static async on(url: string): Promise<Readers> {
    const connections = [await connect(url), await connect(url), await connect(url)];
    for (const connection of connections) await connection.query('SET SESSION lock_wait_timeout = 1');
    return new Readers(connections);
  }

  /** @throws the server's error for the first query that waited too long. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.reading;
    expect(this.queries).toBeGreaterThan(0);
  }

  private async read(connection: Connection): Promise<void> {
    while (!this.isOver) {
      await connection.query('SELECT COUNT(*) FROM users');
      await connection.query('SELECT COUNT(*) FROM points');
      this.queries++;
    }
  }
}

async function sale() {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  await buy(story, 1);
  return { history, story };
}

describe.each([
  { account: 'that sees which connections block them', accountOf: async (url: string) => url },
  { account: 'that does not see which connections block them', accountOf: plainAccount },
])('an open snapshot blocks the tables for an account $account', ({ accountOf }) => {
  it('queries and projections go on until it ends, and then the tables are swapped', async () => {
    const { history, story } = await sale();
    const models = await emptyModels();
    const runner = run(history, models, { lookEveryMs: 5 });
    await caughtUp(history, runner);
    const url = urlOf(models);
    const own = await accountOf(url);
    const rebuilder = await open(own);
    const snapshot = await holdSnapshot(url);
    const readers = await Readers.on(url);
    let waits = 0;
    let wait = (): void => undefined;
    const hasWaitedTwice = new Promise<void>((resolve) => {
      wait = () => ++waits === 2 && resolve();
    });
    const rebuilding = rebuildNow(history, models, {
      models: rebuilder,
      location: { url: own },
      projections: some,
      onProgress: ({ phase }: RebuildProgress) => phase === 'waiting' && wait(),
    });
    await Promise.race([hasWaitedTwice, rebuilding]);
    await buy(story, 2);
    await caughtUp(history, runner);
    await snapshot.query('COMMIT');
    const { projections } = await rebuilding;
    await readers.stop();
    expect(waits).toBeGreaterThanOrEqual(2);
    expect(projections.every(({ swappedAt }) => swappedAt !== null)).toBe(true);
    await buy(story, 3);
    await caughtUp(history, runner);
    expect(await everyRow(models)).toEqual(await everyRow(await project(history)));
    expect(await leftOvers(models)).toEqual([]);
  });
});

describe('a swap that is given up', () => {
  async function givenUp(accountOf: (url: string) => Promise<string>, projections = some) {
    const { history } = await sale();
    const models = await project(history);
    const url = urlOf(models);
    const own = await accountOf(url);
    const rebuilder = await open(own);
    const options = { models: rebuilder, location: { url: own }, projections };
    const attempt = () => rebuildNow(history, models, { ...options, swapPatienceMs: 0 });
    return { history, models, url, rebuilder, options, attempt };
  }

  it('names the connection that blocks the tables, and its account', async () => {
    const { url, attempt } = await givenUp(async (one) => one);
    const snapshot = await holdSnapshot(url);
    const [[row]] = await snapshot.query<RowDataPacket[]>('SELECT CONNECTION_ID() AS id');
    await expect(attempt()).rejects.toThrow(
      new RegExp(
        `connection ${row?.id} \\(boxoffice at (127\\.0\\.0\\.1|localhost)[^)]*, open for \\d+ s\\)`,
      ),
    );
  });

  it('names the snapshot of an audit as well', async () => {
    const { models, attempt } = await givenUp(async (one) => one);
    await withSnapshot(locationOf(models), async ({ query }) => {
      await query('SELECT COUNT(*) FROM users', []);
      const [row] = await query('SELECT CONNECTION_ID() AS id', []);
      await expect(attempt()).rejects.toThrow(`connection ${row?.id} (boxoffice at`);
    });
  });

  it('names the missing privileges when the account sees no other connections', async () => {
    const { url, attempt } = await givenUp(plainAccount);
    await holdSnapshot(url);
    await expect(attempt()).rejects.toThrow('grant the account PROCESS');
  });

  it('leaves no fence, lock or setting behind, and the next one continues with what was built', async () => {
    const { history, models, url, rebuilder, options, attempt } = await givenUp(plainAccount, [
      walletsProjection,
    ]);
    const snapshot = await holdSnapshot(url, 'wallet_history');
    await expect(attempt()).rejects.toThrow('the tables were not swapped');
    expect(
      await models.read.query('SELECT name FROM projection_checkpoints WHERE fenced_by IS NOT NULL'),
    ).toEqual([]);
    const lock = lockName('renames', new URL(url).pathname.slice(1));
    expect(await models.read.query('SELECT IS_FREE_LOCK(?) AS free', [lock])).toEqual([{ free: 1 }]);
    const [before] = await models.write.query('SELECT @@lock_wait_timeout AS seconds');
    const settings = Array.from({ length: 4 }, () =>
      rebuilder.write.query('SELECT @@lock_wait_timeout AS seconds'),
    );
    expect(await Promise.all(settings)).toEqual(Array.from({ length: 4 }, () => [before]));
    await snapshot.query('COMMIT');
    expect(await rebuildNow(history, models, options)).toMatchObject({ events: 0, differenceCount: 0 });
    expect(await leftOvers(models)).toEqual([]);
  });

  it('leaves no tables that identify people, and the next one builds them anew', async () => {
    const { history, models, url, options, attempt } = await givenUp(plainAccount);
    const snapshot = await holdSnapshot(url);
    await expect(attempt()).rejects.toThrow('the tables were not swapped');
    expect((await leftOvers(models)).filter((name) => name.startsWith('users'))).toEqual([]);
    await snapshot.query('COMMIT');
    const { events, differenceCount } = await rebuildNow(history, models, options);
    expect([events > 0, differenceCount]).toEqual([true, 0]);
    expect(await leftOvers(models)).toEqual([]);
  });
});

describe('when the server is killed while it renames', () => {
  let server: TestDatabaseServer;
  /** How long an undisturbed renaming takes. */
  let renamingMs = 0;

  beforeAll(async () => {
    server = await startDatabaseServer();
    await afterSale(async ({ history, models, options }) => {
      const timed = renaming(models, async (rename) => {
        const startedAt = performance.now();
        await rename();
        renamingMs = performance.now() - startedAt;
      });
      await rebuildNow(history, models, { ...options, models: timed });
    });
  }, sharedStartTimeoutMs);
  afterAll(() => server.stop());

  interface Sale {
    readonly history: History;
    readonly models: ReadModels;
    readonly options: { readonly location: { readonly url: string }; readonly projections: typeof some };
  }

  /** Projects a sale into a new database of the server. */
  async function afterSale(work: (sale: Sale) => Promise<void>): Promise<void> {
    const { history } = await sale();
    const url = await server.newDatabase();
    const models = await open(url);
    const runner = run(history, models, { lookEveryMs: 5 });
    await caughtUp(history, runner);
    await work({ history, models, options: { location: { url }, projections: some } });
    await caughtUp(history, runner);
    expect(await everyRow(models)).toEqual(await everyRow(await project(history)));
    expect(await leftOvers(models)).toEqual([]);
  }

  function renaming(models: ReadModels, during: (rename: () => Promise<void>) => Promise<void>): ReadModels {
    const dialect: Dialect = {
      ...models.dialect,
      renameTables: (...request) => during(() => models.dialect.renameTables(...request)),
    };
    return { ...models, dialect };
  }

  async function isThere(models: ReadModels, suffix: string): Promise<boolean[]> {
    const names = await models.dialect.withSession(models.write, (session) =>
      models.dialect.namesInUse(session),
    );
    return some.flatMap((projection) => tableNames(projection, suffix)).map((name) => names.has(name));
  }

  it.each([0, 0.2, 0.4, 0.6, 0.8, 1])(
    'after %d of its time, all tables are old or all are new, and the next rebuild goes on from there',
    (moment) =>
      afterSale(async ({ history, models, options }) => {
        const killed = renaming(models, async (rename) => {
          const startedAt = performance.now();
          const renamed = rename();
          renamed.catch(() => undefined);
          while (performance.now() - startedAt < moment * renamingMs) await nextTurn();
          await server.kill();
          await renamed;
        });
        await rebuildNow(history, models, { ...options, models: killed }).catch(() => undefined);
        await server.restart();
        const [live, next, old] = [
          await isThere(models, ''),
          await isThere(models, '__next'),
          await isThere(models, '__old'),
        ];
        const isNew = next.every((one) => !one);
        expect({ live, next }).toEqual({ live: live.map(() => true), next: next.map(() => !isNew) });
        // New ones replace tables that are then dropped one by one.
        if (!isNew) expect(old).toEqual(old.map(() => false));
        await rebuildNow(history, models, options, minute(24 * 60));
      }),
  );
});
