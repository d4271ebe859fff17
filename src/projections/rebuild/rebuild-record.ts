import { Column, Entity, PrimaryColumn } from 'typeorm';
import { addMs, type Instant } from '../../events/ids.js';
import type { ComparedTable, WrongRow } from '../compare/compare-tables.js';
import type { WriteSession } from '../engine/dialect.js';
import {
  type AnyRow,
  cellsOf,
  json,
  moment,
  nullable,
  storedMoment,
  tableOf,
  text,
  uuid,
  varchar,
} from '../engine/entity.js';

/**
 * Where a rebuild stands. `requested`: whichever process projects will begin it. `cancelling`: its process has yet to
 * notice. `running` or `cancelling` with a lease that has run out means that its process is gone.
 */
type RebuildStatus = 'requested' | 'running' | 'cancelling' | 'completed' | 'cancelled' | 'failed';

/** The one rebuild of this database, the last if none runs: one row, so that there is never a second. */
@Entity('projection_rebuilds')
export class RebuildRecordRow {
  @PrimaryColumn(varchar(8)) readonly slot!: 'only';
  @Column(uuid) readonly rebuild_id!: string;
  @Column(varchar(10)) readonly status!: RebuildStatus;
  @Column(json) readonly request!: RebuildRequest;
  @Column(nullable(json)) readonly progress!: RebuildProgress | null;
  @Column(nullable(json)) readonly report!: RebuildReport | null;
  @Column(nullable(text)) readonly error!: string | null;
  @Column(moment) readonly lease_until!: Instant;
  @Column(moment) readonly requested_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** The table of {@link RebuildRecordRow}. */
const rebuildsTable = tableOf(RebuildRecordRow);

export interface RebuiltProjection {
  readonly projection: string;
  /** Where its tables were compared; null when they could not be. */
  readonly comparedAt: number | null;
  /** Why they were not compared. */
  readonly problem: string | null;
  /** Where the new tables were when they took their place; null when they did not. */
  readonly swappedAt: number | null;
}

/** What a rebuild has found and done. */
export interface RebuildReport {
  readonly projections: readonly RebuiltProjection[];
  readonly tables: readonly ComparedTable[];
  /** Rows of the live tables that were not what the log makes of them. */
  readonly differenceCount: number;
  /** The first of each table: both values, and the events that decided the right one. */
  readonly differences: readonly WrongRow[];
  /** Folded by this run; a resumed one needs fewer. */
  readonly events: number;
  readonly elapsedMs: number;
}

/** How long a rebuild is believed to run without a sign of life, ms. */
export const leaseMs = 30_000;

export interface RebuildRequest {
  /** Of projections. */
  readonly names: readonly string[];
  /** Report what differs and change nothing. */
  readonly compareOnly: boolean;
  /** Begin anew, whatever an earlier rebuild has left. */
  readonly restart: boolean;
}

export interface RebuildProgress {
  /** `waiting`: for open transactions that prevent the swap. */
  readonly phase: 'folding' | 'comparing' | 'explaining' | 'swapping' | 'waiting' | 'cleaning';
  /** Where the shadow tables are in the log; -1 before the first event. */
  readonly position: number;
  /** Where they must come to. */
  readonly target: number;
  /** Folded by this run. */
  readonly events: number;
  readonly eventsPerSecond: number;
  /** Until the log is read; null when that cannot be told, or is done. */
  readonly secondsLeft: number | null;
  /** Rows of the live tables that are wrong; null before they were compared. */
  readonly differenceCount: number | null;
}

/** The row of {@link rebuildsTable}, read. */
export interface RebuildRow {
  readonly rebuildId: string;
  readonly status: RebuildStatus;
  readonly request: RebuildRequest;
  readonly progress: RebuildProgress | null;
  readonly report: RebuildReport | null;
  readonly error: string | null;
  readonly leaseUntil: Instant;
  readonly requestedAt: Instant;
  readonly updatedAt: Instant;
}

/** This rebuild must not go on: it was cancelled, or another one has taken its place. */
export class RebuildStopped extends Error {
  override readonly name = 'RebuildStopped';
}

const table = rebuildsTable.name;
const isUnderWay = `status IN ('running', 'cancelling')`;

/**
 * Writes a new rebuild down, unless there is one that runs or waits. One whose process has died is replaced, and so
 * is one that no process has begun for as long as a lease.
 * @param row its status: `running` in this process from now on, or `requested` of whichever process projects.
 * @returns false when there is.
 */
export async function addRebuild(
  session: WriteSession,
  row: Pick<RebuildRow, 'rebuildId' | 'request'> & { readonly status: 'requested' | 'running' },
  at: Instant,
): Promise<boolean> {
  const { rebuildId, status, request } = row;
  const fresh = {
    slot: 'only',
    rebuild_id: rebuildId,
    status,
    request,
    progress: null,
    report: null,
    error: null,
    lease_until: addMs(at, leaseMs),
    requested_at: at,
    updated_at: at,
  };
  await session.insertIfMissing(rebuildsTable, table, fresh);
  await session.run(
    `UPDATE ${table} SET ${rebuildsTable.columns.map((column) => `${column} = ?`).join(', ')}
     WHERE slot = 'only' AND (NOT (status = 'requested' OR ${isUnderWay}) OR lease_until < ?)`,
    [...cellsOf(rebuildsTable, fresh), storedMoment(at)],
  );
  return (await findRebuild(session))?.rebuildId === rebuildId;
}

function leaseUntil(at: Instant): string {
  return storedMoment(addMs(at, leaseMs));
}

/** The rebuild that runs or waits, else the last one. */
export async function findRebuild(session: WriteSession): Promise<RebuildRow | undefined> {
  const [row] = await session.rowsByKey(rebuildsTable, table, [['only']]);
  return row && rebuildOf(row);
}

/** A row of {@link rebuildsTable}, read. */
function rebuildOf(row: AnyRow): RebuildRow {
  // Rows of this table have its columns, and only this file writes them.
  const one = row as unknown as RebuildRecordRow;
  return {
    rebuildId: one.rebuild_id,
    status: one.status,
    request: one.request,
    progress: one.progress,
    report: one.report,
    error: one.error,
    leaseUntil: one.lease_until,
    requestedAt: one.requested_at,
    updatedAt: one.updated_at,
  };
}

/** Whether the rebuild's process must be taken to be at work. */
export function isAlive({ status, leaseUntil }: RebuildRow, at: Instant): boolean {
  return (status === 'running' || status === 'cancelling') && leaseUntil >= at;
}

/** Begins a requested rebuild in this process. @returns false when another has, or it was cancelled. */
export async function claimRebuild(session: WriteSession, rebuildId: string, at: Instant): Promise<boolean> {
  const { affected } = await session.run(
    `UPDATE ${table} SET status = 'running', lease_until = ?, updated_at = ?
     WHERE rebuild_id = ? AND status = 'requested'`,
    [leaseUntil(at), storedMoment(at), rebuildId],
  );
  return affected === 1;
}

/** Ends a requested rebuild, and tells the process of a running one to stop; nothing when it has ended. */
export async function cancelRebuild(session: WriteSession, rebuildId: string, at: Instant): Promise<void> {
  await session.run(
    `UPDATE ${table} SET status = CASE status WHEN 'running' THEN 'cancelling' ELSE 'cancelled' END, updated_at = ?
     WHERE rebuild_id = ? AND status IN ('requested', 'running')`,
    [storedMoment(at), rebuildId],
  );
}

/** Writes down that the process of a rebuild has died, if its lease says so. */
export async function failLapsed(session: WriteSession, at: Instant): Promise<void> {
  await session.run(
    `UPDATE ${table} SET status = 'failed', error = ?, updated_at = ? WHERE ${isUnderWay} AND lease_until < ?`,
    [
      'the process that ran it is gone; what it built, but for tables with names, stays for the next rebuild',
      storedMoment(at),
      storedMoment(at),
    ],
  );
}

/** Extends the lease and tells how far it is. @throws {RebuildStopped} */
export async function renewLease(
  session: WriteSession,
  rebuildId: string,
  progress: RebuildProgress,
  at: Instant,
): Promise<void> {
  const { affected } = await session.run(
    `UPDATE ${table} SET lease_until = ?, updated_at = ?, progress = ?
     WHERE rebuild_id = ? AND status = 'running'`,
    [leaseUntil(at), storedMoment(at), JSON.stringify(progress), rebuildId],
  );
  if (affected !== 1) throw new RebuildStopped('the rebuild was cancelled, or another one took its place');
}

/** In a transaction: no other process can take the rebuild's place before it ends. @throws {RebuildStopped} */
export async function assertRunning(session: WriteSession, rebuildId: string, at: Instant): Promise<void> {
  const { affected } = await session.run(
    `UPDATE ${table} SET lease_until = ? WHERE rebuild_id = ? AND status = 'running'`,
    [leaseUntil(at), rebuildId],
  );
  if (affected !== 1) throw new RebuildStopped('another rebuild took the place of this one');
}

/**
 * Keeps other rebuilds from beginning while the tables of an ended one are cleared.
 * @returns false when another one has begun, or another process clears them.
 */
export async function beginClearing(
  session: WriteSession,
  { rebuildId, status }: Pick<RebuildRow, 'rebuildId' | 'status'>,
  at: Instant,
): Promise<boolean> {
  const { affected } = await session.run(
    `UPDATE ${table} SET status = 'cancelling', lease_until = ? WHERE rebuild_id = ? AND status = ?`,
    [leaseUntil(at), rebuildId, status],
  );
  return affected === 1;
}

/** Gives a rebuild back the status it had before {@link beginClearing}. */
export async function endClearing(
  session: WriteSession,
  { rebuildId, status }: Pick<RebuildRow, 'rebuildId' | 'status'>,
  at: Instant,
): Promise<void> {
  await session.run(
    `UPDATE ${table} SET status = ?, updated_at = ? WHERE rebuild_id = ? AND status = 'cancelling'`,
    [status, storedMoment(at), rebuildId],
  );
}

/** Writes down how a rebuild has ended. */
export async function endRebuild(
  session: WriteSession,
  rebuildId: string,
  end: Pick<RebuildRow, 'status' | 'progress' | 'report' | 'error'>,
  at: Instant,
): Promise<void> {
  const { status, progress, report, error } = end;
  await session.run(
    `UPDATE ${table} SET status = ?, progress = ?, report = ?, error = ?, updated_at = ? WHERE rebuild_id = ?`,
    [status, JSON.stringify(progress), report && JSON.stringify(report), error, storedMoment(at), rebuildId],
  );
}
