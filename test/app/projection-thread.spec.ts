import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import threads from 'node:worker_threads';
import { pino } from 'pino';
import { openEngines, projectionOrder } from '../../src/app/engines.js';
import { projectionOperations, projectionRebuilds } from '../../src/app/operations.js';
import { ProjectionThread } from '../../src/app/projection-thread-client.js';
import type { UserId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { sealingStore } from '../../src/personal-data/store-views.js';
import { systemClock } from '../../src/platform/clock.js';
import { readConfig } from '../../src/platform/config.js';
import { resolveSecrets } from '../../src/platform/secrets.js';
import { BatchPipeline } from '../../src/projections/engine/batch-pipeline.js';
import { selectAll } from '../../src/queries/database.js';
import { ManualClock } from '../commands/manual-clock.js';
import { Fan } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';
import { testEnvironment } from '../e2e/test-environment.js';
import { newUserId, registered } from '../personal-data/new-user.js';
import { eventually } from '../services/wait-until.js';

/** Longer than a test may take: a wait that ends before has ended for another reason. */
const timeoutMs = 600_000;

/** The engines of an embedded office, and the thread that projects their log. */
async function openThread() {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-thread-'));
  const config = readConfig({ ...testEnvironment, DATA_DIR: folder, LOG_LEVEL: 'info' });
  const lines: { level: number; msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const secrets = resolveSecrets(config);
  const engines = await openEngines(config, secrets, log);
  const lost: string[] = [];
  const { Worker } = threads;
  let worker: threads.Worker | undefined;
  const starting = jest.spyOn(threads, 'Worker').mockImplementation((program, options) => {
    worker = new Worker(program, options);
    return worker;
  });
  const thread = await ProjectionThread.start(projectionOrder(config, secrets, engines), {
    growth: engines.growth,
    log,
    onMisfit: (misfit) => engines.fit.found(misfit),
    onLost: (reason) => void lost.push(reason),
  });
  starting.mockRestore();
  const store = sealingStore(engines.store, engines.personalKeys);
  const { readModels } = engines;
  return {
    engines,
    thread,
    lines,
    lost,
    operations: projectionOperations({ store, readModels, clock: systemClock, projector: thread }),
    rebuilds: projectionRebuilds({ readModels, clock: systemClock }),
    terminate: () => worker?.terminate(),
    /** Appends the registration of a fan. @returns its position. */
    async register(loginId: string, userId: UserId = newUserId()) {
      const { position } = await store.append(streams.user(userId), 'none', [
        registered(userId, { loginId }),
      ]);
      return position;
    },
    loginIds: async () => {
      const rows = await selectAll<{ login_id: string }>(
        readModels.read,
        'SELECT login_id FROM users ORDER BY 1',
      );
      return rows.map(({ login_id }) => login_id);
    },
    /** Names of files that contain a text. */
    filesWith: (text: string) =>
      readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text)),
    async close() {
      await thread.stop();
      await engines.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe('the thread that projects', () => {
  let office: Awaited<ReturnType<typeof openThread>>;
  beforeEach(async () => {
    office = await openThread();
  });
  afterEach(() => office.close());

  it('applies what is appended, whether or not somebody waits for it', async () => {
    const { thread, register, loginIds, operations } = office;
    expect(await thread.waitFor(await register('first'), { timeoutMs })).toBe(true);
    expect(await loginIds()).toEqual(['first']);
    let last = 0;
    for (const name of ['second', 'third', 'fourth']) last = await register(name);
    await eventually(() => thread.position === last);
    expect(await loginIds()).toEqual(['first', 'fourth', 'second', 'third']);
    expect((await operations.eventsApplied()).get('users')).toBe(4);
  });

  it('lets readers wait for a position that comes later', async () => {
    const { thread, register } = office;
    const first = await register('first');
    const waiting = thread.waitFor(first + 1, { timeoutMs });
    await thread.waitFor(first, { timeoutMs });
    await register('second');
    expect(await waiting).toBe(true);
    expect(await thread.waitFor(first + 2, { timeoutMs: 1 })).toBe(false);
  });

  it('does not keep readers waiting while a projection is paused, and goes on when it is resumed', async () => {
    const { thread, register, loginIds, operations, lines } = office;
    await thread.waitFor(await register('first'), { timeoutMs });
    await operations.control('pause', 'users');
    const second = await register('second');
    expect(await thread.waitFor(second, { timeoutMs })).toBe(false);
    expect(thread.state).toMatchObject({ isStuck: true, running: true });
    expect(await thread.waitFor(second, { timeoutMs })).toBe(false);
    expect(lines).toEqual([
      expect.objectContaining({ level: 50, msg: 'users is paused', projection: 'users' }),
    ]);
    await operations.control('resume', undefined);
    await eventually(() => thread.position === second);
    expect(await loginIds()).toEqual(['first', 'second']);
  });

  it('cannot read what belongs to an erased fan, whose key it has used before', async () => {
    const { thread, engines, register, loginIds, operations, rebuilds, filesWith } = office;
    const [mina, jun] = [newUserId(), newUserId()];
    await thread.waitFor(await register('mina-before', mina), { timeoutMs });
    expect(await loginIds()).toEqual(['mina-before']);
    await operations.control('pause', 'users');
    await thread.waitFor(await register('jun-unread', jun), { timeoutMs });
    for (const userId of [mina, jun]) await engines.personalKeys.destroy(userId);
    await operations.control('resume', undefined);
    await eventually(async () => (await loginIds()).length === 2);
    expect(await loginIds()).toEqual(['erased', 'mina-before']);
    expect(filesWith('jun-unread')).toEqual([]);
    // Nothing is remembered of the key that was used.
    await rebuilds.request({ names: ['users'], compareOnly: false, restart: false });
    await eventually(async () => (await rebuilds.find('current'))?.status === 'completed');
    expect(await loginIds()).toEqual(['erased', 'erased']);
    await register('later');
    await eventually(async () => (await loginIds()).includes('later'));
  });

  it('says when the tables turn out to be those of another log', async () => {
    const { thread, engines, register, operations } = office;
    const { dialect, write } = engines.readModels;
    await thread.waitFor(await register('first'), { timeoutMs });
    const madeFrom = JSON.stringify({ log: 'another', last: null });
    await dialect.withSession(write, (session) =>
      session.run('UPDATE projection_checkpoints SET made_from = ?', [madeFrom]),
    );
    await operations.control('pause', undefined);
    const second = await register('second');
    expect(await thread.waitFor(second, { timeoutMs })).toBe(false);
    expect(engines.fit.refusal).toMatch(/^The log is not the one that read model \w+ was made from/);
    expect(thread.state.lastError).toBe(engines.fit.refusal);
  });

  it('gives up those who wait when it is told to stop', async () => {
    const { thread, register, lost } = office;
    const waiting = thread.waitFor((await register('first')) + 1, { timeoutMs });
    await thread.stop();
    expect(await waiting).toBe(false);
    expect(thread.state.running).toBe(false);
    expect(await thread.waitFor(1_000, { timeoutMs })).toBe(false);
    expect(lost).toEqual([]);
  });

  it('tells of its own end, and gives up those who wait', async () => {
    const { thread, register, lost, terminate, operations } = office;
    const waiting = thread.waitFor((await register('first')) + 1, { timeoutMs });
    await terminate();
    expect(await waiting).toBe(false);
    expect(lost).toEqual(['the thread that projects the log is gone: it stopped']);
    expect(thread.state.running).toBe(false);
    expect(await thread.waitFor(1_000, { timeoutMs })).toBe(false);
    // What it was writing does not stand in the way of others.
    expect(await operations.control('pause', 'users')).toBe(true);
  });
});

it('a thread that cannot open the log fails the start with the reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-thread-'));
  const config = readConfig({ ...testEnvironment, DATA_DIR: folder });
  const secrets = resolveSecrets(config);
  const log = pino({ level: 'silent' });
  const engines = await openEngines(config, secrets, log);
  try {
    const order = projectionOrder(config, secrets, engines);
    const missing = { ...order, log: { file: join(folder, 'missing.db') } };
    const parts = { growth: engines.growth, log, onMisfit: jest.fn(), onLost: jest.fn() };
    await expect(ProjectionThread.start(missing, parts)).rejects.toThrow('there is no event log');
    expect(parts.onLost).not.toHaveBeenCalled();
  } finally {
    await engines.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('the thread that serves requests', () => {
  const folds = jest.spyOn(BatchPipeline.prototype, 'apply');
  beforeEach(() => folds.mockClear());
  afterAll(() => folds.mockRestore());

  const registeredIn = async (office: Office) => {
    const fan = await new Fan(office, 'mina').arrive();
    await fan.charge(100);
    return { loginId: (await fan.call('GET', '/v1/me')).body.loginId, balance: await fan.balance() };
  };

  it.each([
    ['folds no event for tables', {}, 0],
    [
      'folds them itself when a test has set its clock',
      { clock: new ManualClock(new Date().toISOString()) },
      1,
    ],
  ])('%s', async (_, options, atLeast) => {
    const office = await Office.open({}, options);
    try {
      expect(await registeredIn(office)).toEqual({ loginId: 'mina', balance: 100 });
      expect(folds.mock.calls.length).toBeGreaterThanOrEqual(atLeast);
      if (atLeast === 0) expect(folds).not.toHaveBeenCalled();
    } finally {
      await office.close();
    }
  });
});
