import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { logHistories } from '../analysis/history/log-histories.js';
import { HISTORIES } from '../analysis/history/port.js';
import { ApiModule, HealthModule } from '../api/api.module.js';
import { API_SETTINGS, type ApiSettings } from '../api/api-settings.js';
import { BACKGROUND_WORK, type BackgroundWork } from '../api/operations.js';
import { OperatorGate } from '../api/operator-gate.js';
import { PersonalKeys } from '../commands/account/erase-user.js';
import { SessionCheck } from '../commands/account/session-check.js';
import { commandHandlers, commandServices } from '../commands/all-commands.js';
import { OperatorKeys } from '../commands/operators/operator-keys.js';
import { CommandSettings } from '../commands/settings.js';
import { StreamRepository } from '../commands/stream-repository.js';
import { EventStore } from '../event-store/port.js';
import { RandomnessBeacon } from '../integrations/beacon/port.js';
import { PaymentProvider } from '../integrations/payment/port.js';
import { Clock } from '../platform/clock.js';
import { PasswordHasher } from '../platform/password-hasher.js';
import { REDIS_LINK, type RedisLink } from '../platform/redis.js';
import { SecurityEvents } from '../platform/security-events.js';
import { TokenSigner } from '../platform/token-signer.js';
import type { ReadSide } from './read-side.js';

/** What the application runs on; opened before it and closed after it. */
export interface AppParts {
  /** False: this process answers /health only. */
  readonly isServing: boolean;
  /** Where idempotency records and rate limits are shared, if processes share them. */
  readonly redis: RedisLink | undefined;
  readonly store: EventStore;
  readonly repository: StreamRepository;
  readonly operatorKeys: OperatorKeys;
  readonly operatorGate: OperatorGate;
  readonly sessions: SessionCheck;
  readonly payments: PaymentProvider;
  readonly beacon: RandomnessBeacon;
  readonly personalKeys: PersonalKeys;
  readonly clock: Clock;
  readonly hasher: PasswordHasher;
  readonly signer: TokenSigner;
  readonly settings: CommandSettings;
  readonly apiSettings: ApiSettings;
  readonly readSide: Pick<ReadSide, 'providers'>;
  readonly background: BackgroundWork;
  readonly securityEvents: SecurityEvents;
}

@Global()
@Module({})
class AppModule {}

/**
 * Wires commands, queries and the HTTP API onto the given parts. The engines, and the processes that act by
 * themselves, are started and stopped in boxoffice.ts, where their order is visible.
 */
export function appModule(parts: AppParts): DynamicModule {
  const provided: Provider[] = [
    { provide: REDIS_LINK, useValue: parts.redis },
    { provide: EventStore, useValue: parts.store },
    { provide: Clock, useValue: parts.clock },
    { provide: CommandSettings, useValue: parts.settings },
    { provide: API_SETTINGS, useValue: parts.apiSettings },
    { provide: PaymentProvider, useValue: parts.payments },
    { provide: RandomnessBeacon, useValue: parts.beacon },
    { provide: PersonalKeys, useValue: parts.personalKeys },
    { provide: StreamRepository, useValue: parts.repository },
    { provide: OperatorKeys, useValue: parts.operatorKeys },
    { provide: OperatorGate, useValue: parts.operatorGate },
    { provide: SessionCheck, useValue: parts.sessions },
    { provide: PasswordHasher, useValue: parts.hasher },
    { provide: TokenSigner, useValue: parts.signer },
    { provide: HISTORIES, useValue: logHistories(parts.store, parts.clock) },
    { provide: BACKGROUND_WORK, useValue: parts.background },
    { provide: SecurityEvents, useValue: parts.securityEvents },
    ...parts.readSide.providers,
  ];
  return {
    module: AppModule,
    imports: [CqrsModule.forRoot(), parts.isServing ? ApiModule : HealthModule],
    providers: [...provided, ...commandServices, ...commandHandlers],
    exports: [...provided, CqrsModule, ...commandServices],
  };
}
