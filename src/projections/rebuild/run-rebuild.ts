import { type Clock, systemClock } from '../../platform/clock.js';
import { beforeFirst } from '../engine/checkpoints.js';
import { keepLease } from './lease.js';
import { rebuild } from './rebuild.js';
import type { RebuildOptions } from './rebuild-options.js';
import type { RebuildReport } from './rebuild-report.js';
import { endRebuild, type RebuildProgress, RebuildStopped } from './rebuild-row.js';

const notBegun: RebuildProgress = {
  phase: 'folding',
  position: beforeFirst,
  target: beforeFirst,
  events: 0,
  eventsPerSecond: 0,
  secondsLeft: null,
  differenceCount: null,
};

/**
 * Runs a rebuild whose row says `running` here: keeps its lease and writes down how it ended.
 * @throws what {@link rebuild} throws; {@link RebuildStopped} when it was cancelled or replaced.
 */
export async function runRebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { models, rebuildId, onProgress } = options;
  const clock: Clock = options.clock ?? systemClock;
  let progress = notBegun;
  const lease = keepLease(models, rebuildId, { clock, progress: () => progress });
  const end = (
    status: 'completed' | 'cancelled' | 'failed',
    report: RebuildReport | null,
    error: string | null,
  ) =>
    models.dialect.withSession(models.write, (session) =>
      endRebuild(session, rebuildId, { status, progress, report, error }, clock.now()),
    );
  try {
    const report = await rebuild({
      ...options,
      signal: AbortSignal.any([options.signal, lease.signal]),
      onProgress: (now) => {
        progress = now;
        onProgress?.(now);
      },
    });
    await lease.release();
    await end('completed', report, null);
    return report;
  } catch (error) {
    await lease.release();
    const isStopped = options.signal.aborted || error instanceof RebuildStopped;
    const message = error instanceof Error ? error.message : String(error);
    // Whatever ended it matters more than that nobody could be told.
    await end(isStopped ? 'cancelled' : 'failed', null, message).catch(() => undefined);
    throw error;
  }
}
