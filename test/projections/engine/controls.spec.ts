import type { UserId } from '../../../src/events/ids.js';
import { controlProjections, type ProjectionControl } from '../../../src/projections/engine/checkpoints.js';
import type { ProjectionRunner } from '../../../src/projections/engine/runner.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';
import { eventually } from '../../services/wait-until.js';
import { caughtUp, closeAll, emptyModels, History, id, minute, run } from '../history.js';
import { Story } from '../story.js';
import { createTallies, tallies, tally } from './tally.js';

afterEach(closeAll);

const lookEveryMs = 5;

async function registrations(count: number) {
  const history = new History();
  const story = new Story(history);
  const register = (index: number) => story.register(id<UserId>(`user ${index}`), `user${index}`);
  for (let index = 0; index < count; index++) await register(index);
  const models = await emptyModels();
  await createTallies(models);
  return { history, register, models };
}

function control(models: ReadModels, what: ProjectionControl, ...names: string[]): Promise<void> {
  return models.dialect.withSession(models.write, (session) =>
    controlProjections(session, what, names, minute(0)),
  );
}

const at = (runner: ProjectionRunner, name: string, position: number) =>
  eventually(async () =>
    (await runner.status()).projections.some((one) => one.name === name && one.position >= position),
  );

const parked = (runner: ProjectionRunner, name: string) =>
  eventually(async () =>
    (await runner.status()).projections.some((one) => one.name === name && one.parked !== null),
  );

describe('a paused projection', () => {
  it('stands still, the others go on, and nothing is lost when it is resumed', async () => {
    const { history, register, models } = await registrations(3);
    const options = { projections: [tally('held'), tally('free')], lookEveryMs };
    const runner = run(history, models, options);
    await caughtUp(history, runner);
    await control(models, 'pause', 'held');
    const head = await register(3);
    await at(runner, 'free', head);
    expect(await tallies(models)).toEqual({ free: 4, held: 3 });
    expect(await runner.status()).toMatchObject({ ready: false, projections: [{ isPaused: true }, {}] });
    expect(await runner.waitFor(head, { timeoutMs: 60_000 })).toBe(false);
    await control(models, 'resume', 'held');
    await at(runner, 'held', head);
    expect(await tallies(models)).toEqual({ free: 4, held: 4 });
  });

  it('stays paused when its process starts again', async () => {
    const { history, register, models } = await registrations(1);
    const options = { projections: [tally('held'), tally('free')], lookEveryMs };
    const first = run(history, models, options);
    await caughtUp(history, first);
    await control(models, 'pause', 'held');
    await first.stop();
    const head = await register(1);
    const second = run(history, models, options);
    await at(second, 'free', head);
    expect(await tallies(models)).toEqual({ free: 2, held: 1 });
  });

  it('does not keep a runner of nothing else from being stopped', async () => {
    const { history, models } = await registrations(1);
    const runner = run(history, models, { projections: [tally('held')] });
    await caughtUp(history, runner);
    await control(models, 'pause', 'held');
    await runner.stop();
    const again = run(history, models, { projections: [tally('held')] });
    await eventually(async () => (await again.status()).projections[0]?.isPaused === true);
    await again.stop();
    expect(await again.status()).toMatchObject({ running: false });
  });
});

describe('a parked projection', () => {
  const poison = () => {
    let isBroken = true;
    const check = (loginId: string): void => {
      if (isBroken && loginId === 'user1') throw new Error('cannot be');
    };
    return { check, mend: () => (isBroken = false) };
  };

  it('is reported in the database for every process to see', async () => {
    const { history, models } = await registrations(2);
    const { check } = poison();
    await parked(run(history, models, { projections: [tally('broken', { check })] }), 'broken');
    await eventually(async () => (await reports(models)).length > 0);
    expect(await reports(models)).toMatchObject([
      { error: expect.stringContaining('cannot be'), event: { type: 'UserRegistered', revision: 0 } },
    ]);
  });

  it('goes on when it is told to try again and can', async () => {
    const { history, models } = await registrations(3);
    const { check, mend } = poison();
    const runner = run(history, models, { projections: [tally('broken', { check })], lookEveryMs });
    await eventually(async () => (await reports(models)).length > 0);
    mend();
    await control(models, 'retry', 'broken');
    await at(runner, 'broken', (await history.store.head()) ?? 0);
    expect(await tallies(models)).toEqual({ broken: 3 });
    expect(await reports(models)).toEqual([]);
    expect(await runner.status()).toMatchObject({ ready: true });
  });

  it('is parked again when it still cannot', async () => {
    const { history, models } = await registrations(2);
    let attempts = 0;
    const check = (): void => {
      attempts++;
      throw new Error(`attempt ${attempts}`);
    };
    run(history, models, { projections: [tally('broken', { check })], lookEveryMs });
    await eventually(async () => (await reports(models)).length > 0);
    await control(models, 'retry', 'broken');
    await eventually(async () => JSON.stringify(await reports(models)).includes('attempt 2'));
  });

  it('is tried once more by a process that starts', async () => {
    const { history, models } = await registrations(2);
    const { check, mend } = poison();
    const options = { projections: [tally('broken', { check })] };
    const first = run(history, models, options);
    await eventually(async () => (await reports(models)).length > 0);
    await first.stop();
    mend();
    await caughtUp(history, run(history, models, options));
    expect(await tallies(models)).toEqual({ broken: 2 });
  });
});

async function reports(models: ReadModels): Promise<unknown[]> {
  const rows = await models.read.query<{ parked: string }[]>(
    'SELECT parked FROM projection_checkpoints WHERE parked IS NOT NULL',
  );
  // The driver of a server has parsed it.
  return rows.map(({ parked }) => (typeof parked === 'string' ? JSON.parse(parked) : parked));
}
