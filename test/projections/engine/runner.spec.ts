import type { EventStore } from '../../../src/event-store/port.js';
import type { UserId } from '../../../src/events/ids.js';
import { DatabaseFailure } from '../../../src/projections/engine/dialect.js';
import { caughtUp, closeAll, emptyModels, History, id, openAgain, run } from '../history.js';
import { Story } from '../story.js';
import { beforeCommit } from './before-commit.js';
import { createTallies, tallies, tally } from './tally.js';

afterEach(closeAll);

async function registrations(count: number) {
  const history = new History();
  const story = new Story(history);
  const register = (index: number) => story.register(id<UserId>(`user ${index}`), `user${index}`);
  for (let index = 0; index < count; index++) await register(index);
  const models = await emptyModels();
  await createTallies(models);
  return { history, register, models };
}

it('applies every event once, whatever the batches', async () => {
  const { history, register, models } = await registrations(10);
  const runner = run(history, models, { projections: [tally('t')], batchSize: 3 });
  await caughtUp(history, runner);
  await register(10);
  await caughtUp(history, runner);
  expect(await tallies(models)).toEqual({ t: 11 });
});

it('goes on after the checkpoint when started again', async () => {
  const { history, register, models } = await registrations(5);
  const first = run(history, models, { projections: [tally('t')], batchSize: 2 });
  await caughtUp(history, first);
  await first.stop();
  await register(5);
  await caughtUp(history, run(history, models, { projections: [tally('t')] }));
  expect(await tallies(models)).toEqual({ t: 6 });
});

it('is ready when started again with nothing new in the log', async () => {
  const { history, models } = await registrations(2);
  const first = run(history, models, { projections: [tally('t')] });
  await caughtUp(history, first);
  await first.stop();
  const second = run(history, models, { projections: [tally('t')] });
  expect(await second.waitFor(first.position, { timeoutMs: 5_000 })).toBe(true);
  expect(await second.status()).toMatchObject({ ready: true, position: first.position });
});

it('leaves nothing of a batch whose commit fails, and applies it once when it succeeds', async () => {
  const { history, models } = await registrations(5);
  let failures = 3;
  const dialect = beforeCommit(models, async () => {
    if (failures-- > 0) throw new DatabaseFailure('power cut');
  });
  const errors: string[] = [];
  const logger = { error: (_details: object, message: string) => errors.push(message) };
  const runner = run(history, models, { projections: [tally('t')], batchSize: 2, dialect, logger });
  await caughtUp(history, runner);
  expect(errors).toEqual(['projections wait to try again']);
  expect(await tallies(models)).toEqual({ t: 5 });
  expect(await runner.status()).toMatchObject({ lastError: null, ready: true });
});

it('follows the log again after the store failed', async () => {
  const { history, models } = await registrations(3);
  let failures = 1;
  const store: EventStore = Object.assign(Object.create(history.store), {
    subscribe(...args: Parameters<EventStore['subscribe']>) {
      if (failures-- > 0) throw new Error('store away');
      return history.store.subscribe(...args);
    },
  });
  await caughtUp(history, run(history, models, { projections: [tally('t')], store }));
  expect(await tallies(models)).toEqual({ t: 3 });
});

it('never applies an event twice with two runners on one connection, nor mixes their transactions', async () => {
  const { history, models } = await registrations(40);
  const errors: unknown[] = [];
  const logger = { error: (details: object) => errors.push(details) };
  const options = { projections: [tally('t')], batchSize: 3, logger };
  const runners = [run(history, models, options), run(history, models, options)];
  for (const runner of runners) await caughtUp(history, runner);
  expect(await tallies(models)).toEqual({ t: 40 });
  expect(errors).toEqual([]);
});

it('never applies an event twice with two processes on one database', async () => {
  const { history, models } = await registrations(40);
  const others = await openAgain(models);
  const options = { projections: [tally('t')], batchSize: 3 };
  const mine = run(history, models, options);
  const theirs = run(history, models, { ...options, dataSource: others.write });
  await caughtUp(history, mine);
  await caughtUp(history, theirs);
  expect(await tallies(models)).toEqual({ t: 40 });
  await theirs.stop();
  await others.close();
});

it('lets a new projection catch up alone', async () => {
  const { history, register, models } = await registrations(5);
  const first = run(history, models, { projections: [tally('old')] });
  await caughtUp(history, first);
  await first.stop();
  for (const index of [5, 6]) await register(index);
  // The second batch holds events the old projection has seen and events it has not.
  await caughtUp(history, run(history, models, { projections: [tally('old'), tally('new')], batchSize: 4 }));
  expect(await tallies(models)).toEqual({ new: 7, old: 7 });
});

it('parks a projection at the event it cannot apply, and lets the others go on', async () => {
  const { history, register, models } = await registrations(4);
  const refuse = (loginId: string): void => {
    if (loginId === 'user2') throw new Error('cannot be');
  };
  const projections = [tally('broken', { check: refuse }), tally('sound')];
  const runner = run(history, models, { projections });
  const head = await register(4);
  expect(await runner.waitFor(head, { timeoutMs: 5_000 })).toBe(false);
  await caughtUpAlone(runner, 'sound', head);
  // Nothing of the refused batch is there, not even what came before the event.
  expect(await tallies(models)).toEqual({ sound: 5 });
  const { ready, projections: status } = await runner.status();
  expect(ready).toBe(false);
  expect(status).toMatchObject([
    {
      name: 'broken',
      parked: { error: expect.stringContaining('cannot be'), event: { type: 'UserRegistered', revision: 0 } },
    },
    { name: 'sound', parked: null },
  ]);
});

it('parks a projection whose rows the database refuses, and lets the others go on', async () => {
  const { history, models } = await registrations(4);
  const projections = [tally('broken', { count: () => null as unknown as number }), tally('sound')];
  const runner = run(history, models, { projections });
  await caughtUpAlone(runner, 'sound', (await history.store.head()) ?? 0);
  expect(await tallies(models)).toEqual({ sound: 4 });
  expect((await runner.status()).projections).toMatchObject([
    { name: 'broken', parked: { error: expect.stringContaining('store its rows'), event: null } },
    { name: 'sound', parked: null },
  ]);
});

it('parks a projection whose tables another version built', async () => {
  const { history, models } = await registrations(2);
  const first = run(history, models, { projections: [tally('t')] });
  await caughtUp(history, first);
  await first.stop();
  const head = (await history.store.head()) ?? 0;
  const runner = run(history, models, { projections: [tally('t', { version: 2 }), tally('u')] });
  await caughtUpAlone(runner, 'u', head);
  expect((await runner.status()).projections).toMatchObject([
    { name: 't', parked: { error: expect.stringContaining('version 1'), event: null } },
    { name: 'u', parked: null },
  ]);
});

it('can be stopped when every projection is parked', async () => {
  const { history, models } = await registrations(1);
  const check = (): void => {
    throw new Error('cannot be');
  };
  const runner = run(history, models, { projections: [tally('broken', { check })] });
  await runner.waitFor((await history.store.head()) ?? 0, { timeoutMs: 5_000 });
  await runner.stop();
  expect(await runner.status()).toMatchObject({ running: false });
});

it('works on tables under another name with a checkpoint of their own', async () => {
  const { history, models } = await registrations(3);
  await createTallies(models, '_next');
  await caughtUp(history, run(history, models, { projections: [tally('t')] }));
  await caughtUp(history, run(history, models, { projections: [tally('t')], suffix: '_next' }));
  expect(await tallies(models)).toEqual({ t: 3 });
  expect(await tallies(models, '_next')).toEqual({ t: 3 });
});

describe('waiting for a position', () => {
  it('ends when the position is applied', async () => {
    const { history, register, models } = await registrations(1);
    const runner = run(history, models, { projections: [tally('t')] });
    await caughtUp(history, runner);
    const waiting = runner.waitFor(runner.position + 1, { timeoutMs: 20_000 });
    await register(1);
    expect(await waiting).toBe(true);
    expect(await tallies(models)).toEqual({ t: 2 });
  });

  it('gives up at its time limit, when aborted, and when the runner stops', async () => {
    const { history, models } = await registrations(1);
    const runner = run(history, models, { projections: [tally('t')] });
    await caughtUp(history, runner);
    const beyond = runner.position + 1;
    expect(await runner.waitFor(beyond, { timeoutMs: 1 })).toBe(false);
    const abort = new AbortController();
    const aborted = runner.waitFor(beyond, { timeoutMs: 20_000, signal: abort.signal });
    abort.abort();
    expect(await aborted).toBe(false);
    const stopped = runner.waitFor(beyond, { timeoutMs: 20_000 });
    await runner.stop();
    expect(await stopped).toBe(false);
    expect(await runner.status()).toMatchObject({ running: false, ready: false });
  });
});

/** Waits until one projection has arrived, though another never will. */
async function caughtUpAlone(runner: ReturnType<typeof run>, name: string, position: number): Promise<void> {
  for (;;) {
    const status = await runner.status();
    if (status.projections.some((one) => one.name === name && one.position >= position)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
