import { Module } from '@nestjs/common';
import { EventStore } from '../event-store/port.js';
import { Clock } from '../platform/clock.js';
import {
  IDEMPOTENCY_RECORDS,
  InMemoryIdempotencyRecords,
  type RecordedReply,
} from '../platform/idempotency-records.js';
import { REDIS_LINK, type RedisLink } from '../platform/redis.js';
import { RedisIdempotencyRecords } from '../platform/redis-idempotency-records.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { AuthController, UsersController } from './controllers/account.controller.js';
import { PerformancesController, SchedulesController } from './controllers/catalog.controller.js';
import { HistoryController } from './controllers/history.controller.js';
import { HoldsController } from './controllers/holds.controller.js';
import { LiveController } from './controllers/live.controller.js';
import {
  AuditController,
  ErasuresController,
  ImportsController,
  SalesController,
} from './controllers/operators.controller.js';
import { OrderReplies, OrdersController } from './controllers/orders.controller.js';
import {
  ProjectionsController,
  RebuildProgressFeed,
  RebuildsController,
} from './controllers/projections.controller.js';
import { QueueController, QueueStatus } from './controllers/queue.controller.js';
import { HealthController, MetricsController } from './controllers/system.controller.js';
import {
  ChargesController,
  PaymentCallbacksController,
  WalletController,
} from './controllers/wallet.controller.js';
import { Idempotency, isReplyOf } from './idempotency.js';
import { EventStreams } from './live/event-streams.js';
import { QueueBoards } from './live/queue-boards.js';
import { QueuePositions } from './live/queue-positions.js';
import { SeatBoards } from './live/seat-boards.js';
import { SeatChanges } from './live/seat-changes.js';
import { inMemoryRateLimiters, RATE_LIMITERS, redisRateLimiters } from './rate-limiter.js';

/** Every controller: what the API answers and what its document describes. */
export const allControllers = [
  UsersController,
  AuthController,
  WalletController,
  PerformancesController,
  SchedulesController,
  QueueController,
  HoldsController,
  OrdersController,
  HistoryController,
  LiveController,
  PaymentCallbacksController,
  ChargesController,
  ImportsController,
  AuditController,
  SalesController,
  ProjectionsController,
  RebuildsController,
  MetricsController,
  ErasuresController,
  HealthController,
];

/**
 * The HTTP API. What its providers and controllers inject beside its own is provided globally by the application module in
 * src/app.
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
      inject: [API_SETTINGS, REDIS_LINK, EventStore],
    },
    {
      provide: RATE_LIMITERS,
      useFactory: ({ rateLimits }: ApiSettings, clock: Clock, redis: RedisLink | undefined) =>
        redis
          ? redisRateLimiters(redis, rateLimits, () => clock.nowMs())
          : inMemoryRateLimiters(rateLimits, () => clock.nowMs()),
      inject: [API_SETTINGS, Clock, REDIS_LINK],
    },
    EventStreams,
    SeatBoards,
    QueueBoards,
    SeatChanges,
    QueuePositions,
    RebuildProgressFeed,
    Idempotency,
    OrderReplies,
    QueueStatus,
  ],
})
export class ApiModule {}

/** The endpoints of a process that serves no fans: liveness, readiness and metrics. */
@Module({ controllers: [HealthController, MetricsController] })
export class HealthModule {}
