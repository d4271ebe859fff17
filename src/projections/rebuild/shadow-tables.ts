import { type DataSource, Table as SchemaTable } from 'typeorm';
import type { Instant } from '../../events/ids.js';
import { checkpointName, checkpointsTable, findCheckpoint } from '../engine/checkpoints.js';
import type { Dialect, TableUse, WriteSession } from '../engine/dialect.js';
import { storedMoment } from '../engine/entity.js';
import { type ComparedLog, misfitOf } from '../engine/made-from.js';
import { type Projection, tablesOf } from '../engine/projection.js';
import { placeholders } from '../engine/sql.js';
import { asStored } from '../migrations/create-table.js';
import type { WritableTables } from '../read-models.js';
import {
  assertRunning,
  beginClearing,
  endClearing,
  failLapsed,
  findRebuild,
  isAlive,
  type RebuildRow,
  RebuildStopped,
} from './rebuild-record.js';

/** Of the tables a rebuild fills beside the live ones. */
export const shadowSuffix = '__next';
/** Of the tables that were live before the swap, until they are dropped. */
const retiredSuffix = '__old';

/** The physical names of a projection's tables. */
export function tableNames(projection: Projection, suffix: string): string[] {
  return tablesOf(projection).map(({ name }) => name + suffix);
}

/**
 * Creates shadow tables for the projections that lack them. Those of an interrupted rebuild are kept, and this one
 * continues with them, unless they were built by another version or from another log.
 * @param options.restart whether to start again in any case.
 */
export async function prepareShadow(
  { write, dialect }: WritableTables,
  projections: readonly Projection[],
  { log, restart }: { readonly log: ComparedLog; readonly restart: boolean },
): Promise<void> {
  await dialect.withSession(write, async (session) => {
    for (const projection of projections) {
      const names = await dialect.namesInUse(session);
      const isThere = tableNames(projection, shadowSuffix).every((name) => names.has(name));
      const checkpoint = await findCheckpoint(session, checkpointName(projection, shadowSuffix));
      const isOurs = isThere && !restart && checkpoint?.version === projection.version;
      if (isOurs && !(await misfitOf(log, [{ ...checkpoint, name: projection.name }]))) continue;
      await dropShadow(session, [projection]);
      await createShadow(write, dialect, session, projection);
    }
  });
}

/** Removes shadow tables and their checkpoints; one that is missing already is no failure. */
export async function dropShadow(session: WriteSession, projections: readonly Projection[]): Promise<void> {
  for (const projection of projections) {
    // The checkpoint first: tables without one are not taken for a shadow.
    await session.run(`DELETE FROM ${checkpointsTable.name} WHERE name = ?`, [
      checkpointName(projection, shadowSuffix),
    ]);
    await dropTables(session, tableNames(projection, shadowSuffix));
  }
}

/** Drops tables, one transaction each. */
async function dropTables(session: WriteSession, names: readonly string[]): Promise<void> {
  for (const name of names)
    await inTransaction(session, () => session.run(`DROP TABLE IF EXISTS ${name}`, []));
}

/** Runs `work` in a transaction, taken back when it fails. */
async function inTransaction<Result>(session: WriteSession, work: () => Promise<Result>): Promise<Result> {
  await session.begin();
  try {
    const result = await work();
    await session.commit();
    return result;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

async function createShadow(
  dataSource: DataSource,
  dialect: Dialect,
  session: WriteSession,
  projection: Projection,
): Promise<void> {
  const names = await dialect.namesInUse(session);
  const statements = await ddlOf(dataSource, projection, names);
  await inTransaction(session, async () => {
    for (const statement of statements) await session.run(statement, []);
  });
}

/** The statements that make a projection's shadow tables, as TypeORM writes them. */
async function ddlOf(
  dataSource: DataSource,
  { entities }: Projection,
  namesInUse: ReadonlySet<string>,
): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    runner.enableSqlMemory();
    for (const entity of entities) {
      const table = asStored(
        dataSource,
        SchemaTable.create(dataSource.getMetadata(entity), dataSource.driver),
      );
      table.name += shadowSuffix;
      for (const index of table.indices) index.name = freeName(index.name ?? '', namesInUse);
      await runner.createTable(table);
    }
    return runner.getMemorySql().upQueries.map(({ query }) => query);
  } finally {
    runner.disableSqlMemory();
    await runner.release();
  }
}

/** SQLite's indexes share one space of names, and the live table has the first: rebuilds take turns with a second. */
function freeName(name: string, namesInUse: ReadonlySet<string>): string {
  for (let number = 2, free = name; ; number++) {
    if (!namesInUse.has(free)) return free;
    free = `${name}_${number}`;
  }
}

/*
 * The swap, step by step; a process may die after each of them:
 * 0. while open transactions are known to have used the tables (a dump, an audit), it does not begin;
 * 1. fence: only this rebuild writes the live tables from here on, queries go on reading them;
 * 2. the shadow catches up with where the live tables stopped;
 * 3. the tables are renamed, all at once, and the checkpoints move to where the shadow is: together in SQLite, one
 *    right after the other in MySQL, where DDL commits by itself. When open transactions prevent the renaming, the fence
 *    is lifted and everything is tried again later;
 * 4. the retired tables are dropped.
 * resolveFences finishes or takes back what a rebuild has left between 1 and 3.
 */

/** Step 0. @param forSeconds leaves out transactions that have been open for less: those of queries end soon. */
export function usedByOthers(
  { dialect, write }: Pick<WritableTables, 'dialect' | 'write'>,
  projections: readonly Projection[],
  forSeconds: number,
): Promise<TableUse> {
  const names = projections.flatMap((projection) => tableNames(projection, ''));
  return dialect.withSession(write, (session) => dialect.tableUse(session, names, forSeconds));
}

/** The message of a swap that was given up: why, because of which connections, and what to do. */
export function describeTableUse({ certainty, transactions }: TableUse, waitedMs: number): string {
  const waited = `the tables were not swapped: open transactions have prevented it for ${Math.round(waitedMs / 1_000)} s`;
  const afterwards = 'What was built is kept: the next rebuild continues from there.';
  if (certainty === 'hidden') {
    return (
      `${waited}, and this account may not see which ones (most likely a dump or an audit). Wait until they end; to see ` +
      `them named, grant the account PROCESS, and on MySQL SELECT ON performance_schema.*. ${afterwards}`
    );
  }
  const named = transactions.map(
    ({ connectionId, user, host, openForSeconds }) =>
      `connection ${connectionId} (${user} at ${host}, open for ${openForSeconds} s)`,
  );
  if (named.length === 0) return `${waited}, each only for a short time. ${afterwards}`;
  const who = certainty === 'certain' ? 'These are' : 'The server does not report which ones; open are';
  return `${waited}. ${who}: ${named.join(', ')}. Wait until they end, or end one with KILL <number of its connection>. ${afterwards}`;
}

/** Step 1. @returns where each live projection stands, by name. @throws {RebuildStopped} */
export function fence(
  session: WriteSession,
  projections: readonly Projection[],
  rebuildId: string,
  at: Instant,
): Promise<ReadonlyMap<string, number>> {
  return inTransaction(session, async () => {
    await assertRunning(session, rebuildId, at);
    const names = projections.map(({ name }) => name);
    await session.run(
      `UPDATE ${checkpointsTable.name} SET fenced_by = ?, generation = COALESCE(generation, 0) + 1
       WHERE name IN (${placeholders(names.length)})`,
      [rebuildId, ...names],
    );
    const rows = await session.all(
      `SELECT name, position FROM ${checkpointsTable.name} WHERE name IN (${placeholders(names.length)})`,
      names,
    );
    return new Map(rows.map(({ name, position }) => [String(name), Number(position)]));
  });
}

/**
 * Step 3.
 * @throws {RebuildStopped} when the fence is gone: the rebuild was taken for dead; {@link TablesInUse}.
 */
export function swapTables(
  { dialect, write }: Pick<WritableTables, 'dialect' | 'write'>,
  session: WriteSession,
  projections: readonly Projection[],
  { rebuildId, at }: { readonly rebuildId: string; readonly at: Instant },
): Promise<void> {
  const renames = projections.flatMap((projection) =>
    tablesOf(projection).flatMap(({ name }) => [
      { from: name, to: name + retiredSuffix },
      { from: name + shadowSuffix, to: name },
    ]),
  );
  return dialect.undisturbed(session, async () => {
    await assertFenced(session, projections, rebuildId);
    await dialect.renameTables(write, session, renames, () => moveCheckpoints(session, projections, at));
  });
}

async function assertFenced(
  session: WriteSession,
  projections: readonly Projection[],
  rebuildId: string,
): Promise<void> {
  for (const { name } of projections) {
    const checkpoint = await findCheckpoint(session, name);
    if (checkpoint && checkpoint.fencedBy !== rebuildId) {
      throw new RebuildStopped('it was silent for so long that its fence was ended');
    }
  }
}

/** Step 4. */
export function dropRetired(session: WriteSession, projections: readonly Projection[]): Promise<void> {
  return dropTables(
    session,
    projections.flatMap((projection) => tableNames(projection, retiredSuffix)),
  );
}

/**
 * Ends the fences of rebuilds that are gone: where the tables were renamed the checkpoints follow, else the live
 * tables go on as they are.
 * @param isGone whether the rebuild of this id will not go on.
 */
export async function resolveFences(
  dialect: Dialect,
  session: WriteSession,
  projections: readonly Projection[],
  { isGone, at }: { isGone(rebuildId: string): boolean; readonly at: Instant },
): Promise<void> {
  await dialect.undisturbed(session, async () => {
    const names = await dialect.namesInUse(session);
    for (const projection of projections) {
      const checkpoint = await findCheckpoint(session, projection.name);
      if (!checkpoint?.fencedBy || !isGone(checkpoint.fencedBy)) continue;
      const isRenamed =
        tableNames(projection, retiredSuffix).every((name) => names.has(name)) &&
        tableNames(projection, shadowSuffix).every((name) => !names.has(name));
      await inTransaction(session, () =>
        isRenamed
          ? moveCheckpoints(session, [projection], at)
          : liftFence(session, projection.name, checkpoint.fencedBy ?? ''),
      );
    }
  });
}

/**
 * Ends what a dead rebuild has left, so that no projection stands still until the next one. Cheap when there is
 * nothing to do.
 * @param projections all of them: the dead rebuild may have been of others than the next.
 */
export async function resolveDeadRebuilds(
  dialect: Dialect,
  session: WriteSession,
  projections: readonly Projection[],
  at: Instant,
): Promise<void> {
  await failLapsed(session, at);
  const fences = await session.all(
    `SELECT fenced_by FROM ${checkpointsTable.name} WHERE fenced_by IS NOT NULL`,
    [],
  );
  if (fences.length === 0) return;
  const row = await findRebuild(session);
  const isGone = (rebuildId: string) => row?.rebuildId !== rebuildId || !isAlive(row, at);
  await resolveFences(dialect, session, projections, { isGone, at });
}

/** Projections whose tables identify people. */
export function ofPeople(projections: readonly Projection[]): readonly Projection[] {
  return projections.filter((projection) => tablesOf(projection).some(({ personal }) => personal.length > 0));
}

/**
 * Removes the tables that identify people of a rebuild that has ended before it was done, whether it was cancelled, failed
 * or died: nobody is erased from tables that no projection writes. The tables of other projections stay for the next
 * rebuild.
 * @param ended the rebuild's row.
 * @returns whether there were any.
 */
export async function clearPeople(
  { dialect, write }: Pick<WritableTables, 'dialect' | 'write'>,
  projections: readonly Projection[],
  ended: Pick<RebuildRow, 'rebuildId' | 'status'>,
  at: Instant,
): Promise<boolean> {
  const isCleared = await dialect.withSession(write, async (session) => {
    const names = await dialect.namesInUse(session);
    const left = ofPeople(projections).filter((projection) =>
      [shadowSuffix, retiredSuffix].some((suffix) =>
        tableNames(projection, suffix).some((name) => names.has(name)),
      ),
    );
    // Meanwhile no other rebuild can begin, which would use these tables.
    if (left.length === 0 || !(await beginClearing(session, ended, at))) return false;
    // A swap whose answer was lost may still need the checkpoints of these tables.
    const isGone = (rebuildId: string) => rebuildId === ended.rebuildId;
    await resolveFences(dialect, session, projections, { isGone, at });
    await dropShadow(session, left);
    await dropRetired(session, left);
    await endClearing(session, ended, at);
    return true;
  });
  if (isCleared) await dialect.clean(write);
  return isCleared;
}

async function liftFence(session: WriteSession, name: string, rebuildId: string): Promise<void> {
  await session.run(
    `UPDATE ${checkpointsTable.name} SET fenced_by = NULL, generation = COALESCE(generation, 0) + 1
     WHERE name = ? AND fenced_by = ?`,
    [name, rebuildId],
  );
}

/** The live checkpoints take over where the shadow is; an operator's pause stays. */
async function moveCheckpoints(
  session: WriteSession,
  projections: readonly Projection[],
  at: Instant,
): Promise<void> {
  for (const projection of projections) {
    const shadowName = checkpointName(projection, shadowSuffix);
    const shadow = await findCheckpoint(session, shadowName);
    if (!shadow) throw new Error(`the checkpoint ${shadowName} is missing`);
    await session.run(
      `UPDATE ${checkpointsTable.name} SET version = ?, position = ?, made_from = ?, updated_at = ?, parked = NULL,
         fenced_by = NULL, generation = COALESCE(generation, 0) + 1
       WHERE name = ?`,
      [
        shadow.version,
        shadow.position,
        shadow.madeFrom && JSON.stringify(shadow.madeFrom),
        storedMoment(at),
        projection.name,
      ],
    );
    await session.run(`DELETE FROM ${checkpointsTable.name} WHERE name = ?`, [shadowName]);
  }
}
