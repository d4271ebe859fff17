import { setTimeout as delay } from 'node:timers/promises';
import { Column, type DataSource, Entity, PrimaryColumn } from 'typeorm';
import { z } from 'zod';
import type { Instant } from '../../events/ids.js';
import type { Dialect, WriteSession } from './dialect.js';
import {
  type AnyRow,
  bigint,
  int,
  json,
  moment,
  nullable,
  storedMoment,
  tableOf,
  uuid,
  varchar,
} from './entity.js';
import { type MadeFrom, madeFromOf } from './made-from.js';
import type { Projection } from './projection.js';
import { placeholders } from './sql.js';

/** Why a projection stopped, as its checkpoint keeps it. */
const parkedSchema = z.object({
  error: z.string(),
  /** The event it could not apply; null when it was several, or when its tables were built by another version. */
  event: z
    .object({ type: z.string(), stream: z.string(), revision: z.number(), position: z.number() })
    .nullable(),
});

export type Parked = Readonly<z.infer<typeof parkedSchema>>;

/** How far each projection has come, committed together with its rows; and what it is told from outside. */
@Entity('projection_checkpoints')
export class CheckpointRow {
  @PrimaryColumn(varchar(64)) readonly name!: string;
  @Column(int) readonly version!: number;
  @Column(bigint) readonly position!: number;
  @Column(moment) readonly updated_at!: Instant;
  /**
   * Raised by each change of the projection from outside: pauses, resumes, swaps its tables. Its runner commits
   * only at the generation it has read, so it notices and reads everything again. Null counts as 0.
   */
  @Column(nullable(int)) readonly generation!: number | null;
  @Column(nullable(moment)) readonly paused_at!: Instant | null;
  /** A {@link Parked}. */
  @Column(nullable(json)) readonly parked!: unknown;
  /** The rebuild that is about to swap the tables: no other process writes them meanwhile. */
  @Column(nullable(uuid)) readonly fenced_by!: string | null;
  /** A {@link MadeFrom}; null before the first event. */
  @Column(nullable(json)) readonly made_from!: unknown;
}

/** The table of {@link CheckpointRow}. */
export const checkpointsTable = tableOf(CheckpointRow);

export interface Checkpoint {
  /** The projection's version that built its tables. */
  readonly version: number;
  /** Every event up to here is in the tables; {@link beforeFirst} in new ones. */
  readonly position: number;
  readonly epoch: number;
  /** When an operator paused it. */
  readonly pausedAt: Instant | null;
  readonly parked: Parked | null;
  /** The rebuild that swaps its tables now. */
  readonly fencedBy: string | null;
  /** Which log its tables were made from; null in tables of an earlier release, and before the first event. */
  readonly madeFrom: MadeFrom | 'unreadable' | null;
}

/** The position before every event. */
export const beforeFirst = -1;

/** The name a projection's checkpoint has when its tables carry `suffix`. */
export function checkpointName(projection: Pick<Projection, 'name'>, suffix: string): string {
  return projection.name + suffix;
}

/** The projection's checkpoint, created if missing. */
export async function loadCheckpoint(
  session: WriteSession,
  projection: Projection,
  suffix: string,
  at: Instant,
): Promise<Checkpoint> {
  const name = checkpointName(projection, suffix);
  const fresh = { name, version: projection.version, position: beforeFirst, updated_at: at };
  await session.insertIfMissing(checkpointsTable, checkpointsTable.name, fresh);
  // Before the first event its tables are empty, whichever version made them.
  await session.run(
    `UPDATE ${checkpointsTable.name} SET version = ? WHERE name = ? AND position = ? AND version <> ?`,
    [projection.version, name, beforeFirst, projection.version],
  );
  const checkpoint = await findCheckpoint(session, name);
  if (!checkpoint) throw new Error(`the checkpoint ${name} vanished`);
  return checkpoint;
}

/** The checkpoint of this name, or undefined. */
export async function findCheckpoint(session: WriteSession, name: string): Promise<Checkpoint | undefined> {
  const [row] = await session.rowsByKey(checkpointsTable, checkpointsTable.name, [[name]]);
  return row && checkpointOf(row);
}

/** A row of {@link checkpointsTable} as its readers have it. */
export function checkpointOf(row: AnyRow): Checkpoint {
  // Rows of this table have its columns.
  const { version, position, generation, paused_at, parked, fenced_by, made_from } =
    row as unknown as CheckpointRow;
  return {
    version: Number(version),
    position: Number(position),
    epoch: Number(generation ?? 0),
    pausedAt: paused_at,
    parked: parked === null ? null : parkedOf(parked),
    fencedBy: fenced_by,
    madeFrom: made_from === null ? null : madeFromOf(made_from),
  };
}

/** Somebody else may have written it: a projection that stands still must be shown in any case. */
function parkedOf(stored: unknown): Parked {
  const { success, data } = parkedSchema.safeParse(stored);
  return success ? data : { error: 'what its checkpoint says about the failure cannot be read', event: null };
}

/** Where a runner read a checkpoint. */
export interface CheckpointMark {
  readonly name: string;
  readonly position: number;
  readonly epoch: number;
}

const isAtMark = '(name = ? AND position = ? AND COALESCE(generation, 0) = ?)';
const markValues = ({ name, position, epoch }: CheckpointMark) => [name, position, epoch];

/**
 * Moves checkpoints on, if they all still are where this runner read them. Called first in the transaction, so that
 * another runner of the same tables waits or fails here.
 * @param madeFrom the log identity to store; undefined leaves the stored one.
 * @returns false when another runner has moved one, or somebody changed it from outside.
 */
export async function advanceCheckpoints(
  session: WriteSession,
  from: readonly CheckpointMark[],
  to: number,
  at: Instant,
  madeFrom?: string,
): Promise<boolean> {
  const { affected } = await session.run(
    `UPDATE ${checkpointsTable.name} SET position = ?, updated_at = ?, parked = NULL,
       made_from = COALESCE(?, made_from)
     WHERE ${from.map(() => isAtMark).join(' OR ')}`,
    [to, storedMoment(at), madeFrom ?? null, ...from.flatMap(markValues)],
  );
  return affected === from.length;
}

/** Stores the log identity in a checkpoint of an earlier release; does nothing if it has one already, or has moved. */
export async function adoptCheckpoint(
  session: WriteSession,
  mark: CheckpointMark,
  madeFrom: string,
): Promise<void> {
  await session.run(
    `UPDATE ${checkpointsTable.name} SET made_from = ? WHERE ${isAtMark} AND made_from IS NULL`,
    [madeFrom, ...markValues(mark)],
  );
}

/** Notes that a projection stands still at this mark, for everybody to see; nothing when it has moved. */
export async function recordFault(
  session: WriteSession,
  mark: CheckpointMark,
  parked: Parked,
  at: Instant,
): Promise<void> {
  await session.run(`UPDATE ${checkpointsTable.name} SET parked = ?, updated_at = ? WHERE ${isAtMark}`, [
    JSON.stringify(parked),
    storedMoment(at),
    ...markValues(mark),
  ]);
}

/** Every checkpoint's generation, by name. */
async function epochs(session: WriteSession): Promise<ReadonlyMap<string, number>> {
  const rows = await session.all(`SELECT name, generation FROM ${checkpointsTable.name}`, []);
  return new Map(rows.map(({ name, generation }) => [String(name), Number(generation ?? 0)]));
}

/**
 * What operators do to running projections. It is written beside the checkpoints, so that every process may do it
 * and a restart forgets nothing; the runners notice by the raised generation.
 */
export type ProjectionControl = 'pause' | 'resume' | 'retry';

const changes = {
  /** Pausing twice keeps the first moment. */
  pause: { set: 'paused_at = ?', where: 'paused_at IS NULL' },
  resume: { set: 'paused_at = NULL', where: 'paused_at IS NOT NULL' },
  /** Lets a parked projection try the event once more. */
  retry: { set: 'parked = NULL', where: 'parked IS NOT NULL' },
} as const;

/** Controls these projections; those already as wanted are left alone. */
export async function controlProjections(
  session: WriteSession,
  control: ProjectionControl,
  names: readonly string[],
  at: Instant,
): Promise<void> {
  if (names.length === 0) return;
  const { set, where } = changes[control];
  await session.run(
    `UPDATE ${checkpointsTable.name}
     SET ${set}, updated_at = ?, generation = COALESCE(generation, 0) + 1
     WHERE ${where} AND name IN (${placeholders(names.length)})`,
    [...(control === 'pause' ? [storedMoment(at)] : []), storedMoment(at), ...names],
  );
}

/**
 * Looks at halted projections now and then, until somebody has changed one of them from outside.
 * @param halted where their checkpoints were read.
 * @param end gives the watch up.
 */
export async function untilControlled(
  {
    dialect,
    dataSource,
  }: { readonly dialect: Pick<Dialect, 'withSession'>; readonly dataSource: DataSource },
  halted: readonly CheckpointMark[],
  options: { readonly lookEveryMs: number; readonly end: AbortSignal },
): Promise<void> {
  for (;;) {
    await delay(options.lookEveryMs, undefined, { signal: options.end }).catch(() => undefined);
    if (options.end.aborted) return;
    // A database that does not answer is noticed by the next write.
    const now = await dialect.withSession(dataSource, epochs).catch(() => undefined);
    if (now && halted.some(({ name, epoch }) => now.get(name) !== epoch)) return;
  }
}
