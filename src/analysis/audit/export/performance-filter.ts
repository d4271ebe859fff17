import type { RecordedEvent } from '../../../event-store/port.js';
import type { PerformanceId } from '../../../events/ids.js';
import { categoryOf } from '../../../events/streams.js';

/** Tells the events of one performance: its dates, queue, turns, seats and orders. Ask in log order. */
export class PerformanceFilter {
  readonly #schedules = new Set<unknown>();
  readonly #orders = new Set<unknown>();

  constructor(private readonly performanceId: PerformanceId) {}

  matches({ stream, data }: RecordedEvent): boolean {
    // Every event's data is a JSON object; fields it lacks are undefined.
    const { performanceId, scheduleId, orderId } = data as Readonly<Record<string, unknown>>;
    const isIts = performanceId === this.performanceId;
    switch (categoryOf(stream)) {
      case 'performance':
      case 'queue':
      case 'admission':
      case 'token':
        return isIts;
      case 'schedule':
        if (isIts) this.#schedules.add(scheduleId);
        return isIts;
      case 'seat':
        return this.#schedules.has(scheduleId);
      case 'order':
        // Only the first event of an order names the performance.
        if (isIts) this.#orders.add(orderId);
        return this.#orders.has(orderId);
      default:
        return false;
    }
  }
}
