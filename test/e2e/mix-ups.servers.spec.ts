import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli } from '../cli/captured-terminal.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import { eventually } from '../services/wait-until.js';
import { ClusterOffice } from './cluster-office.js';
import { call, type Fan } from './fan.js';
import { expectRowsOfLog } from './faults/rows-of-log.js';
import { balanceOf, doBusiness, refusedStart } from './mixed-up.js';
import { openTimeoutMs } from './modes.js';
import { tamperWithReadModels } from './storage.js';

describe('an office of several processes on EventStoreDB', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-mix-ups-'));
  const eventStoreFile = join(folder, 'log');
  const older = join(folder, 'older');
  let office: ClusterOffice<ChildServer>;
  let before: Fan;

  beforeAll(async () => {
    office = await ClusterOffice.openFaulty({}, { eventStoreFolder: folder });
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
  async function replaceLog(text: string): Promise<void> {
    await office.eventStore.kill();
    writeFileSync(eventStoreFile, text);
    await office.eventStore.start();
  }

  it.each(Object.keys(content))(
    'refuses requests, and does not start again, when its log is replaced by %s while it runs',
    async (which) => {
      const mine = readFileSync(eventStoreFile, 'utf8');
      const theirs = content[which]?.() ?? '';
      await replaceLog(theirs);
      for (const url of office.urls) {
        await eventually(async () => (await call(url, 'GET', '/health/live')).status === 503);
        const { status, body } = await call(url, 'GET', '/health/ready');
        expect(status).toBe(503);
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
      expect(await before.forgetPosition().logIn().then(balanceOf)).toBe(600);
      await expectRowsOfLog(office);
    },
  );

  it('works with an older backup after its tables were rebuilt', async () => {
    const mine = readFileSync(eventStoreFile, 'utf8');
    await office.stop();
    await replaceLog(readFileSync(older, 'utf8'));
    const { code, stdout } = await cli(['rebuild', '--all'], office.environment);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    await office.start();
    expect(await before.forgetPosition().logIn().then(balanceOf)).toBe(500);
    // Redis has a reply, and the payment system a payment, that are not in this log.
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
  });

  it('does not start on a server of another name that holds another log', async () => {
    const other = await new ChildServer().start();
    const env = { ...office.environment, EVENTSTORE_URL: other.connectionString, ROLE: 'api' };
    const { code, says: sentence } = await refusedStart(env);
    await other.kill();
    expect(code).toBe(3);
    expect(sentence).toContain('The log is empty');
  });

  it('rebuilds tables at an invalid position', async () => {
    await office.stop();
    await tamperWithReadModels(
      office.config,
      "UPDATE projection_checkpoints SET position = 9223372036854775807, made_from = NULL WHERE name <> 'users'",
    );
    await office.start();
    expect(await before.forgetPosition().logIn().then(balanceOf)).toBe(600);
    await expectRowsOfLog(office);
  });
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
