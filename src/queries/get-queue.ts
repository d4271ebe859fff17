import type { PerformanceId } from '../events/ids.js';
import type { QueueRow } from '../projections/queue.js';
import type { QueryContext } from './context.js';
import type { QueueReply } from './replies.js';
import { selectFirst } from './select.js';

/** A performance's queue as anyone may see it; null when the performance is unknown. */
export async function getQueue(
  { db }: QueryContext,
  performanceId: PerformanceId,
): Promise<QueueReply | null> {
  const queue = await selectFirst<QueueRow>(db, 'SELECT * FROM queues WHERE performance_id = ?', [
    performanceId,
  ]);
  if (!queue) return null;
  const head = await selectFirst<{ number: number }>(
    db,
    `SELECT number FROM tokens WHERE performance_id = ? AND place >= ? AND status = 'waiting'
     ORDER BY place LIMIT 1`,
    [performanceId, queue.admitted_up_to],
  );
  const capacity = queue.capacity ?? 0;
  return {
    performanceId,
    opened: queue.opened === 1,
    opensAt: queue.opens_at,
    size: queue.waiting,
    capacity,
    isEmpty: queue.waiting === 0,
    isFull: queue.waiting >= capacity,
    active: queue.admitted + queue.entered,
    maxActive: queue.max_active ?? 0,
    admittedUpTo: queue.admitted_up_to,
    issued: queue.issued,
    head: head ? { number: head.number } : null,
  };
}
