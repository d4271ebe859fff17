import type {
  ChargeId,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  SessionId,
  TokenId,
  UserId,
  VenueId,
} from './ids.js';
import type { Category } from './registry.js';

/** A stream's name, `<category>-<id>`. The category ends at the first hyphen. */
export type StreamName = `${Category}-${string}`;

/** The one place that spells stream names. */
export const streams = {
  user: (id: UserId): StreamName => `user-${id}`,
  /** @param loginIdHash SHA-256 of the normalised login id, hex. */
  login: (loginIdHash: string): StreamName => `login-${loginIdHash}`,
  session: (id: SessionId): StreamName => `session-${id}`,
  wallet: (id: UserId): StreamName => `wallet-${id}`,
  charge: (id: ChargeId): StreamName => `charge-${id}`,
  queue: (id: PerformanceId): StreamName => `queue-${id}`,
  admission: (id: PerformanceId): StreamName => `admission-${id}`,
  token: (id: TokenId): StreamName => `token-${id}`,
  seat: (scheduleId: ScheduleId, seatId: SeatId): StreamName => `seat-${scheduleId}.${seatId}`,
  order: (id: OrderId): StreamName => `order-${id}`,
  venue: (id: VenueId): StreamName => `venue-${id}`,
  performance: (id: PerformanceId): StreamName => `performance-${id}`,
  schedule: (id: ScheduleId): StreamName => `schedule-${id}`,
  /** One stream for the keys of all operators. */
  operatorKeys: (): StreamName => 'operator-keys',
} as const;

/** The category of a stream: the text before its first hyphen. */
export function categoryOf(stream: string): string {
  const hyphen = stream.indexOf('-');
  return hyphen === -1 ? stream : stream.slice(0, hyphen);
}
