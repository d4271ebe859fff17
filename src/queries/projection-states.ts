import type { DataSource } from 'typeorm';
import { type Checkpoint, checkpointOf } from '../projections/engine/checkpoints.js';
import type { AnyRow } from '../projections/engine/table.js';
import { selectAll } from './select.js';

/** The checkpoints of these projections by name, whichever process writes them; those not yet made are missing. */
export async function projectionStates(
  db: DataSource,
  names: readonly string[],
): Promise<ReadonlyMap<string, Checkpoint>> {
  const marks = names.map(() => '?').join(', ');
  const rows = await selectAll<AnyRow>(
    db,
    `SELECT * FROM projection_checkpoints WHERE name IN (${marks})`,
    names,
  );
  return new Map(rows.map((row) => [String(row.name), checkpointOf(row)]));
}
