import { Module } from '@nestjs/common';
import { CLOCK } from '../commands/ports.js';
import type { Clock } from '../platform/clock.js';
import { InMemoryIdempotencyRecords } from '../platform/idempotency/in-memory-records.js';
import { IDEMPOTENCY_RECORDS } from '../platform/idempotency/port.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { allControllers } from './controllers/all-controllers.js';
import { Idempotency } from './idempotency.js';
import { EventStreams } from './live/event-streams.js';
import { QueuePositions } from './live/queue-positions.js';
import { SeatChanges } from './live/seat-changes.js';
import { OrderReplies } from './order-reply.js';
import { QueueStatus } from './queue-status.js';
import { inMemoryRateLimiters, RATE_LIMITERS } from './rate-limiter.js';

/**
 * The HTTP API. Around it the application provides globally: CommandBus, TokenSigner, CLOCK, EVENT_STORE,
 * API_SETTINGS, READS, READ_POSITION and READINESS.
 */
@Module({
  controllers: allControllers,
  providers: [
    {
      provide: IDEMPOTENCY_RECORDS,
      useFactory: ({ idempotency }: ApiSettings) => new InMemoryIdempotencyRecords(idempotency),
      inject: [API_SETTINGS],
    },
    {
      provide: RATE_LIMITERS,
      useFactory: ({ rateLimits }: ApiSettings, clock: Clock) =>
        inMemoryRateLimiters(rateLimits, () => clock.nowMs()),
      inject: [API_SETTINGS, CLOCK],
    },
    EventStreams,
    SeatChanges,
    QueuePositions,
    Idempotency,
    OrderReplies,
    QueueStatus,
  ],
})
export class ApiModule {}
