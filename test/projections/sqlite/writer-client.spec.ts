import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Database } from '../../../src/platform/sqlite.js';
import { DatabaseFailure, RowRefused } from '../../../src/projections/engine/dialect.js';
import { SqliteSession } from '../../../src/projections/sqlite/dialect.js';
import { WriterClient, WriterConnection } from '../../../src/projections/sqlite/writer-client.js';
import { tallyTable } from '../engine/tally.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'boxoffice-writer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const createTable = 'CREATE TABLE tallies (name TEXT PRIMARY KEY NOT NULL, events INTEGER NOT NULL)';

it('does what it was asked for in that order, however many ask at once', async () => {
  const writer = new WriterClient(join(folder, 'read-models.db'));
  const session = new SqliteSession(writer);
  const asked = [
    session.run(createTable, []),
    session.begin(),
    session.upsert(tallyTable, 'tallies', [{ name: 'a', events: 1 }]),
    session.run('UPDATE tallies SET events = events * 10 WHERE name = ?', ['a']),
    session.rollback(),
    session.upsert(tallyTable, 'tallies', [{ name: 'b', events: 2 }]),
    session.all('SELECT * FROM tallies', []),
  ];
  const answers = await Promise.all(asked);
  expect(answers.at(3)).toEqual({ affected: 1 });
  expect(answers.at(-1)).toEqual([{ name: 'b', events: 2 }]);
  await writer.close();
});

it('tells a row that can never be stored from a statement that fails', async () => {
  const writer = new WriterClient(join(folder, 'read-models.db'));
  const session = new SqliteSession(writer);
  await session.run(createTable, []);
  const incomplete = session.upsert(tallyTable, 'tallies', [{ name: 'a', events: null }]);
  await expect(incomplete).rejects.toThrow(RowRefused);
  await expect(session.run('INSERT INTO nowhere VALUES (1)', [])).rejects.toThrow(DatabaseFailure);
  await writer.close();
});

it('says why when its thread is gone, to whoever waits and whoever comes later', async () => {
  const writer = new WriterClient(join(folder, 'missing', 'read-models.db'));
  const session = new SqliteSession(writer);
  const gone = /the thread that writes the read models is gone: .*directory does not exist/;
  await expect(session.begin()).rejects.toThrow(gone);
  await expect(session.begin()).rejects.toThrow(gone);
  await writer.close();
});

it('moves what it has committed into the file by and by', async () => {
  const file = join(folder, 'read-models.db');
  const writer = new WriterClient(file, { walLimits: { flushPages: 5, movePages: 20 } });
  const session = new SqliteSession(writer);
  await session.run(createTable, []);
  for (let batch = 0; batch < 10; batch++) {
    await session.begin();
    const tallies = Array.from({ length: 10 }, (_, at) => ({
      name: `${batch}-${at}`.padEnd(3_500, 'n'),
      events: 1,
    }));
    await session.upsert(tallyTable, 'tallies', tallies);
    await session.commit();
  }
  await session.all('SELECT 1', []);
  const reader = new Database(file);
  const [pages] = reader.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  reader.close();
  expect(pages?.log).toBeLessThan(100);
  await writer.close();
});

it('finishes what it was asked for before it closes, and takes nothing more', async () => {
  const writer = new WriterClient(join(folder, 'read-models.db'));
  const session = new SqliteSession(writer);
  const created = session.run(createTable, []);
  const closed = writer.close();
  await expect(session.begin()).rejects.toThrow('the read models are closed');
  await created;
  await closed;
});

describe('two threads that write through one writer', () => {
  let writer: WriterClient;
  let connection: WriterConnection;
  let [session, other]: SqliteSession[] = [];
  const namesIn = async (asking: SqliteSession | undefined) =>
    (await asking?.all('SELECT name FROM tallies', []))?.map(({ name }) => name);
  const put = (asking: SqliteSession | undefined, name: string) =>
    asking?.upsert(tallyTable, 'tallies', [{ name, events: 1 }]);

  beforeEach(async () => {
    writer = new WriterClient(join(folder, 'read-models.db'));
    connection = new WriterConnection(writer.connect());
    session = new SqliteSession(writer);
    other = new SqliteSession(connection);
    await session.run(createTable, []);
  });
  afterEach(() => writer.close());

  it('have their transactions one after the other', async () => {
    await session?.begin();
    const order: string[] = [];
    const others = [other?.begin(), put(other, 'b'), other?.rollback()].map((asked) =>
      asked?.then(() => void order.push('other')),
    );
    await put(session, 'a');
    expect(await namesIn(session)).toEqual(['a']);
    order.push('own');
    await session?.commit();
    await Promise.all(others);
    expect(order).toEqual(['own', 'other', 'other', 'other']);
    expect(await namesIn(other)).toEqual(['a']);
    await connection.close();
  });

  it('do not wait for a transaction that one of them leaves open when it ends', async () => {
    await other?.begin();
    await put(other, 'lost');
    const waiting = session?.begin();
    await connection.close();
    await waiting;
    expect(await namesIn(session)).toEqual([]);
    await session?.rollback();
  });

  it('are told when the writer is gone', async () => {
    const closing = writer.close();
    await closing;
    await expect(other?.begin()).rejects.toThrow('the thread that writes the read models is gone');
  });
});

it('keeps a process going while it waits for an answer, and no longer', async () => {
  const file = join(folder, 'read-models.db');
  const client = new URL('../../../dist/projections/sqlite/writer-client.js', import.meta.url);
  const program = `import { WriterClient, WriterConnection } from ${JSON.stringify(client.href)};
    const writer = new WriterClient(${JSON.stringify(file)});
    const ask = { kind: 'all', sql: 'SELECT 1 AS one', parameters: [] };
    void writer.ask(ask).then((rows) => console.log(JSON.stringify(rows)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 20_000,
  });
  expect(stdout).toBe('[{"one":1}]\n');
});
