import type { RecordedEvent } from '../event-store/port.js';
import type { Instant } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';

/** What has begun and not ended, from the log alone: holds, orders and charges. */
export class OpenThings {
  /** By seat stream, the deadline. */
  readonly holds = new Map<string, Instant>();
  readonly orders = new Set<string>();
  readonly charges = new Set<string>();

  apply(recorded: RecordedEvent): void {
    const event = decodeEvent(recorded);
    switch (event.type) {
      case 'SeatHeld':
        this.holds.set(recorded.stream, event.data.expiresAt);
        return;
      case 'SeatHoldReleased':
      case 'SeatHoldExpired':
      case 'SeatReserved':
        this.holds.delete(recorded.stream);
        return;
      case 'OrderPlaced':
      case 'OrderCancelled':
        this.orders.add(event.data.orderId);
        return;
      case 'OrderPaid':
      case 'OrderRefunded':
        this.orders.delete(event.data.orderId);
        return;
      case 'ChargeRequested':
        this.charges.add(event.data.chargeId);
        return;
      case 'ChargeDeclined':
      case 'PointsCharged':
        this.charges.delete(event.data.chargeId);
        return;
      default:
        return; // nothing else begins or ends one of these
    }
  }

  /** What is still open, for people; empty when nothing is. */
  describe(): string {
    const parts = [
      ...[...this.holds].map(([stream, deadline]) => `hold of ${stream} (until ${deadline})`),
      ...[...this.orders].map((orderId) => `order ${orderId}`),
      ...[...this.charges].map((chargeId) => `charge ${chargeId}`),
    ];
    return parts.slice(0, 10).join(', ');
  }
}
