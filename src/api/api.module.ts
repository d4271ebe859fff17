import { Logger, Module } from '@nestjs/common';
import { BoardFeeds } from '../boards/board-feeds.js';
import { QueueBoards } from '../boards/queue-boards.js';
import { SeatBoards } from '../boards/seat-boards.js';
import { EventStore } from '../event-store/port.js';
import { joinVerifierOf } from '../integrations/join-verification/join-verifier.js';
import { JoinVerifier } from '../integrations/join-verification/port.js';
import { Clock } from '../platform/clock.js';
import {
  IDEMPOTENCY_RECORDS,
  InMemoryIdempotencyRecords,
  type RecordedReply,
} from '../platform/idempotency-records.js';
import { reportTo } from '../platform/logging.js';
import { REDIS_LINK, type RedisLink } from '../platform/redis.js';
import { RedisIdempotencyRecords } from '../platform/redis-idempotency-records.js';
import { TokenSigner } from '../platform/token-signer.js';
import { QUERIES, type Queries } from '../queries/queries.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { AuthController, SessionsController, UsersController } from './controllers/account.controller.js';
import { PerformancesController, SchedulesController } from './controllers/catalog.controller.js';
import { HistoryController } from './controllers/history.controller.js';
import { HoldsController } from './controllers/holds.controller.js';
import { LiveController } from './controllers/live.controller.js';
import { OperatorKeysController } from './controllers/operator-keys.controller.js';
import {
  AuditController,
  BoardsController,
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
import { QueuePositions } from './live/queue-positions.js';
import { SeatChanges } from './live/seat-changes.js';
import { PasswordAttempts } from './password-attempts.js';
import { inMemoryRateLimiters, RATE_LIMITERS, redisRateLimiters } from './rate-limiter.js';
import { READ_POSITION, type ReadPosition } from './read-position.js';

/** Every controller: what the API answers and what its document describes. */
export const allControllers = [
  UsersController,
  SessionsController,
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
  BoardsController,
  SalesController,
  ProjectionsController,
  RebuildsController,
  MetricsController,
  ErasuresController,
  OperatorKeysController,
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
    PasswordAttempts,
    {
      provide: JoinVerifier,
      useFactory: ({ joinVerification }: ApiSettings, signer: TokenSigner) =>
        joinVerifierOf(joinVerification, signer),
      inject: [API_SETTINGS, TokenSigner],
    },
    EventStreams,
    {
      provide: SeatBoards,
      useFactory: (
        queries: Queries,
        readPosition: ReadPosition,
        { sse, waitForPositionTimeoutMs }: ApiSettings,
      ) =>
        new SeatBoards(queries, readPosition, {
          rememberedSeatChanges: sse.rememberedSeatChanges,
          waitForPositionTimeoutMs,
        }),
      inject: [QUERIES, READ_POSITION, API_SETTINGS],
    },
    {
      provide: QueueBoards,
      useFactory: (queries: Queries, { sharedReplies }: ApiSettings, clock: Clock) =>
        new QueueBoards(queries, sharedReplies, clock),
      inject: [QUERIES, API_SETTINGS, Clock],
    },
    {
      provide: BoardFeeds,
      useFactory: (store: EventStore, seats: SeatBoards, queues: QueueBoards) =>
        new BoardFeeds(store, seats, queues, reportTo(new Logger('BoardFeeds'))),
      inject: [EventStore, SeatBoards, QueueBoards],
    },
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
