import type { EventStore } from '../../event-store/port.js';
import type { PerformanceId } from '../../events/ids.js';
import type { QueueReply } from '../../queries/replies.js';
import { performanceAt } from './catalog-at.js';
import { asOf } from './moment.js';
import type { Moment, Then } from './port.js';
import { QueueFold } from './queue-fold.js';
import type { QueueTimeline } from './queue-timeline.js';
import type { Timelines } from './timelines.js';

export interface QueueSources {
  readonly store: EventStore;
  readonly queues: Timelines<QueueTimeline>;
}

/** A performance's queue as anyone could see it at a moment. */
export async function queueAt(
  { store, queues }: QueueSources,
  performanceId: PerformanceId,
  moment: Moment,
): Promise<Then<QueueReply>> {
  const performance = await performanceAt(store, performanceId, moment);
  if (performance.kind !== 'known') return performance;
  const timeline = await queues.get(performanceId, performance.first.position);
  const queue = new QueueFold(timeline, moment);
  const last = timeline.lastPlace(moment);
  const { opensAt, queueCapacity, maxActive } = performance.details.sales;
  const head = queue.nextNumber();
  return {
    kind: 'known',
    reply: {
      performanceId,
      opened: queue.isOpen,
      opensAt,
      size: queue.waiting,
      capacity: queueCapacity,
      isEmpty: queue.waiting === 0,
      isFull: queue.waiting >= queueCapacity,
      active: queue.active,
      maxActive,
      admittedUpTo: queue.admittedUpTo,
      issued: queue.issued,
      head: head === undefined ? null : { number: head },
      asOf: asOf(moment, last ? [performance.place, last] : [performance.place]),
    },
  };
}
