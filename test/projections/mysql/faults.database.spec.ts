import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { UserId } from '../../../src/events/ids.js';
import { ProjectionRunner, type RunnerOptions } from '../../../src/projections/engine/runner.js';
import type { ServerKind } from '../../../src/projections/mysql/server.js';
import { openReadModels, type ReadModels } from '../../../src/projections/open-read-models.js';
import { ReadModelsUnavailable, selectAll } from '../../../src/queries/database.js';
import { startDatabaseServer, type TestDatabaseServer } from '../../services/database-server.js';
import { waitUntil } from '../../services/wait-until.js';
import { createTallies, tallies, tally } from '../engine/tally.js';
import { caughtUp, History, id } from '../history.js';
import { Story } from '../story.js';
import { LossyProxy } from './lossy-proxy.js';

/** Short, so that a frozen server is given up soon; long enough for a busy machine. */
const limits = {
  connectTimeoutMs: 2_000,
  acquireTimeoutMs: 1_000,
  queryTimeoutMs: 1_000,
  writeTimeoutMs: 3_000,
};

let server: TestDatabaseServer;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startDatabaseServer();
}, 420_000);
afterAll(() => server.stop());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(url: string): Promise<ReadModels> {
  const models = await openReadModels({ url, limits });
  cleanups.push(() => models.close());
  return models;
}

async function tallyModels(url?: string): Promise<ReadModels> {
  const models = await open(url ?? (await server.newDatabase()));
  await createTallies(models);
  return models;
}

class Registrations {
  readonly history = new History();
  private readonly story = new Story(this.history);
  private count = 0;

  async add(more: number): Promise<void> {
    for (const until = this.count + more; this.count < until; this.count++) {
      await this.story.register(id<UserId>(`user ${this.count}`), `user${this.count}`);
    }
  }
}

function run(history: History, models: ReadModels, options: Partial<RunnerOptions> = {}): ProjectionRunner {
  const runner = new ProjectionRunner({
    store: history.store,
    dataSource: models.write,
    dialect: models.dialect,
    projections: [tally('t')],
    batchSize: 3,
    ...options,
  });
  cleanups.push(() => runner.stop());
  runner.start();
  return runner;
}

const ask = (models: ReadModels) =>
  selectAll(models.read, 'SELECT events FROM tallies WHERE name = ?', ['t']);

/** Events counted, once there is an answer: a busy machine may be slower than the limits. */
async function counted(models: ReadModels): Promise<unknown> {
  let rows: unknown[] = [];
  const isAnswered = async (): Promise<boolean> => {
    rows = await ask(models);
    return true;
  };
  await waitUntil('the read models answer', isAnswered);
  return rows;
}

describe('a connection that lies idle', () => {
  it('is closed by the process before the server closes it, however short its wait_timeout is', async () => {
    const admin = await createConnection({ uri: server.url() });
    cleanups.push(() => admin.end());
    const [[before]] = await admin.query<RowDataPacket[]>('SELECT @@wait_timeout AS seconds');
    await admin.query('SET GLOBAL wait_timeout = 1');
    cleanups.push(() => admin.query(`SET GLOBAL wait_timeout = ${before?.seconds}`));
    const abortedClients = async () => {
      const [[status]] = await admin.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Aborted_clients'");
      return Number(status?.Value);
    };
    const abortedBefore = await abortedClients();

    const url = await server.newDatabase();
    const models = await openReadModels({ url, limits: { ...limits, idleTimeoutMs: 1_500 } });
    cleanups.push(() => models.close());
    const patience = 'SELECT @@wait_timeout AS seconds';
    for (const pool of [models.read, models.write]) {
      const answers = await Promise.all(Array.from({ length: 3 }, () => pool.query(patience)));
      expect(answers).toEqual(Array.from({ length: 3 }, () => [{ seconds: 3 }]));
    }
    const database = new URL(url).pathname.slice(1);
    const connections = 'SELECT COUNT(*) AS count FROM information_schema.processlist WHERE db = ?';
    await waitUntil('no connection is left', async () => {
      // It keeps this one awake as well.
      const [[open]] = await admin.query<RowDataPacket[]>(connections, [database]);
      return Number(open?.count) === 0;
    });
    expect(await abortedClients()).toBe(abortedBefore);
    expect(await selectAll(models.read, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

/** MariaDB sends no error before it closes an idle connection. */
const { readModelsOn } = globalThis as { readModelsOn?: ServerKind };
const onMysqlOnly = readModelsOn === 'mysql' ? describe : describe.skip;

onMysqlOnly('when MySQL closes an idle connection just as a statement is sent', () => {
  /** Read models with one connection of each kind; the server's closing error is on its way to one of them. */
  async function withIdleClose(kind: 'read' | 'write') {
    // The driver prints a warning about a packet out of order there.
    const printed = jest.spyOn(console, 'error').mockReturnValue(undefined);
    cleanups.push(async () => printed.mockRestore());
    const proxy = await LossyProxy.before(await server.newDatabase());
    cleanups.push(() => proxy.close());
    const models = await openReadModels({
      url: proxy.url,
      limits: { ...limits, readPoolSize: 1, writePoolSize: 1 },
    });
    cleanups.push(() => models.close());
    await models[kind].query('SET SESSION wait_timeout = 1');
    proxy.holdsBack = true;
    await waitUntil('the server has sent its closing error', () => proxy.held === 1);
    proxy.holdsBack = false;
    return models;
  }

  it('a query is repeated on another connection', async () => {
    const models = await withIdleClose('read');
    expect(await selectAll(models.read, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('a statement of a projection fails, and the next one uses another connection', async () => {
    const { dialect, write } = await withIdleClose('write');
    const ask = () => dialect.withSession(write, (session) => session.all('SELECT 1 AS one', []));
    await expect(ask()).rejects.toMatchObject({ name: 'DatabaseFailure', cause: { errno: 4031 } });
    expect(await ask()).toEqual([{ one: 1 }]);
  });
});

describe('when the server crashes', () => {
  it('applies every event once, and answers again when it is back', async () => {
    const log = new Registrations();
    await log.add(20);
    const models = await tallyModels();
    const runner = run(log.history, models);
    await caughtUp(log.history, runner);
    // Many batches are on their way when it goes.
    await log.add(300);
    await server.kill();
    await expect(ask(models)).rejects.toBeInstanceOf(ReadModelsUnavailable);
    await log.add(30);
    await server.restart();
    await caughtUp(log.history, runner);
    expect(await counted(models)).toEqual([{ events: 350 }]);
    expect(await runner.status()).toMatchObject({ ready: true, lastError: null });
  });
});

describe('when the server is silent', () => {
  it('lets no query wait for ever, and goes on when the server does', async () => {
    const log = new Registrations();
    await log.add(5);
    const models = await tallyModels();
    const runner = run(log.history, models);
    await caughtUp(log.history, runner);
    await server.pause();
    await log.add(5);
    // More than the pool has connections.
    const answers = await Promise.allSettled(Array.from({ length: 25 }, () => ask(models)));
    await server.resume();
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'ReadModelsUnavailable' } });
    }
    await caughtUp(log.history, runner);
    expect(await counted(models)).toEqual([{ events: 10 }]);
  });

  it('lets nobody wait for ever for a connection', async () => {
    const models = await openReadModels({
      url: await server.newDatabase(),
      limits: { ...limits, readPoolSize: 1 },
    });
    cleanups.push(() => models.close());
    const holder = models.read.createQueryRunner();
    await holder.connect();
    await expect(ask(models)).rejects.toThrow('no database connection within 1000 ms');
    await holder.release();
    expect(await selectAll(models.read, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ends a query that takes too long', async () => {
    const models = await tallyModels();
    const slow = selectAll(
      models.read,
      `WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
       SELECT COUNT(*) FROM n a, n b, n c, n d`,
    );
    await expect(slow).rejects.toMatchObject({
      name: 'ReadModelsUnavailable',
      message: expect.stringMatching(/max_statement_time|maximum statement execution time/),
    });
  });
});

describe('when a connection is lost in the middle of COMMIT', () => {
  it.each(['reply', 'request'] as const)('applies every event once (lost: %s)', async (loss) => {
    const log = new Registrations();
    await log.add(4);
    const proxy = await LossyProxy.before(await server.newDatabase());
    cleanups.push(() => proxy.close());
    const models = await tallyModels(proxy.url);
    const errors: string[] = [];
    const logger = { error: (_details: object, message: string) => errors.push(message) };
    const runner = run(log.history, models, { logger });
    await caughtUp(log.history, runner);
    proxy.losses.push(loss, loss);
    await log.add(20);
    await caughtUp(log.history, runner);
    // Both were lost; an outage is reported when it begins, however often a try fails in it.
    expect(proxy.losses).toEqual([]);
    expect(errors).toEqual(['projections wait to try again']);
    expect(await tallies(models)).toEqual({ t: 24 });
  });
});

it('waits for a lock and tries again when it waited too long', async () => {
  const log = new Registrations();
  await log.add(2);
  const url = await server.newDatabase();
  const models = await tallyModels(url);
  let failed = (): void => undefined;
  const hasFailed = new Promise<void>((resolve) => {
    failed = resolve;
  });
  const runner = run(log.history, models, { logger: { error: () => failed() } });
  await caughtUp(log.history, runner);
  const other = await createConnection({ uri: url });
  await other.beginTransaction();
  await other.query('SELECT * FROM projection_checkpoints FOR UPDATE');
  await log.add(3);
  await hasFailed;
  expect((await runner.status()).lastError).toContain('Lock wait timeout');
  await other.end();
  await caughtUp(log.history, runner);
  expect(await tallies(models)).toEqual({ t: 5 });
});

it('leaves no transaction open when an application has failed', async () => {
  const log = new Registrations();
  await log.add(3);
  const models = await tallyModels();
  const check = (): void => {
    throw new Error('cannot be');
  };
  const runner = run(log.history, models, { projections: [tally('t', { check })] });
  expect(await runner.waitFor((await log.history.store.head()) ?? 0, { timeoutMs: 20_000 })).toBe(false);
  const open = await models.write.query('SELECT * FROM information_schema.innodb_trx');
  expect(open).toEqual([]);
});
