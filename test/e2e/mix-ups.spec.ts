import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRevealedLog } from '../../src/cli/open-log.js';
import { runServer } from '../../src/cli/start.js';
import { processTerminal } from '../../src/cli/terminal.js';
import { dataFiles } from '../../src/engines.js';
import type { Config } from '../../src/platform/config.js';
import { compareReadModels } from '../../src/projections/compare/compare-read-models.js';
import { CapturedTerminal, cli } from '../cli/captured-terminal.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import { ClusterOffice } from './cluster-office.js';
import { call, eventually, Fan } from './fan.js';
import { expectRowsOfLog } from './faults/rows-of-log.js';
import { openTimeoutMs } from './modes.js';
import { Office } from './office.js';
import { openSmallHall } from './small-hall.js';
import { tamperWithReadModels } from './storage.js';

/** Starts a server that must refuse. @returns its exit code and what it says. */
async function refusedStart(env: Readonly<Record<string, string>>) {
  const terminal = new CapturedTerminal();
  const code = await runServer(env, terminal);
  return { code, says: terminal.stderr };
}

/** As many events each time, so that logs of several runs are of equal length. */
async function doBusiness(office: Office | ClusterOffice, id: string): Promise<Fan> {
  await openSmallHall(office, { id, rows: 1, seatsPerRow: 2 });
  const fan = await new Fan(office).arrive();
  await fan.charge(500);
  return fan;
}

const balanceOf = async (fan: Fan) => (await fan.call('GET', '/v1/wallet')).body.balance;

describe('an office on embedded engines that starts with a log its tables were not made from', () => {
  let office: Office;
  let before: Fan;
  let after: Fan;
  const file = (name: keyof typeof dataFiles) => join(office.dataDir, dataFiles[name]);

  beforeEach(async () => {
    office = await Office.open();
    before = await doBusiness(office, 'before');
    await office.stop();
    copyFileSync(file('log'), `${file('log')}.backup`);
    await office.start();
    after = await doBusiness(office, 'after');
    await office.stop();
  });
  afterEach(async () => {
    await office.stop();
    await office.close();
  });

  const expectTablesOfLog = async (config: Config) => {
    const log = await openRevealedLog(config, processTerminal);
    try {
      const location = { file: join(config.DATA_DIR, dataFiles.readModels) };
      expect(await compareReadModels({ store: log.store, location })).toMatchObject({ clean: true });
    } finally {
      await log.close();
    }
  };

  it('an older backup: builds the tables again and sells on', async () => {
    copyFileSync(`${file('log')}.backup`, file('log'));
    await office.start();
    expect(await before.logIn().then(balanceOf)).toBe(500);
    const login = { loginId: after.loginId, password: 'correct horse' };
    expect((await call(office.url, 'POST', '/v1/auth/login', { body: login })).status).toBe(401);
    await doBusiness(office, 'later');
    await expectTablesOfLog(office.config);
  });

  it('another log of equal length: builds the tables again', async () => {
    const other = await Office.open();
    await doBusiness(other, 'before');
    const theirs = await doBusiness(other, 'after');
    await other.stop();
    for (const name of ['log', 'personalKeys'] as const)
      copyFileSync(join(other.dataDir, dataFiles[name]), file(name));
    await office.start();
    const login = { loginId: theirs.loginId, password: 'correct horse' };
    expect((await call(office.url, 'POST', '/v1/auth/login', { body: login })).status).toBe(200);
    await expectTablesOfLog(office.config);
    await other.close();
  });

  it('an empty log: does not open, imports nothing, and begins anew only when told to', async () => {
    rmSync(file('log'));
    const env = { ...office.environment, SAMPLE_CATALOG: 'true' };
    const { code, says } = await refusedStart(env);
    expect(code).toBe(3);
    expect(says).toMatch(
      /^boxoffice cannot start: The log is empty, but read model \w+ was made from events up to position \d+, written .*: bring back .* run "boxoffice rebuild --all" .*\.\n$/,
    );
    expect((await cli(['audit', 'verify', '--skip-read-models', '--json'], env)).stdout).toContain(
      '"events": 0',
    );
    expect(await refusedStart(env)).toEqual({ code, says });
    expect((await cli(['rebuild', '--all'], env)).code).toBe(0);
    await office.start();
    expect((await call(office.url, 'GET', '/v1/performances')).body.items).toEqual([]);
    await doBusiness(office, 'anew');
    await expectTablesOfLog(office.config);
  });

  it('tables at a position that is none: builds them again', async () => {
    await tamperWithReadModels(
      office.config,
      'UPDATE projection_checkpoints SET position = 18446744073709552000, made_from = NULL; DELETE FROM points',
    );
    await office.start();
    expect(await after.logIn().then(balanceOf)).toBe(500);
    await expectTablesOfLog(office.config);
  });

  it('its own log and no tables at all: makes them, as ever', async () => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(file('readModels') + suffix, { force: true });
    await office.start();
    expect(await after.logIn().then(balanceOf)).toBe(500);
  });
});

describe('an office of several processes on EventStoreDB', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-mix-ups-'));
  const eventStoreFile = join(folder, 'events');
  const older = join(folder, 'older');
  let office: ClusterOffice;
  let before: Fan;

  beforeAll(async () => {
    office = await ClusterOffice.open({}, { eventStoreFile });
    before = await doBusiness(office, 'before');
    copyFileSync(eventStoreFile, older);
    expect((await before.charge(100, 'after the backup')).status).toBe(201);
    await doBusiness(office, 'after');
  }, openTimeoutMs);
  afterAll(async () => {
    await office?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The same events, written on another day under other ids. */
  const anotherLog = () => {
    const lines = readFileSync(eventStoreFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return `${lines.map(another).join('\n')}\n`;
  };
  const content: Record<string, () => string> = {
    'an older backup of it': () => readFileSync(older, 'utf8'),
    'an empty one': () => '',
    'another one of equal length': anotherLog,
  };
  const says: Record<string, RegExp> = {
    'an older backup of it':
      /^The log ends at position \d+, but read model \w+ was made from events up to position \d+, written /,
    'an empty one': /^The log is empty, but read model \w+ was made from events up to position \d+, written /,
    'another one of equal length':
      /^The log is not the one that read model \w+ was made from \(.*\), since its first event, .*, is another: /,
  };
  const roles = ['api', 'projector', 'worker'] as const;
  const health = (role: (typeof roles)[number], path: string) => call(office.urlOf(role), 'GET', path);

  async function replaceLog(text: string): Promise<void> {
    await office.eventStore.kill();
    writeFileSync(eventStoreFile, text);
    await office.eventStore.start();
  }

  it.each(Object.keys(content))(
    '%s takes the place of its log while it runs: it stops, and does not start',
    async (which) => {
      const mine = readFileSync(eventStoreFile, 'utf8');
      const theirs = content[which]?.() ?? '';
      await replaceLog(theirs);
      for (const role of roles) {
        await eventually(async () => (await health(role, '/health/live')).status === 503);
        const { status, body } = await health(role, '/health/ready');
        expect({ role, status }).toEqual({ role, status: 503 });
        expect(body.checks).toMatchObject([{ name: 'log', ok: false }]);
        expect(body.checks[0].detail).toMatch(
          /^The log is not the one this process has worked with, since event .* is (not there|another one): bring back .*\.$/,
        );
      }
      const refusal = { status: 503, body: { code: 'log-mismatch' } };
      expect(await call(office.url, 'GET', '/v1/performances')).toMatchObject(refusal);
      expect(await before.charge(100)).toMatchObject(refusal);
      await office.stop();
      for (const ROLE of roles) {
        const start = await refusedStart({ ...office.environment, ROLE, SAMPLE_CATALOG: 'true' });
        expect({ ROLE, code: start.code }).toEqual({ ROLE, code: 3 });
        expect(start.says.replace('boxoffice cannot start: ', '')).toMatch(says[which] ?? /^$/);
      }
      // Nothing was written into it, but by the server itself.
      expect(readFileSync(eventStoreFile, 'utf8').startsWith(theirs)).toBe(true);
      expect(lines(eventStoreFile).filter((line) => !line.includes('"stream":"$'))).toEqual(
        theirs.split('\n').filter((line) => line !== '' && !line.includes('"stream":"$')),
      );
      // The log that the tables were made from is brought back.
      await replaceLog(mine);
      await office.start();
      expect(await before.logIn().then(balanceOf)).toBe(600);
      await expectRowsOfLog(office);
    },
    240_000,
  );

  it('goes on with an older backup once its tables were built again', async () => {
    const mine = readFileSync(eventStoreFile, 'utf8');
    await office.stop();
    await replaceLog(readFileSync(older, 'utf8'));
    const { code, stdout } = await cli(['rebuild', '--all'], office.environment);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    await office.start();
    expect(await before.logIn().then(balanceOf)).toBe(500);
    // Redis remembers a reply, and the payment system a payment, that this log does not know.
    const bought = await office.pointsBought();
    const again = await before.charge(100, 'after the backup');
    expect({ status: again.status, replayed: again.headers.get('idempotency-replayed') }).toEqual({
      status: 201,
      replayed: null,
    });
    expect(await balanceOf(before)).toBe(600);
    expect(await office.pointsBought()).toBe(bought);
    await doBusiness(office, 'later');
    await expectRowsOfLog(office);
    await office.stop();
    // For the next test, the other way round.
    await replaceLog(mine);
    expect((await cli(['rebuild', '--all'], office.environment)).code).toBe(0);
    await office.start();
    await expectRowsOfLog(office);
  }, 240_000);

  it('does not start on a server of another name that holds another log', async () => {
    const other = await new ChildServer().start();
    const env = { ...office.environment, EVENTSTORE_URL: other.connectionString, ROLE: 'api' };
    const { code, says: sentence } = await refusedStart(env);
    expect(code).toBe(3);
    expect(sentence).toContain('The log is empty');
    await other.kill();
  });

  it('builds tables again that stand at a position that is none', async () => {
    await office.stop();
    await tamperWithReadModels(
      office.config,
      "UPDATE projection_checkpoints SET position = 9223372036854775807, made_from = NULL WHERE name <> 'users'",
    );
    await office.start();
    expect(await before.logIn().then(balanceOf)).toBe(600);
    await expectRowsOfLog(office);
  }, 240_000);
});

function lines(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** A line of the protocol server's log, as another office would have written it. */
function another(line: string): string {
  const write = JSON.parse(line);
  for (const event of write.events) {
    const metadata = Buffer.from(event.metadata, 'base64').toString();
    const renamed = metadata.replace(
      /("eventId":")(.)/,
      (_, start, digit) => start + (digit === '0' ? '1' : '0'),
    );
    event.metadata = Buffer.from(renamed).toString('base64');
  }
  return JSON.stringify({ ...write, createdMs: write.createdMs + 86_400_000 });
}
