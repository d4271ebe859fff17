import { defineTable, instant, json, nullable, text, uuid, varchar } from '../engine/table.js';

/**
 * Where a rebuild stands. `requested`: whichever process projects will begin it. `cancelling`: its process has yet to
 * notice. `running` or `cancelling` with a lease that has run out means that its process is gone.
 */
export type RebuildStatus = 'requested' | 'running' | 'cancelling' | 'completed' | 'cancelled' | 'failed';

/** The one rebuild of this database, the last if none runs: one row, so that there is never a second. */
export const rebuildsTable = defineTable('projection_rebuilds', {
  columns: {
    slot: varchar<'only'>(8),
    rebuild_id: uuid(),
    status: varchar<RebuildStatus>(10),
    request: json(),
    progress: nullable(json()),
    report: nullable(json()),
    error: nullable(text()),
    lease_until: instant(),
    requested_at: instant(),
    updated_at: instant(),
  },
  key: ['slot'],
});
