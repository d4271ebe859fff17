/** ASVS 5.0 V14.2.4 (personal data is removed when it must be), V14.2.8; OWASP API3:2023. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startBoxoffice } from '../../src/app/boxoffice.js';
import type { UserId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { readConfig } from '../../src/platform/config.js';
import { IDEMPOTENCY_RECORDS, type IdempotencyRecords } from '../../src/platform/idempotency-records.js';
import { thisProcess } from '../../src/platform/process-identity.js';
import { createTemporaryFolder, removeAbandonedFolders } from '../../src/platform/temporary-folders.js';
import { usersProjection } from '../../src/projections/account.js';
import { allProjections } from '../../src/projections/all-projections.js';
import { ReportsWithoutNames1797000000501 } from '../../src/projections/migrations/1797000000501-reports-without-names.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { addRebuild, findRebuild } from '../../src/projections/rebuild/rebuild-record.js';
import { Rebuilder } from '../../src/projections/rebuild/rebuilder.js';
import { clearPeople } from '../../src/projections/rebuild/shadow-tables.js';
import { walletsProjection } from '../../src/projections/wallet.js';
import { startApi } from '../api/api-under-test.js';
import { root } from '../deploy/compose-file.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { closeAll, emptyModels, History, id, minute, project, rowsOf } from '../projections/history.js';
import { deaths, dying } from '../projections/rebuild/dying.js';
import { leftOvers, rebuildNow } from '../projections/rebuild/rebuilding.js';
import { Story } from '../projections/story.js';
import { locationOf } from '../projections/test-databases.js';
import { eventually } from '../services/wait-until.js';

const mina = id<UserId>('mina');
const minasName = 'Mina-who-wants-to-be-forgotten';
const people = [usersProjection, walletsProjection];
const muchLater = minute(24 * 60);

afterEach(closeAll);

async function sale() {
  const history = new History();
  const story = new Story(history);
  await story.concert();
  await story.register(mina, minasName);
  await story.register(id<UserId>('jun'), 'Jun');
  return { history, story };
}

/** What the files of the read models hold, with the write-ahead log. */
function bytesOf(models: ReadModels): string {
  const { file = '' } = locationOf(models);
  return ['', '-wal']
    .map((suffix) => `${file}${suffix}`)
    .filter(existsSync)
    .map((path) => readFileSync(path, 'latin1'))
    .join('');
}

const erase = (history: History) =>
  history.add(streams.user(mina), { type: 'UserErased', data: { userId: mina } });

/** Stops a rebuild after it has filled tables with names. */
async function cancelledRebuild(history: History, models: ReadModels): Promise<void> {
  const stop = new AbortController();
  const options = {
    projections: people,
    signal: stop.signal,
    onProgress: ({ phase }: { phase: string }) => {
      if (phase === 'comparing') stop.abort(new Error('cancelled'));
    },
  };
  await expect(rebuildNow(history, models, options)).rejects.toThrow('cancelled');
}

describe('V14.2.4: a rebuild', () => {
  it('keeps no names in its report', async () => {
    const { history } = await sale();
    const models = await project(history);
    await models.write.query(
      `UPDATE users SET name = 'another-name', login_id = 'x' WHERE user_id = '${mina}'`,
    );
    const report = await rebuildNow(history, models, { projections: people, compareOnly: true });
    expect(report.differences).toMatchObject([{ table: 'users', key: { user_id: mina }, kind: 'different' }]);
    expect(report.differences[0]?.cells).toEqual(
      ['login_id', 'name'].map((column) =>
        expect.objectContaining({ column, expected: 'withheld', found: 'withheld' }),
      ),
    );
    const kept = JSON.stringify(await rowsOf(models, 'projection_rebuilds'));
    expect(kept).toContain('withheld');
    for (const name of [minasName, 'another-name']) expect(kept).not.toContain(name);
  });

  it('of an earlier version loses the report that has names', async () => {
    const { history } = await sale();
    const models = await project(history);
    await rebuildNow(history, models, { projections: people, compareOnly: true });
    await models.write.query(`UPDATE projection_rebuilds SET report = '{"name":"${minasName}"}'`);
    const runner = models.write.createQueryRunner();
    await new ReportsWithoutNames1797000000501().up(runner);
    await runner.release();
    expect(await rowsOf(models, 'projection_rebuilds')).toMatchObject([{ report: null }]);
  });

  it('that is cancelled leaves no tables with names, and what it has built of the others', async () => {
    const { history } = await sale();
    const models = await project(history);
    await cancelledRebuild(history, models);
    const left = await leftOvers(models);
    expect(left.filter((name) => name.startsWith('users'))).toEqual([]);
    expect(left.filter((name) => name.startsWith('points'))).not.toEqual([]);
  });

  it('that is cancelled leaves nothing of a person who is erased afterwards in the files', async () => {
    const { history } = await sale();
    const models = await project(history);
    await cancelledRebuild(history, models);
    expect(bytesOf(models)).toContain(minasName);
    await erase(history);
    await project(history, { dataSource: models.write });
    expect(await rowsOf(models, 'users')).toMatchObject([{ name: 'Jun' }]);
    await models.clean();
    expect(bytesOf(models)).not.toContain(minasName);
  });

  it('that ends while a person is erased leaves nothing of them in the files', async () => {
    const { history } = await sale();
    const models = await project(history);
    let isErased = false;
    const onProgress = async ({ phase }: { phase: string }) => {
      if (phase !== 'comparing' || isErased) return;
      isErased = true;
      await erase(history);
    };
    await rebuildNow(history, models, { projections: people, onProgress: (now) => void onProgress(now) });
    expect(await rowsOf(models, 'users')).toMatchObject([{ name: 'Jun' }]);
    expect(bytesOf(models)).not.toContain(minasName);
  });

  it.each(deaths)('that is killed %s leaves no tables with names once its lease is over', async (when) => {
    const { history } = await sale();
    const models = await project(history);
    const killed = { models: dying(models, when), location: locationOf(models), projections: people };
    await expect(rebuildNow(history, models, killed)).rejects.toThrow('killed');
    expect((await leftOvers(models)).filter((name) => name.startsWith('users'))).not.toEqual([]);
    const rebuilder = new Rebuilder({
      store: history.store,
      models,
      location: locationOf(models),
      projections: allProjections,
      clock: { now: () => muchLater, nowMs: () => Date.parse(muchLater) },
      log: { info: () => undefined, warn: () => undefined },
      lookEveryMs: 5,
    });
    rebuilder.start();
    await eventually(async () => !(await leftOvers(models)).some((name) => name.startsWith('users')));
    await rebuilder.stop();
    const { differenceCount } = await rebuildNow(
      history,
      models,
      { projections: people, compareOnly: true },
      muchLater,
    );
    expect(differenceCount).toBe(0);
  });

  it('is not cleared away after another one has begun', async () => {
    const models = await emptyModels();
    const inSession = models.dialect.withSession.bind(models.dialect, models.write);
    await inSession((session) => session.run('CREATE TABLE users__next (name TEXT)', []));
    const request = { names: ['users'], compareOnly: false, restart: false };
    const ended = { rebuildId: randomUUID(), status: 'failed' } as const;
    const running = { rebuildId: randomUUID(), status: 'running', request } as const;
    await inSession((session) => addRebuild(session, running, minute(0)));
    expect(await clearPeople(models, allProjections, ended, minute(0))).toBe(false);
    expect(await leftOvers(models)).toContain('users__next');
    expect(await inSession(findRebuild)).toMatchObject({ rebuildId: running.rebuildId, status: 'running' });
    await inSession((session) => session.run('DROP TABLE users__next', []));
  });
});

describe('V14.2.4: the record of a request', () => {
  it('has no payment method, and none that could be found by trying', async () => {
    const api = await startApi();
    const records = api.app.get<IdempotencyRecords>(IDEMPOTENCY_RECORDS, { strict: false });
    const begin = jest.spyOn(records, 'begin');
    const complete = jest.spyOn(records, 'complete');
    for (const key of ['key-1', 'key-2']) {
      await api.app.inject({
        method: 'POST',
        url: '/v1/wallet/charges',
        headers: { ...api.fanHeaders(), 'idempotency-key': key },
        payload: { amount: 500, paymentMethod: 'card-of-mina' },
      });
    }
    await api.app.close();
    expect(begin).toHaveBeenCalledTimes(2);
    expect(JSON.stringify([...begin.mock.calls, ...complete.mock.calls])).not.toContain('card-of-mina');
    const digests = begin.mock.calls.map(([, digest]) => digest);
    // Equal requests have different digests: without the key, which is not recorded, no guess can be checked.
    expect(new Set(digests).size).toBe(2);
  });
});

describe('V14.2.4: temporary folders', () => {
  const { pid, startTicks } = thisProcess();
  const made: string[] = [];
  const folderNamed = (name: string) => {
    const path = join(tmpdir(), name);
    mkdirSync(path);
    made.push(path);
    return path;
  };
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
  });
  const dead = 2 ** 22 + 1;

  it('of dead processes are removed, and nothing else', async () => {
    const own = await createTemporaryFolder('fold');
    made.push(own);
    const abandoned = [
      folderNamed(`boxoffice-fold-${dead}-${startTicks}-abcdef`),
      folderNamed(`boxoffice-demo-${dead}-${startTicks}-ABC123`),
      folderNamed(`boxoffice-fold-${pid}-1-abcdef`),
    ];
    const link = join(tmpdir(), `boxoffice-fold-${dead}-1-zyxwvu`);
    const others = [
      folderNamed(`boxoffice-other-${dead}-1-abcdef`),
      folderNamed(`boxoffice-fold-${dead}-1-abcdef.backup`),
      folderNamed(`mine-boxoffice-fold-${dead}-1-abcdef`),
    ];
    symlinkSync(others[0] ?? '', link);
    made.push(link);
    await removeAbandonedFolders();
    expect(abandoned.filter(existsSync)).toEqual([]);
    expect([own, link, ...others].filter((path) => !existsSync(path))).toEqual([]);
  });

  it('of a killed audit are removed by the next one, and by the next start of a server', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'boxoffice-killed-'));
    made.push(folder);
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const env = {
      ...testEnvironment,
      DATA_DIR: join(folder, 'data'),
      TMPDIR: temporary,
      PATH: process.env.PATH ?? '',
    };
    await (await startBoxoffice(readConfig(env))).close();
    const module = join(root, 'dist/platform/temporary-folders.js');
    const kill = `import { createTemporaryFolder } from ${JSON.stringify(module)};
      console.log(await createTemporaryFolder('fold'));
      process.kill(process.pid, 'SIGKILL');`;
    const node = (...args: string[]) => spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    const killed = node('--input-type=module', '-e', kill);
    expect(killed.signal).toBe('SIGKILL');
    expect(readdirSync(temporary)).toEqual([basename(killed.stdout.trim())]);
    const audit = node(join(root, 'bin/boxoffice.mjs'), 'audit', 'verify', '--json');
    expect([audit.status, audit.stderr]).toEqual([0, '']);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
