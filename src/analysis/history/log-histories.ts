import type { EventStore } from '../../event-store/port.js';
import type { Clock } from '../../platform/clock.js';
import { VenuePlans } from './catalog-at.js';
import { EventIndexes, type IndexLimits } from './event-index.js';
import { orderAt, walletAt } from './fan-at.js';
import { whyOrder } from './order-timeline.js';
import { refuseFuture } from './past-events.js';
import type { Histories, Moment } from './port.js';
import { queueAt, queueIndexes, queueTokenAt } from './queue-at.js';
import { seatIndexes, seatMapAt } from './seat-map-at.js';
import { whySeat } from './seat-timeline.js';
import { whyQueueToken } from './token-timeline.js';

/** Limits for one process; seats and queues may use `maxBytes` each. */
export const defaultIndexLimits: IndexLimits = {
  maxBytes: 128 * 1024 * 1024,
  maxBuilds: 2,
  waitMs: 10_000,
};

/** Histories folded from a log, with their indexes in memory. */
export function logHistories(
  store: EventStore,
  clock: Clock,
  limits: IndexLimits = defaultIndexLimits,
): Histories {
  const seats = new EventIndexes(store, seatIndexes, limits);
  const queues = new EventIndexes(store, queueIndexes, limits);
  const plans = new VenuePlans(store);
  const sources = { store, seats, queues, plans, clock };
  const past = async <Reply>(moment: Moment, look: () => Promise<Reply>): Promise<Reply> => {
    await refuseFuture(moment, store, clock);
    return look();
  };
  return {
    seatMap: (scheduleId, moment, filter) =>
      past(moment, () => seatMapAt(sources, scheduleId, moment, filter)),
    wallet: (userId, moment) => past(moment, () => walletAt(store, userId, moment)),
    order: (userId, orderId, moment) => past(moment, () => orderAt(sources, userId, orderId, moment)),
    queue: (performanceId, moment) => past(moment, () => queueAt(sources, performanceId, moment)),
    queueToken: (token, moment) => past(moment, () => queueTokenAt(sources, token, moment)),
    whyOrder: (orderId, asked) => whyOrder(store, orderId, asked),
    whySeat: (scheduleId, seatId, asked) => whySeat(sources, scheduleId, seatId, asked),
    whyQueueToken: (token, asked) => whyQueueToken(sources, token, asked),
  };
}
