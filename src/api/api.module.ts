import { Module } from '@nestjs/common';
import { InMemoryIdempotencyRecords } from '../platform/idempotency/in-memory-records.js';
import { IDEMPOTENCY_RECORDS } from '../platform/idempotency/port.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { AuditController } from './controllers/audit.controller.js';
import { AuthController } from './controllers/auth.controller.js';
import { HealthController } from './controllers/health.controller.js';
import { HoldsController } from './controllers/holds.controller.js';
import { ImportsController } from './controllers/imports.controller.js';
import { LiveController } from './controllers/live.controller.js';
import { OrdersController } from './controllers/orders.controller.js';
import { PaymentCallbacksController } from './controllers/payment-callbacks.controller.js';
import { PerformancesController } from './controllers/performances.controller.js';
import { QueueController } from './controllers/queue.controller.js';
import { SchedulesController } from './controllers/schedules.controller.js';
import { UsersController } from './controllers/users.controller.js';
import { WalletController } from './controllers/wallet.controller.js';
import { Idempotency } from './idempotency.js';
import { EventStreams } from './live/event-streams.js';
import { QueuePositions } from './live/queue-positions.js';
import { SeatChanges } from './live/seat-changes.js';
import { OrderReplies } from './order-reply.js';
import { QueueStatus } from './queue-status.js';

/**
 * The HTTP API. Around it the application provides globally: CommandBus, TokenSigner, CLOCK, EVENT_STORE,
 * API_SETTINGS, READS, READ_POSITION and READINESS.
 */
@Module({
  controllers: [
    UsersController,
    AuthController,
    WalletController,
    PerformancesController,
    SchedulesController,
    QueueController,
    HoldsController,
    OrdersController,
    PaymentCallbacksController,
    ImportsController,
    AuditController,
    LiveController,
    HealthController,
  ],
  providers: [
    {
      provide: IDEMPOTENCY_RECORDS,
      useFactory: ({ idempotency }: ApiSettings) => new InMemoryIdempotencyRecords(idempotency),
      inject: [API_SETTINGS],
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
