import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startBoxoffice } from '../../src/boxoffice.js';
import { openRevealedLog } from '../../src/cli/open-log.js';
import { dataFiles } from '../../src/engines.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { compareReadModels } from '../../src/projections/compare/compare-read-models.js';
import { CapturedTerminal, cli } from '../cli/captured-terminal.js';
import { HookedStore } from '../commands/crashing-store.js';
import { call, eventually, Fan } from './fan.js';
import { Office } from './office.js';
import { openSmallHall } from './small-hall.js';
import { testEnvironment } from './test-environment.js';

const headers = { authorization: `Bearer ${testEnvironment.ADMIN_KEY}` };
const eraseAs = (office: Office, body: object) =>
  call(office.url, 'POST', '/v1/admin/erasures', { headers, body });

/** Names of the files of an office, whatever they are, that contain a text. */
function filesWith(office: Office, text: string): string[] {
  const isIn = (name: string) => readFileSync(join(office.dataDir, name)).includes(text);
  return readdirSync(office.dataDir).filter(isIn).sort();
}

/** What a rebuild from the log would make of the tables, against the tables as they are. */
async function comparison(office: Office) {
  const log = await openRevealedLog(office.config, new CapturedTerminal());
  try {
    const location = { file: join(office.dataDir, dataFiles.readModels) };
    return await compareReadModels({ store: log.store, location, isDense: true });
  } finally {
    await log.close();
  }
}

const logFiles = ['events.db', 'events.db-wal'];

describe('an erased person', () => {
  let office: Office;
  beforeEach(async () => {
    office = await Office.open();
  });
  afterEach(() => office.close());

  it('is in no file any more, while what they did and everybody else stays', async () => {
    const hall = await openSmallHall(office, { rows: 1, seatsPerRow: 4 });
    const mina = new Fan(office, 'mina-to-be-erased');
    const jun = new Fan(office, 'jun-who-stays');
    for (const fan of [mina, jun]) {
      await fan.arrive();
      await fan.charge(300);
      await fan.queue(hall.performanceId);
    }
    await mina.hold(hall.scheduleId, ['R1-1']);
    const userId = (await mina.call('GET', '/v1/me')).body.userId;
    const inUse = await eraseAs(office, { user: 'mina-to-be-erased' });
    expect(inUse).toMatchObject({ status: 409, body: { code: 'account-in-use', open: ['holds', 'points'] } });
    expect((await mina.pay()).status).toBe(201);
    expect(filesWith(office, 'mina-to-be-erased').filter((file) => logFiles.includes(file))).toEqual([]);
    expect(filesWith(office, 'mina-to-be-erased')).not.toEqual([]);

    const body = { password: 'correct horse', forfeit: true };
    expect((await mina.call('POST', '/v1/me/erase', { body })).status).toBe(204);
    expect((await mina.call('GET', '/v1/me')).status).toBe(404);
    await expect(mina.logIn()).rejects.toThrow('invalid-credentials');
    await eventually(async () => filesWith(office, 'mina-to-be-erased').length === 0);
    expect(filesWith(office, userId)).not.toEqual([]);
    expect((await mina.call('GET', '/v1/orders')).body.items).toMatchObject([{ orderStatus: 'paid' }]);
    expect((await jun.call('GET', '/v1/me')).body.loginId).toBe('jun-who-stays');
    expect((await call(office.url, 'GET', '/v1/admin/audit', { headers })).body.clean).toBe(true);

    await office.stop();
    expect(filesWith(office, 'mina-to-be-erased')).toEqual([]);
    expect(await comparison(office)).toMatchObject({ clean: true, differences: [] });
    const audit = await cli(['audit', 'verify'], { ...testEnvironment, DATA_DIR: office.dataDir });
    expect(audit.code).toBe(0);
  }, 60_000);

  it('is erased by the command line too, with or without a server', async () => {
    const people = ['first-to-go', 'second-to-go'];
    for (const loginId of people) await new Fan(office, loginId).arrive();
    const env = { ...testEnvironment, DATA_DIR: office.dataDir };
    const asked = await cli(['erase-user', 'first-to-go', '--server', office.url], env);
    expect([asked.code, asked.stdout]).toEqual([0, expect.stringContaining('erased:')]);
    const unknown = await cli(['erase-user', 'nobody', '--server', office.url, '--json'], env);
    expect([unknown.code, JSON.parse(unknown.stdout)]).toMatchObject([1, { code: 'user-unknown' }]);
    await office.stop();
    for (let repetition = 0; repetition < 2; repetition++) {
      const alone = await cli(['erase-user', 'second-to-go', '--json'], { ...env, PORT: '1' });
      expect([alone.code, JSON.parse(alone.stdout)]).toMatchObject([0, { kind: 'erased' }]);
    }
    expect(people.flatMap((loginId) => filesWith(office, loginId))).toEqual([]);
  }, 60_000);
});

it('a key that a crash left behind is destroyed by the next start', async () => {
  let isDying = false;
  const office = await Office.open(
    {},
    {
      wrapStore: (store) =>
        new HookedStore(store, {
          after: (_, stream) => {
            if (isDying && stream.startsWith('user-')) throw new StoreUnavailable('the process dies here');
          },
        }),
    },
  );
  try {
    await new Fan(office, 'half-erased').arrive();
    isDying = true;
    expect((await eraseAs(office, { user: 'half-erased' })).status).toBe(503);
    isDying = false;
    await office.restart();
    await eventually(async () => filesWith(office, 'half-erased').length === 0);
    const erasedAgain = await eraseAs(office, { user: 'half-erased' });
    expect(erasedAgain.status).toBe(200);
  } finally {
    await office.close();
  }
}, 60_000);

it('an office with another secret, or without its keys, does not start and says why', async () => {
  const office = await Office.open();
  try {
    await new Fan(office, 'mina').arrive();
    await office.stop();
    const other = startBoxoffice({ ...office.config, SECRET: 'another secret, long enough to be one' });
    await expect(other).rejects.toThrow('another SECRET');
    rmSync(join(office.dataDir, dataFiles.personalKeys));
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(startBoxoffice(office.config)).rejects.toThrow('restore the keys');
    }
    const resigned = await startBoxoffice({ ...office.config, PERSONAL_KEYS_LOST: true });
    await resigned.close();
  } finally {
    await office.close();
  }
}, 60_000);
