import { Module } from '@nestjs/common';
import { CLOCK, EVENT_STORE } from '../commands/ports.js';
import type { EventStore } from '../event-store/port.js';
import type { Clock } from '../platform/clock.js';
import { InMemoryIdempotencyRecords } from '../platform/idempotency/in-memory-records.js';
import { IDEMPOTENCY_RECORDS, type RecordedReply } from '../platform/idempotency/port.js';
import { RedisIdempotencyRecords } from '../platform/idempotency/redis-records.js';
import { REDIS_LINK, type RedisLink } from '../platform/redis/redis-link.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { allControllers } from './controllers/all-controllers.js';
import { HealthController } from './controllers/health.controller.js';
import { MetricsController } from './controllers/metrics.controller.js';
import { Idempotency, isReplyOf } from './idempotency.js';
import { EventStreams } from './live/event-streams.js';
import { QueuePositions } from './live/queue-positions.js';
import { RebuildProgressFeed } from './live/rebuild-progress-feed.js';
import { SeatChanges } from './live/seat-changes.js';
import { OrderReplies } from './order-reply.js';
import { QueueStatus } from './queue-status.js';
import { inMemoryRateLimiters, RATE_LIMITERS } from './rate-limiter.js';
import { redisRateLimiters } from './redis-rate-limiter.js';

/**
 * The HTTP API. Around it the application provides globally: CommandBus, TokenSigner, CLOCK, EVENT_STORE,
 * API_SETTINGS, REDIS_LINK, READS, READ_POSITION, READINESS,
 * PROJECTION_OPERATIONS and PROJECTION_REBUILDS.
 */
@Module({
  controllers: allControllers,
  providers: [
    {
      provide: IDEMPOTENCY_RECORDS,
      useFactory: ({ idempotency }: ApiSettings, redis: RedisLink | undefined, store: EventStore) => {
        const own = new InMemoryIdempotencyRecords(idempotency);
        if (!redis) return own;
        const isOfLog = (reply: RecordedReply) => isReplyOf(store, reply);
        return new RedisIdempotencyRecords(redis, own, { ttlMs: idempotency.ttlMs, isOfLog });
      },
      inject: [API_SETTINGS, REDIS_LINK, EVENT_STORE],
    },
    {
      provide: RATE_LIMITERS,
      useFactory: ({ rateLimits }: ApiSettings, clock: Clock, redis: RedisLink | undefined) =>
        redis
          ? redisRateLimiters(redis, rateLimits, () => clock.nowMs())
          : inMemoryRateLimiters(rateLimits, () => clock.nowMs()),
      inject: [API_SETTINGS, CLOCK, REDIS_LINK],
    },
    EventStreams,
    SeatChanges,
    QueuePositions,
    RebuildProgressFeed,
    Idempotency,
    OrderReplies,
    QueueStatus,
  ],
})
export class ApiModule {}

/** All that a process answers which serves no fans: whether it lives and is ready, and its metrics. */
@Module({ controllers: [HealthController, MetricsController] })
export class HealthModule {}
