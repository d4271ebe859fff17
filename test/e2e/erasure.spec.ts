import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startBoxoffice } from '../../src/app/boxoffice.js';
import { dataFiles } from '../../src/app/engines.js';
import { openRevealedLog } from '../../src/cli/open-log.js';
import type { Config } from '../../src/platform/config.js';
import { compareReadModels } from '../../src/projections/compare/compare-read-models.js';
import { CapturedTerminal, cli } from '../cli/captured-terminal.js';
import { eventually } from '../services/wait-until.js';
import { call, Fan } from './fan.js';
import {
  type AnyOffice,
  modes,
  type OfficeOfOurs,
  openTimeoutMs,
  type ProcessOffice,
  processModes,
} from './modes.js';
import { openSmallHall } from './small-hall.js';
import { placesWith, tamperWithReadModels } from './storage.js';
import { testEnvironment } from './test-environment.js';

const headers = { authorization: `Bearer ${testEnvironment.ADMIN_KEY}` };
const eraseAs = (office: AnyOffice, body: object) =>
  call(office.url, 'POST', '/v1/admin/erasures', { headers, body });

/** What a rebuild from the log would make of the tables, against the tables as they are. */
async function comparison(config: Config) {
  const log = await openRevealedLog(config, new CapturedTerminal());
  try {
    const location =
      config.DATABASE_URL === undefined
        ? { file: join(config.DATA_DIR, dataFiles.readModels) }
        : { url: config.DATABASE_URL };
    return await compareReadModels({ store: log.store, location });
  } finally {
    await log.close();
  }
}

/** Loses the keys of all personal data. */
async function loseKeys(config: Config): Promise<void> {
  if (config.DATABASE_URL === undefined) rmSync(join(config.DATA_DIR, dataFiles.personalKeys));
  else await tamperWithReadModels(config, 'DELETE FROM personal_keys');
}

const places = (office: OfficeOfOurs, text: string) => placesWith(office.config, text);
const logs = ['events.db', 'events.db-wal', 'log'];

describe.each(modes)('an office $mode', ({ open }) => {
  let office: OfficeOfOurs;
  beforeAll(async () => {
    office = await open();
  }, openTimeoutMs);
  afterAll(() => office?.close());

  it('forgets an erased person everywhere, and keeps what they did and everybody else', async () => {
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
    const paid = await mina.pay();
    expect(paid.status).toBe(201);
    const known = await places(office, 'mina-to-be-erased');
    expect(known).not.toEqual([]);
    expect(known.filter((place) => logs.includes(place))).toEqual([]);

    const body = { password: 'correct horse', forfeit: true };
    expect((await mina.call('POST', '/v1/me/erase', { body })).status).toBe(204);
    const refused = await mina.call('GET', '/v1/me');
    expect([refused.status, refused.body.code]).toEqual([401, 'session-ended']);
    await expect(mina.logIn()).rejects.toThrow('invalid-credentials');
    await eventually(async () => (await places(office, 'mina-to-be-erased')).length === 0);
    expect(await places(office, userId)).not.toEqual([]);
    const order = `/v1/orders/${paid.body.orderId}/history`;
    expect((await call(office.url, 'GET', order, { headers })).status).toBe(200);
    expect((await jun.call('GET', '/v1/me')).body.loginId).toBe('jun-who-stays');
    expect((await call(office.url, 'GET', '/v1/admin/audit', { headers })).body.clean).toBe(true);

    await office.stop();
    expect(await places(office, 'mina-to-be-erased')).toEqual([]);
    expect(await comparison(office.config)).toMatchObject({ clean: true, differences: [] });
    const audit = await cli(['audit', 'verify'], { ...office.environment });
    expect(audit.code).toBe(0);
    await office.start();
  });

  it('lets the command line erase people too, with or without a server', async () => {
    const people = ['first-to-go', 'second-to-go'];
    for (const loginId of people) await new Fan(office, loginId).arrive();
    const env = { ...office.environment };
    const asked = await cli(['erase-user', 'first-to-go', '--server', office.url], env);
    expect([asked.code, asked.stdout]).toEqual([0, expect.stringContaining('erased:')]);
    const unknown = await cli(['erase-user', 'nobody', '--server', office.url, '--json'], env);
    expect([unknown.code, JSON.parse(unknown.stdout)]).toMatchObject([1, { code: 'user-unknown' }]);
    await office.stop();
    for (let repetition = 0; repetition < 2; repetition++) {
      const alone = await cli(['erase-user', 'second-to-go', '--json'], { ...env, PORT: '1' });
      expect([alone.code, JSON.parse(alone.stdout)]).toMatchObject([0, { kind: 'erased' }]);
    }
    for (const loginId of people) expect(await places(office, loginId)).toEqual([]);
    await office.start();
  });

  // Last: it takes the keys of everybody.
  it('does not start with another secret, or without its keys, and says why', async () => {
    await new Fan(office, 'mina').arrive();
    await office.stop();
    const other = startBoxoffice({ ...office.config, SECRET: 'another secret, long enough to be one' });
    await expect(other).rejects.toThrow('another SECRET');
    await loseKeys(office.config);
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(startBoxoffice(office.config)).rejects.toThrow('restore the keys');
    }
    const resigned = await startBoxoffice({ ...office.config, PERSONAL_KEYS_LOST: true });
    await resigned.close();
    await office.start();
  });
});

describe.each(processModes)('an office $mode', ({ open }) => {
  it('destroys a key that a crash left behind', async () => {
    const office: ProcessOffice = await open();
    try {
      await new Fan(office, 'half-erased').arrive();
      const doomed = await office.startHalting(['after:UserErased']);
      const request = call(doomed.url, 'POST', '/v1/admin/erasures', {
        headers,
        body: { user: 'half-erased' },
      });
      const isLost = expect(request).rejects.toThrow('fetch failed');
      await doomed.halted(1);
      await doomed.kill();
      await isLost;
      await office.recover();
      await eventually(async () => (await placesWith(office.config, 'half-erased')).length === 0);
      expect((await eraseAs(office, { user: 'half-erased' })).status).toBe(200);
    } finally {
      await office.close();
    }
  });
});
