import type { QueueToken } from '../commands/queue/queue-admission.js';
import type { ChargeId, OrderId, PerformanceId, ScheduleId, UserId, VenueId } from '../events/ids.js';
import type {
  AvailabilityReply,
  ChargeReply,
  HoldReply,
  Language,
  OrderReply,
  Page,
  PageRequest,
  PerformanceReply,
  PerformanceSummary,
  QueueFairnessReply,
  QueueNumberReply,
  QueueReply,
  QueueTokenReply,
  ReservationReply,
  ScheduleReply,
  SeatMapReply,
  SeatStatus,
  UserReply,
  VenueReply,
  WalletEntryReply,
  WalletReply,
} from '../queries/replies.js';

/** The token {@link Reads} is injected by. */
export const READS = Symbol('Reads');

interface PerformanceSearch {
  /** Every word must be found. */
  readonly search?: string | undefined;
  /** Local calendar dates, YYYY-MM-DD, inclusive. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** What the API reads. Null: there is none. Names come in the language asked for where they are given in it. */
export interface Reads {
  user(userId: UserId): Promise<UserReply | null>;
  wallet(userId: UserId): Promise<WalletReply | null>;
  walletHistory(userId: UserId, page: PageRequest): Promise<Page<WalletEntryReply>>;
  charge(userId: UserId, chargeId: ChargeId): Promise<ChargeReply | null>;
  venue(venueId: VenueId, language: Language | null): Promise<VenueReply | null>;
  performances(
    search: PerformanceSearch,
    page: PageRequest,
    language: Language | null,
  ): Promise<Page<PerformanceSummary>>;
  performance(performanceId: PerformanceId, language: Language | null): Promise<PerformanceReply | null>;
  schedules(
    performanceId: PerformanceId,
    dates: Pick<PerformanceSearch, 'from' | 'to'>,
    page: PageRequest,
  ): Promise<Page<ScheduleReply> | null>;
  schedule(scheduleId: ScheduleId): Promise<ScheduleReply | null>;
  availability(scheduleId: ScheduleId): Promise<AvailabilityReply | null>;
  seatMap(
    scheduleId: ScheduleId,
    filter: { readonly section?: string | undefined; readonly status?: SeatStatus | undefined },
  ): Promise<SeatMapReply | null>;
  /** The fan's place; the token id names it, fan and performance help to find it. */
  queueToken(
    queueToken: Pick<QueueToken, 'tokenId' | 'userId' | 'performanceId'>,
  ): Promise<QueueTokenReply | null>;
  queue(performanceId: PerformanceId): Promise<QueueReply | null>;
  queueFairness(performanceId: PerformanceId): Promise<QueueFairnessReply | null>;
  /** In the order of the numbers; up to 1,000 a page. */
  queueNumbers(performanceId: PerformanceId, page: PageRequest): Promise<Page<QueueNumberReply> | null>;
  /** The fan's live holds. */
  holds(userId: UserId): Promise<readonly HoldReply[]>;
  orders(userId: UserId, page: PageRequest): Promise<Page<OrderReply>>;
  /** Null also when the order is somebody else's. */
  order(userId: UserId, orderId: OrderId): Promise<OrderReply | null>;
  reservations(userId: UserId, page: PageRequest, language: Language | null): Promise<Page<ReservationReply>>;
}
