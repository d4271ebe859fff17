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
  const fresh = { name, version: projection.version, position: beforeFirst, updated_at: at };
  await session.insertIfMissing(checkpointsTable, checkpointsTable.name, fresh);
  const [row] = await session.rowsByKey(checkpointsTable, checkpointsTable.name, [[name]]);
  return { version: Number(row?.version), position: Number(row?.position) };
}

/**
 * Moves checkpoints on, if they all still are where this runner read them. Called first in the transaction, so that
 * another runner of the same tables waits or fails here.
 * @returns false when another runner has moved one.
 */
export async function advanceCheckpoints(
  session: WriteSession,
  from: readonly { readonly name: string; readonly position: number }[],
  to: number,
  at: Instant,
): Promise<boolean> {
  const where = new Array<string>(from.length).fill('(name = ? AND position = ?)').join(' OR ');
  const { affected } = await session.run(
    `UPDATE ${checkpointsTable.name} SET position = ?, updated_at = ? WHERE ${where}`,
    [to, at, ...from.flatMap(({ name, position }) => [name, position])],
  );
  return affected === from.length;
}
