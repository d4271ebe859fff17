import type { EventStore } from '../../event-store/port.js';
import type { Clock } from '../../platform/clock.js';
import { refuseFuture } from './moment.js';
import { orderAt } from './order-at.js';
import type { Histories, Moment } from './port.js';
import { queueAt } from './queue-at.js';
import { queueTimelines } from './queue-timeline.js';
import { queueTokenAt } from './queue-token-at.js';
import { seatMapAt } from './seat-map-at.js';
import { seatTimelines } from './seat-timeline.js';
import { type TimelineLimits, Timelines } from './timelines.js';
import { VenuePlans } from './venue-plans.js';
import { walletAt } from './wallet-at.js';
import { whyOrder } from './why-order.js';
import { whyQueueToken } from './why-queue-token.js';
import { whySeat } from './why-seat.js';

/** Limits that suit one machine; memory is for seats and for queues each. */
export const defaultTimelineLimits: TimelineLimits = {
  maxBytes: 128 * 1024 * 1024,
  maxBuilds: 2,
  waitMs: 10_000,
};

/** Histories folded from a log. They keep indexes in memory, which live as long as this does. */
export function logHistories(
  store: EventStore,
  clock: Clock,
  limits: TimelineLimits = defaultTimelineLimits,
): Histories {
  const seats = new Timelines(store, seatTimelines, limits);
  const queues = new Timelines(store, queueTimelines, limits);
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
