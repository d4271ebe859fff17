import type { Instant } from '../../events/ids.js';
import { checkpointsTable } from './checkpoints.js';
import type { WriteSession } from './dialect.js';
import { placeholders } from './sql.js';

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
    [...(control === 'pause' ? [at] : []), at, ...names],
  );
}
