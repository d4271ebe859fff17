import type { Instant, PerformanceId, SessionId, TokenId, UserId } from '../../events/ids.js';
import {
  defineTable,
  double,
  flag,
  instant,
  int,
  nullable,
  type RowOf,
  uuid,
  varchar,
} from '../engine/table.js';

export type TokenStatus = 'waiting' | 'admitted' | 'entered' | 'completed' | 'expired' | 'left';

/** A fan's turn at a performance: the request that stands in the queue and the token it becomes. */
export const tokensTable = defineTable('tokens', {
  columns: {
    token_id: uuid<TokenId>(),
    user_id: uuid<UserId>(),
    performance_id: uuid<PerformanceId>(),
    /** `<tokenId>.<userId>.<performanceId>`: what the bearer's signature covers; the bearer value is never stored. */
    token_value: varchar(128),
    /** 0 for the fan's first time in this queue. */
    entry: int(),
    number_of_tickets: int(),
    reservation_time: instant(),
    /** Queue number; null until given. */
    number: nullable(int()),
    /** Null until the queue opens. */
    place: nullable(int()),
    status: varchar<TokenStatus>(9),
    admitted_at: nullable(instant()),
    /** An admitted fan must enter before. */
    claim_until: nullable(instant()),
    entered_at: nullable(instant()),
    /** The end of an entered fan's time inside. */
    expire_date: nullable(instant()),
    ended_at: nullable(instant()),
    end_reason: nullable(varchar(20)),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['token_id'],
  indexes: [
    ['user_id', 'performance_id', 'entry'],
    ['performance_id', 'number'],
    ['performance_id', 'place'],
    ['status', 'claim_until'],
    ['status', 'expire_date'],
  ],
});
export type TokenRow = RowOf<typeof tokensTable>;

/** The queue of one performance. */
export const queuesTable = defineTable('queues', {
  columns: {
    performance_id: uuid<PerformanceId>(),
    // From the performance; null should someone queue for one not yet published.
    capacity: nullable(int()),
    max_active: nullable(int()),
    admit_per_second: nullable(double()),
    claim_window_ms: nullable(int()),
    service_window_ms: nullable(int()),
    opens_at: nullable(instant()),
    opened: flag(),
    opened_at: nullable(instant()),
    seed: nullable(varchar(64)),
    shuffled_count: int(),
    /** Numbers given so far. */
    issued: int(),
    /** Places below this one were admitted. */
    admitted_up_to: int(),
    last_admitted_at: nullable(instant()),
    /** Tokens with a number, by status. */
    waiting: int(),
    admitted: int(),
    entered: int(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['performance_id'],
});
export type QueueRow = RowOf<typeof queuesTable>;

/** One log-in on one device. */
export const sessionsTable = defineTable('sessions', {
  columns: {
    session_id: uuid<SessionId>(),
    user_id: uuid<UserId>(),
    status: varchar<'live' | 'ended'>(5),
    generation: int(),
    expires_at: instant(),
    end_reason: nullable(varchar<'logout' | 'reuse'>(6)),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['session_id'],
  indexes: [['user_id']],
});

/** A queue nobody has joined and nothing is known of. */
export function emptyQueue(performanceId: PerformanceId, at: Instant): QueueRow {
  return {
    performance_id: performanceId,
    capacity: null,
    max_active: null,
    admit_per_second: null,
    claim_window_ms: null,
    service_window_ms: null,
    opens_at: null,
    opened: 0,
    opened_at: null,
    seed: null,
    shuffled_count: 0,
    issued: 0,
    admitted_up_to: 0,
    last_admitted_at: null,
    waiting: 0,
    admitted: 0,
    entered: 0,
    created_at: at,
    updated_at: at,
  };
}
