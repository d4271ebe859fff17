import { randomUUID } from 'node:crypto';
import { bringTogether, LogFit, progressLines } from '../../src/app/log-fit.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { EventStore, Position, SubscriptionBatch } from '../../src/event-store/port.js';
import type { UserId } from '../../src/events/ids.js';
import { systemClock } from '../../src/platform/clock.js';
import { findCheckpoint } from '../../src/projections/engine/checkpoints.js';
import { storedMoment } from '../../src/projections/engine/entity.js';
import { type Misfit, TablesOfAnotherLog } from '../../src/projections/engine/made-from.js';
import type { ProjectionRunner, RunnerOptions } from '../../src/projections/engine/runner.js';
import type { ReadModels } from '../../src/projections/open-read-models.js';
import { addRebuild } from '../../src/projections/rebuild/rebuild-record.js';
import { waitUntil } from '../services/wait-until.js';
import { caughtUp, closeAll, emptyModels, History, id, project, rowsOf, run } from './history.js';
import { everyRow, leftOvers, rebuildNow } from './rebuild/rebuilding.js';
import { Story } from './story.js';
import { locationOf } from './test-databases.js';

afterEach(closeAll);

const monday = Date.UTC(2026, 10, 2);
const tuesday = Date.UTC(2026, 10, 3);

/** A log of one concert and some registrations; the same ids each time, since ids are derived. */
async function logOf(
  registrations: number,
  { nowMs = monday, others = 0, again = 0 } = {},
): Promise<History> {
  let writtenAtMs = nowMs;
  const history = new History(new InMemoryEventStore({ nowMs: () => writtenAtMs }));
  const story = new Story(history);
  await story.concert();
  const first = registrations - others - again;
  for (let number = 1; number <= first; number++) await register(story, number);
  for (let number = 1; number <= others; number++) await register(story, -number);
  writtenAtMs = tuesday;
  for (let number = 1; number <= again; number++) await register(story, first + number);
  return history;
}

/** Tables built from a whole log, whose runner has stopped. */
async function tablesOf(history: History): Promise<ReadModels> {
  const models = await emptyModels();
  const runner = run(history, models);
  await caughtUp(history, runner);
  await runner.stop();
  return models;
}

const register = (story: Story, number: number) =>
  story.register(id<UserId>(`fan ${number}`), `Fan ${number}`);

interface Checkpoint {
  readonly name: string;
  readonly position: number;
  readonly made_from: string | null;
}
const checkpoints = (models: ReadModels) => rowsOf<Checkpoint>(models, 'projection_checkpoints');

/** Starts a runner on tables of another log. @returns the mismatch that it reports. */
async function refusedBy(
  history: History,
  models: ReadModels,
): Promise<{ misfit: Misfit; runner: ProjectionRunner }> {
  const found: Misfit[] = [];
  const runner = run(history, models, { onMisfit: (misfit) => void found.push(misfit) });
  await waitUntil('the runner has found something', () => found.length > 0);
  const [misfit] = found;
  if (!misfit) throw new Error('nothing was found');
  return { misfit, runner };
}

/** Logs that tables may be used with instead of the one they were made from, which has 5 registrations. */
const mixUps: readonly {
  readonly what: string;
  open(): Promise<History>;
  readonly kind: Misfit['kind'];
  readonly says: RegExp;
}[] = [
  {
    what: 'an older backup of their log',
    open: () => logOf(3),
    kind: 'older-log',
    says: /^The log ends at position \d+, but read model \w+ was made from events up to position \d+, written 2026-11-02T/,
  },
  {
    what: 'an empty log',
    open: async () => new History(),
    kind: 'empty-log',
    says: /^The log is empty, but read model \w+ was made from events up to position \d+/,
  },
  {
    what: 'another log of equal length',
    open: () => logOf(5, { nowMs: tuesday }),
    kind: 'other-log',
    says: /^The log is not the one .* its first event, at position 1 and written 2026-11-03T00:00:00.000Z, is another/,
  },
  {
    what: 'another, longer log',
    open: () => logOf(8, { nowMs: tuesday }),
    kind: 'other-log',
    says: /^The log is not the one/,
  },
  {
    what: 'an older backup of their log, continued with other events to equal length',
    open: () => logOf(5, { others: 2 }),
    kind: 'older-log',
    says: /^The log is not the one .* is not there/,
  },
  {
    what: 'an older backup of their log, in which the same commands ran again',
    open: () => logOf(5, { again: 2 }),
    kind: 'other-log',
    says: /^The log is not the one .* since event 0 of stream user-.* is another one, written 2026-11-03T/,
  },
];

describe.each(mixUps)('tables used with $what', ({ open, kind, says }) => {
  it('are not changed, and one sentence says why and what to do', async () => {
    const models = await tablesOf(await logOf(5));
    const before = [await everyRow(models), await checkpoints(models)];
    const other = await open();
    const { misfit, runner } = await refusedBy(other, models);
    expect(misfit.kind).toBe(kind);
    expect(misfit.sentence).toMatch(says);
    expect(misfit.sentence).toContain('run "boxoffice rebuild --all"');
    const { ready, lastError } = await runner.status();
    expect({ ready, lastError }).toEqual({ ready: false, lastError: misfit.sentence });
    expect(await runner.waitFor(99, { timeoutMs: 0 })).toBe(false);
    expect([await everyRow(models), await checkpoints(models)]).toEqual(before);
  });

  it('belong to it after a rebuild', async () => {
    const models = await tablesOf(await logOf(5));
    const other = await open();
    const report = await rebuildNow(other, models);
    expect(report.projections.every(({ comparedAt }) => comparedAt === null)).toBe(true);
    expect(report.projections[0]?.problem).toMatch(says);
    const runner = run(other, models);
    await register(new Story(other), 99);
    await caughtUp(other, runner);
    expect(await everyRow(models)).toEqual(await everyRow(await project(other)));
    expect(await leftOvers(models)).toEqual([]);
  });
});

it('goes on with tables of its own log', async () => {
  const mine = await logOf(5);
  const models = await tablesOf(mine);
  const restarted = run(mine, models);
  await register(new Story(mine), 6);
  await caughtUp(mine, restarted);
  expect(await everyRow(models)).toEqual(await everyRow(await project(mine)));
});

it('does not continue an interrupted rebuild from another log', async () => {
  const mine = await logOf(5);
  const models = await tablesOf(mine);
  const stop = new AbortController();
  const interrupted = rebuildNow(await logOf(5, { nowMs: tuesday, others: 5 }), models, {
    signal: stop.signal,
    onProgress: ({ phase }) => {
      if (phase === 'swapping') stop.abort(new Error('interrupted'));
    },
  });
  await expect(interrupted).rejects.toThrow('interrupted');
  expect(await leftOvers(models)).not.toEqual([]);
  await rebuildNow(mine, models);
  expect(await everyRow(models)).toEqual(await everyRow(await project(mine)));
});

describe('at the start of a process, tables that are ahead of the log', () => {
  const start = async (mayLag: boolean) => {
    const readModels = await tablesOf(await logOf(5));
    const { store } = await logOf(3);
    const fit = new LogFit({ error: () => undefined }, mayLag);
    const location = locationOf(readModels);
    await bringTogether({
      fit,
      store,
      readModels,
      location,
      isEmbedded: false,
      log: { info: () => undefined, warn: () => undefined },
    });
    return fit;
  };

  it('are accepted when the log is read from a follower that may lag', async () => {
    expect((await start(true)).refusal).toBeUndefined();
  });

  it('are refused otherwise', async () => {
    await expect(start(false)).rejects.toThrow(TablesOfAnotherLog);
  });
});

it('are as they were when the start is stopped while it rebuilds them', async () => {
  const models = await tablesOf(await logOf(5));
  const mine = await logOf(5, { nowMs: tuesday });
  const before = await everyRow(models);
  const stop = new AbortController();
  const start = bringTogether({
    fit: new LogFit({ error: () => undefined }, false),
    store: mine.store,
    readModels: models,
    location: locationOf(models),
    isEmbedded: true,
    log: { info: () => undefined, warn: () => stop.abort(new Error('stopped')) },
    signal: stop.signal,
  });
  await expect(start).rejects.toThrow('stopped');
  expect(await everyRow(models)).toEqual(before);
});

describe('tables of an earlier release, which do not say what they were made from', () => {
  const forget = 'UPDATE projection_checkpoints SET made_from = NULL';

  it('count as tables of the log when it reaches as far as they do, and belong to it from then on', async () => {
    const mine = await logOf(5);
    const models = await tablesOf(mine);
    await models.write.query(forget);
    const runner = run(mine, models);
    await caughtUp(mine, runner);
    const stamped = async () => (await checkpoints(models)).every(({ made_from }) => made_from !== null);
    await waitUntil('the checkpoints say it', stamped);
    await runner.stop();
    const { misfit } = await refusedBy(await logOf(5, { nowMs: tuesday }), models);
    expect(misfit.kind).toBe('other-log');
  });

  it('are refused when the log ends before them', async () => {
    const models = await tablesOf(await logOf(5));
    await models.write.query(forget);
    const { misfit } = await refusedBy(await logOf(3), models);
    expect(misfit.kind).toBe('older-log');
  });

  it('may be written by a process of that release beside newer ones', async () => {
    const mine = await logOf(5);
    const models = await tablesOf(mine);
    await register(new Story(mine), 6);
    // As an earlier release writes it, without the column made_from.
    const head = await mine.store.head();
    await models.write.query(`UPDATE projection_checkpoints SET position = ${head}`);
    const runner = run(mine, models);
    await caughtUp(mine, runner);
    expect((await runner.status()).lastError).toBeNull();
  });
});

it.each(['18446744073709552000', '9223372036854775807', '9007199254740993'])(
  'tables at the invalid position %s are not projected into',
  async (position) => {
    const mine = await logOf(5);
    const models = await tablesOf(mine);
    // More than a server's whole numbers hold; SQLite's hold anything.
    const isHeld = BigInt(position) < 2n ** 63n || models.dialect.name === 'sqlite';
    const stored = isHeld ? position : '9223372036854775807';
    await models.write.query(
      `UPDATE projection_checkpoints SET position = ${stored}, made_from = NULL WHERE name = 'orders'`,
    );
    const { misfit } = await refusedBy(mine, models);
    expect(misfit.kind).toBe('damaged-checkpoint');
    expect(misfit.sentence).toMatch(/^Read model orders is at position \d+, which no log can have/);
    await rebuildNow(mine, models);
    const runner = run(mine, models);
    await register(new Story(mine), 6);
    await caughtUp(mine, runner);
    expect(await everyRow(models)).toEqual(await everyRow(await project(mine)));
  },
);

it.each(['no JSON', '[]', '{"log":1}'])(
  'tables that say %s about their log are not projected into, and a rebuild replaces them',
  async (text) => {
    const mine = await logOf(5);
    const models = await tablesOf(mine);
    // SQLite's columns hold anything, a server's JSON columns only JSON.
    const stored = models.dialect.name === 'sqlite' || text !== 'no JSON' ? text : JSON.stringify(text);
    await models.write.query("UPDATE projection_checkpoints SET made_from = ? WHERE name = 'orders'", [
      stored,
    ]);
    const { misfit } = await refusedBy(mine, models);
    expect(misfit.kind).toBe('damaged-checkpoint');
    expect(misfit.sentence).toBe(
      'What read model orders says about the log it was made from cannot be read: run "boxoffice rebuild --all" and restart every process.',
    );
    await rebuildNow(mine, models);
    const runner = run(mine, models);
    await register(new Story(mine), 6);
    await caughtUp(mine, runner);
    expect(await everyRow(models)).toEqual(await everyRow(await project(mine)));
  },
);

it('a position beyond the last event that tables name is the one a refusal names', async () => {
  const mine = await logOf(5);
  const models = await tablesOf(mine);
  await models.write.query("UPDATE projection_checkpoints SET position = 5000 WHERE name = 'orders'");
  const { misfit } = await refusedBy(mine, models);
  expect(misfit.found).toContain('but read model orders was made from events up to position 5000, so it');
});

describe('the start, when tables are not those of the embedded log', () => {
  it('says once what is rebuilt, and that it waits for a rebuild that was killed', async () => {
    const models = await tablesOf(await logOf(5));
    const request = { names: [], compareOnly: false, restart: false };
    const dead = { rebuildId: randomUUID(), status: 'running', request } as const;
    const now = systemClock.now();
    await models.dialect.withSession(models.write, (session) => addRebuild(session, dead, now));
    const lines: string[] = [];
    let leaseEnds: Promise<unknown> | undefined;
    const warn = (_details: object, line: string) => {
      lines.push(line);
      if (!line.startsWith('another')) return;
      leaseEnds = models.write.query('UPDATE projection_rebuilds SET lease_until = ?', [storedMoment(now)]);
    };
    const mine = await logOf(5, { nowMs: tuesday });
    await bringTogether({
      fit: new LogFit({ error: () => undefined }, false),
      store: mine.store,
      readModels: models,
      location: locationOf(models),
      isEmbedded: true,
      log: { info: () => undefined, warn },
    });
    await leaseEnds;
    expect(lines).toEqual([
      expect.stringMatching(/^The log is not the one .* rebuilt from the log before the start: catalog, /),
      'another rebuild has not ended: the start waits for it, 30 s at most if its process was killed',
    ]);
    expect(await everyRow(models)).toEqual(await everyRow(await project(mine)));
  });
});

it.each(['no JSON', '{"error":1}'])('reads a checkpoint whose fault is %s', async (text) => {
  const models = await tablesOf(await logOf(1));
  const stored = models.dialect.name === 'sqlite' || text !== 'no JSON' ? text : JSON.stringify(text);
  await models.write.query("UPDATE projection_checkpoints SET parked = ? WHERE name = 'orders'", [stored]);
  const checkpoint = await models.dialect.withSession(models.write, (session) =>
    findCheckpoint(session, 'orders'),
  );
  expect(checkpoint?.parked).toEqual({ error: expect.stringContaining('cannot be read'), event: null });
});

it('tells every five seconds how far a rebuild before the start is', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const tell = progressLines({ info: (_details, line) => lines.push(line) }, () => nowMs);
  const progress = {
    phase: 'folding',
    target: 90,
    events: 0,
    eventsPerSecond: 0,
    secondsLeft: null,
  } as const;
  for (const position of [1, 2, 3, 4]) {
    nowMs += 2_500;
    tell({ ...progress, position, differenceCount: null });
  }
  expect(lines).toEqual([
    expect.stringContaining('position 2 of 90'),
    expect.stringContaining('position 4 of 90'),
  ]);
});

it('stores only positions of events in checkpoints, whatever position a batch has', async () => {
  const mine = await logOf(5);
  const models = await tablesOf(mine);
  const head = await mine.store.head();
  let isDelivered = false;
  const options: Partial<RunnerOptions> = {
    store: delivering(mine.store, { events: [], position: (2 ** 64) as Position, caughtUp: true }, () => {
      isDelivered = true;
    }),
  };
  const runner = run(mine, models, options);
  await waitUntil('the batch was delivered', () => isDelivered);
  expect(new Set((await checkpoints(models)).map(({ position }) => Number(position)))).toEqual(
    new Set([head]),
  );
  expect(runner.position).toBe(head);
});

/** A store whose subscriptions hand over one batch of the test's, and then nothing. */
function delivering(store: EventStore, batch: SubscriptionBatch, delivered: () => void): EventStore {
  return {
    append: (stream, expected, events) => store.append(stream, expected, events),
    appendInOrder: (appends) => store.appendInOrder(appends),
    readStream: (stream, options) => store.readStream(stream, options),
    readCategory: (category, options) => store.readCategory(category, options),
    readAll: (options) => store.readAll(options),
    head: () => store.head(),
    close: () => store.close(),
    subscribe(_options, handler) {
      let end: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const done = Promise.resolve()
        .then(() => handler(batch))
        .then(delivered)
        .then(() => ended);
      return {
        done,
        async stop() {
          end();
          await done;
        },
      };
    },
  };
}
