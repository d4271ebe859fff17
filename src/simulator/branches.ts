import type { RecordedEvent } from '../event-store/port.js';
import type { EventMetadata } from '../events/event.js';
import type { Instant } from '../events/ids.js';
import { type DomainEvent, decodeEvent } from '../events/registry.js';

/**
 * What must happen at least once in a large campaign ("sometimes assertions"): a branch that is never reached is not
 * tested. Refusals are counted as `refused: <code>`.
 */
export const expectedBranches = [
  'lapsed hold taken over by the next fan',
  'hold expired by itself',
  'hold released by its fan',
  'seats of a partial hold given back',
  'seat barred from a hold that was late',
  'seat comes back after a lapse',
  'seat comes back after a release',
  'seat comes back after a cancelled order',
  'hold taken by a second run of its request',
  'seats given back after a failed order',
  'seats given back after a cancelled order',
  'order failed: insufficient-points',
  'order failed: hold-lapsed',
  'order failed: seat-taken',
  'order failed: not-on-sale',
  'order paid in its request',
  'order paid by the recovery',
  'order refunded in its request',
  'order refunded by the recovery',
  'order refunded partly in its request',
  'order refunded partly by the recovery',
  'order given back by its fan',
  'order given back by an operator',
  'order given back for a cancelled date',
  'seats of an order given back by its fan',
  'seats of an order given back by an operator',
  'seats of an order given back for a cancelled date',
  'points given back',
  'points of some seats given back',
  'date cancelled',
  'performance cancelled',
  'cancelled date settled',
  'hold ended because its date was cancelled',
  'date moved',
  'prices changed',
  'refund window opened: date-moved',
  'refund window opened: operator',
  'charge credited in its request',
  'charge credited by the recovery',
  'charge credited by a callback',
  'charge declined',
  'charge written by the older build',
  'payment asked for again',
  'payment looked up after a conflict',
  'turn completed',
  'turn left',
  'turn expired: claim-lapsed',
  'turn expired: time-used-up',
  'turn expired: queue-full',
  'turn expired: sale-ended',
  'turn expired: idle',
  'turn expired: unpaid-holds',
  'turn told what cools down',
  'token used by a thief',
  'queue number given twice',
  'several fans admitted at once',
  'board compared: seats',
  'board compared: queue',
  'board compared: tokens',
  'early fans shuffled',
  'plan published again',
  'seat kept in a plan that drops it',
  'seat recognised by its place',
  'append recognised as a retry',
  'timers restored after all jobs were lost',
  'refused: seat-held',
  'refused: seat-reserved',
  'refused: seat-cooling-down',
  'refused: no-seats-available',
  'refused: insufficient-points',
  'refused: seat-limit-reached',
  'refused: hold-lapsed',
  'refused: hold-ended',
  'refused: hold-in-progress',
  'refused: token-waiting',
  'refused: token-ended',
  'refused: queue-full',
  'refused: not-on-sale',
  'refused: order-not-cancellable',
  'refused: login-id-taken',
  'refused: payment-declined',
] as const;

/** Reports the branches that each append shows. */
export class BranchWatch {
  readonly #numbered = new Set<string>();
  /** By schedule and performance, what was published last. */
  readonly #starts = new Map<string, Instant>();
  readonly #prices = new Map<string, string>();

  constructor(private readonly saw: (branch: string) => void) {}

  see(written: readonly RecordedEvent[]): void {
    const types = written.map(({ type }) => type);
    const isTakeOver = types.includes('SeatHoldExpired') && types.includes('SeatHeld');
    if (isTakeOver) this.saw('lapsed hold taken over by the next fan');
    for (const recorded of written) {
      if (isTakeOver && recorded.type === 'SeatHoldExpired') continue;
      const event = decodeEvent(recorded);
      const branch = branchOf(event, recorded);
      if (branch !== undefined) this.saw(branch);
      if ('availableFrom' in event.data && event.data.availableFrom !== undefined)
        this.saw(`seat comes back after a ${returns[event.type] ?? event.type}`);
      this.#seeRevision(event);
      if (event.type !== 'TokenIssued') continue;
      if (this.#numbered.has(event.data.tokenId)) this.saw('queue number given twice');
      this.#numbered.add(event.data.tokenId);
    }
  }

  #seeRevision(event: DomainEvent): void {
    if (event.type === 'SchedulePublished') {
      const { scheduleId, startsAt } = event.data;
      const before = this.#starts.get(scheduleId);
      if (before !== undefined && before !== startsAt) this.saw('date moved');
      this.#starts.set(scheduleId, startsAt);
    }
    if (event.type === 'PerformancePublished') {
      const { performanceId } = event.data;
      const prices = JSON.stringify(event.data.prices);
      const before = this.#prices.get(performanceId);
      if (before !== undefined && before !== prices) this.saw('prices changed');
      this.#prices.set(performanceId, prices);
    }
  }
}

function branchOf(event: DomainEvent, recorded: RecordedEvent): string | undefined {
  // encodeEvent wrote it.
  const { actor, schemaVersion } = recorded.metadata as EventMetadata;
  const by = actor.kind === 'process' ? 'by the recovery' : 'in its request';
  switch (event.type) {
    case 'SeatHoldExpired':
      return 'hold expired by itself';
    case 'SeatHoldBarred':
      return 'seat barred from a hold that was late';
    case 'SeatsRequestRepeated':
      return 'hold taken by a second run of its request';
    case 'SeatHoldReleased':
      return releases[event.data.reason];
    case 'SeatReservationCancelled':
      return cancellations[event.data.reason];
    case 'OrderPaid':
      return `order paid ${by}`;
    case 'OrderFailed':
      return `order failed: ${event.data.reason}`;
    case 'OrderRefunded':
      return `order refunded ${by}`;
    case 'OrderItemsCancelled':
      return `seats of an order given back ${causes[event.data.cause]}`;
    case 'OrderCancelled':
      return `order given back ${causes[event.data.cause]}`;
    case 'OrderItemsRefunded':
      return `order refunded partly ${by}`;
    case 'PointsRefunded':
      if (event.data.amount === 0) return undefined;
      return event.data.refundId === undefined ? 'points given back' : 'points of some seats given back';
    case 'ScheduleCancelled':
      return 'date cancelled';
    case 'ScheduleCancellationSettled':
      return 'cancelled date settled';
    case 'RefundWindowOpened':
      return `refund window opened: ${event.data.cause}`;
    case 'PointsCharged':
      return `charge credited ${actor.kind === 'anonymous' ? 'by a callback' : by}`;
    case 'ChargeDeclined':
      return 'charge declined';
    case 'ChargeRequested':
      return schemaVersion === 1 ? 'charge written by the older build' : undefined;
    case 'TokenCompleted':
      return 'turn completed';
    case 'TokenLeft':
      return 'turn left';
    case 'TokenRequested':
      return event.data.cooling ? 'turn told what cools down' : undefined;
    case 'TokenExpired':
      return `turn expired: ${event.data.reason}`;
    case 'TokensAdmitted':
      return event.data.to - event.data.from > 1 ? 'several fans admitted at once' : undefined;
    case 'QueueOpened':
      return event.data.shuffledCount > 1 ? 'early fans shuffled' : undefined;
    case 'SectionPublished':
      return recorded.revision > 2 ? 'plan published again' : undefined;
    default:
      return undefined; // the other events happen in every run
  }
}

/** What freed a seat that comes back later. */
const returns: { readonly [Type in DomainEvent['type']]?: string } = {
  SeatHoldExpired: 'lapse',
  SeatHoldReleased: 'release',
  SeatReservationCancelled: 'cancelled order',
};

const causes = {
  fan: 'by its fan',
  operator: 'by an operator',
  'schedule-cancelled': 'for a cancelled date',
  'date-changed': 'for a changed date',
} as const;

const releases = {
  conflict: 'seats of a partial hold given back',
  released: 'hold released by its fan',
  'order-failed': 'seats given back after a failed order',
  'schedule-cancelled': 'hold ended because its date was cancelled',
  'hall-changed': 'hold ended because its date moved to another hall',
} as const;

const cancellations = {
  'order-cancelled': 'seats given back after a cancelled order',
  'order-failed': 'seats given back after a failed order',
} as const;
