import type { Instant } from '../../events/ids.js';
import type { WriteSession } from './dialect.js';
import type { Projection } from './projection.js';
import { bigint, defineTable, instant, int, varchar } from './table.js';

/** How far each projection has come; committed together with its rows. */
export const checkpointsTable = defineTable('projection_checkpoints', {
  columns: { name: varchar(64), version: int(), position: bigint(), updated_at: instant() },
  key: ['name'],
});

export interface Checkpoint {
  /** The projection's version that built its tables. */
  readonly version: number;
  /** Every event up to here is in the tables; {@link beforeFirst} in new ones. */
  readonly position: number;
}

/** The position before every event. */
export const beforeFirst = -1;

/** The name a projection's checkpoint has when its tables carry `suffix`. */
export function checkpointName(projection: Projection, suffix: string): string {
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
  await session.run(
    `INSERT INTO ${checkpointsTable.name} (name, version, position, updated_at)
     SELECT ?, ?, ?, ? FROM (SELECT 1 AS one) AS once
     WHERE NOT EXISTS (SELECT 1 FROM ${checkpointsTable.name} WHERE name = ?)`,
    [name, projection.version, beforeFirst, at, name],
  );
  const [row] = await session.rowsByKey(checkpointsTable, checkpointsTable.name, [[name]]);
  return { version: Number(row?.version), position: Number(row?.position) };
}

/**
 * Moves a checkpoint on, if it still is where this runner read it. Called first in the transaction, so that
 * another runner of the same tables waits or fails here.
 * @returns false when another runner has moved it.
 */
export async function advanceCheckpoint(
  session: WriteSession,
  name: string,
  from: number,
  to: number,
  at: Instant,
): Promise<boolean> {
  const { affected } = await session.run(
    `UPDATE ${checkpointsTable.name} SET position = ?, updated_at = ? WHERE name = ? AND position = ?`,
    [to, at, name, from],
  );
  return affected === 1;
}
