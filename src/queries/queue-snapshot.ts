import type { DataSource } from 'typeorm';
import type { PerformanceId } from '../events/ids.js';
import type { QueueRow } from '../projections/queue.js';
import type { QueueSnapshot } from './ports.js';
import { selectAll, selectFirst } from './select.js';

/** See {@link QueryPorts.queueSnapshot}. */
export async function queueSnapshot(
  db: DataSource,
  performanceId: PerformanceId,
): Promise<QueueSnapshot | null> {
  const queue = await selectFirst<QueueRow>(db, 'SELECT * FROM queues WHERE performance_id = ?', [
    performanceId,
  ]);
  return queue ? snapshotOf(queue) : null;
}

/** What a row of the table says. */
export function snapshotOf(queue: QueueRow): QueueSnapshot {
  const { seed, issued, waiting, admitted, entered, admitted_up_to: admittedUpTo } = queue;
  return {
    performanceId: queue.performance_id,
    opened: queue.opened === 1,
    opensAt: queue.opens_at,
    shuffle: seed === null ? null : { seed, shuffledCount: queue.shuffled_count },
    issued,
    admittedUpTo,
    lastAdmittedAt: queue.last_admitted_at,
    waiting,
    admitted,
    entered,
    active: admitted + entered,
    vacantBeyond: Math.max(0, issued - admittedUpTo - waiting),
    sales: salesOf(queue),
  };
}

/** See {@link QueryPorts.waitingPlaces}. */
export async function waitingPlaces(
  db: DataSource,
  performanceId: PerformanceId,
  fromPlace: number,
  limit: number,
): Promise<number[]> {
  const rows = await selectAll<{ place: number }>(
    db,
    `SELECT place FROM tokens WHERE performance_id = ? AND place >= ? AND status = 'waiting'
     ORDER BY place LIMIT ?`,
    [performanceId, fromPlace, limit],
  );
  return rows.map((row) => row.place);
}

function salesOf(queue: QueueRow): QueueSnapshot['sales'] {
  const { capacity, max_active, admit_per_second, claim_window_ms, service_window_ms } = queue;
  // PerformancePublished writes all of them together.
  if (
    capacity === null ||
    max_active === null ||
    admit_per_second === null ||
    claim_window_ms === null ||
    service_window_ms === null
  ) {
    return null;
  }
  return {
    queueCapacity: capacity,
    maxActive: max_active,
    admitPerSecond: admit_per_second,
    claimWindowMs: claim_window_ms,
    serviceWindowMs: service_window_ms,
  };
}
