import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { EventStore, Position } from '../../src/event-store/port.js';
import { type Instant, toInstant, type UserId } from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { allProjections, allTables } from '../../src/projections/all-projections.js';
import { comparableCells, rowOf } from '../../src/projections/engine/entity.js';
import { ProjectionRunner, type RunnerOptions } from '../../src/projections/engine/runner.js';
import { openReadModels, type ReadModels } from '../../src/projections/open-read-models.js';
import { giveBackDatabases, locationOf, takeDatabase } from './test-databases.js';

/** A log written by hand: every event one minute after the one before, unless told otherwise. */
export class History {
  private minutes = 0;
  private events = 0;

  constructor(readonly store: EventStore = new InMemoryEventStore()) {}

  /** Appends one event and returns its position. */
  async add(stream: string, event: DomainEvent, at: Instant = minute(this.minutes++)): Promise<Position> {
    const id = deriveId('event', this.events++);
    const encoded = encodeEvent(event, {
      commandId: id,
      correlationId: id,
      causationId: id,
      actor: { kind: 'anonymous' },
      occurredAt: at,
    });
    const { position } = await this.store.append(stream, 'any', [{ id, ...encoded }]);
    return position;
  }
}

/** The moment `minutes` after the first event of a {@link History}. */
export function minute(minutes: number): Instant {
  return toInstant(Date.UTC(2026, 10, 1, 9, 0) + minutes * 60_000);
}

/** A stable id for a name; the caller's type says which kind. */
export function id<Id extends string = UserId>(name: string): Id {
  // Branded ids are plain strings at run time.
  return deriveId('test', name) as string as Id;
}

/** An empty read-model database, on SQLite or MariaDB; emptied again by {@link closeAll}. */
export async function emptyModels(): Promise<ReadModels> {
  return (await takeDatabase()).models;
}

/** The same database once more, as another process would open it; close it yourself. */
export function openAgain(models: ReadModels): Promise<ReadModels> {
  return openReadModels(locationOf(models));
}

const runners: ProjectionRunner[] = [];

/** A started runner over all projections, unless told otherwise; stopped by {@link closeAll}. */
export function run(
  history: History,
  models: ReadModels,
  options: Partial<RunnerOptions> = {},
): ProjectionRunner {
  const runner = new ProjectionRunner({
    store: history.store,
    dataSource: models.write,
    dialect: models.dialect,
    projections: allProjections,
    ...options,
  });
  runners.push(runner);
  runner.start();
  return runner;
}

/** Read models with the whole history applied. */
export async function project(history: History, options: Partial<RunnerOptions> = {}): Promise<ReadModels> {
  const models = await emptyModels();
  await caughtUp(history, run(history, models, options));
  return models;
}

/** Waits until the runner has applied the whole history. */
export async function caughtUp(history: History, runner: ProjectionRunner): Promise<void> {
  const head = await history.store.head();
  const reached = head === undefined || (await runner.waitFor(head, { timeoutMs: 240_000 }));
  if (!reached) throw new Error(`not caught up: ${JSON.stringify(await runner.status())}`);
}

export async function closeAll(): Promise<void> {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  await giveBackDatabases();
}

/** All rows of a table in key order, in the form in which rows are compared. */
export async function rowsOf<Row = Record<string, unknown>>(
  models: ReadModels,
  name: string,
): Promise<Row[]> {
  const rows = await models.read.query<Record<string, unknown>[]>(`SELECT * FROM ${name} ORDER BY 1, 2`);
  const table = allTables.find((one) => one.name === name);
  return (table ? rows.map((row) => comparableCells(table, rowOf(table, row))) : rows) as Row[];
}
