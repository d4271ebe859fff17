import type { Command } from '@nestjs/cqrs';
import { DeciderHandler } from '../../src/commands/decider-handler.js';
import type { CommandSettings } from '../../src/commands/settings.js';
import { StreamRepository } from '../../src/commands/stream-repository.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { EventStore } from '../../src/event-store/port.js';
import type { RandomnessBeacon } from '../../src/integrations/beacon/port.js';
import type { PaymentProvider } from '../../src/integrations/payment/port.js';
import { PasswordHasher } from '../../src/platform/password-hasher.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import { commandSide } from '../../src/simulator/command-side.js';
import { FoldedModels } from './folded-models.js';
import { ManualClock } from './manual-clock.js';
import { ScriptedPayments } from './scripted-payments.js';

export const testSettings: CommandSettings = {
  accessTokenTtlMs: 900_000,
  refreshTokenTtlMs: 14 * 24 * 3_600_000,
  sessionMaxLifeMs: 30 * 24 * 3_600_000,
  queueTokenTtlMs: 3_600_000,
  catalogMaxAgeMs: 0,
  chargeReplyTimeoutMs: 5_000,
  nameBeaconRound: false,
  paymentCallbackUrl: undefined,
  queueSecret: { current: 'a secret only the tests know, 32+ characters' },
};

export interface CommandSideOptions {
  readonly clock?: ManualClock;
  readonly payments?: PaymentProvider;
  readonly beacon?: RandomnessBeacon;
  /** An existing log: a second command side on it is another process, with caches of its own. */
  readonly store?: EventStore;
  readonly settings?: Partial<CommandSettings>;
  /** Users whose keys were destroyed. */
  readonly erasedKeys?: Set<string>;
}

/** The whole command side in memory, as one process has it. */
export interface CommandSide {
  readonly store: EventStore;
  readonly clock: ManualClock;
  readonly repository: StreamRepository;
  readonly deciders: DeciderHandler;
  readonly models: FoldedModels;
  readonly signer: TokenSigner;
  readonly settings: CommandSettings;
  /** Runs a command by its handler, as the CommandBus would. */
  execute<Result>(command: Command<Result>): Promise<Result>;
}

/** Wires every command handler by hand, on the in-memory store unless another is given. */
export function createCommandSide(options: CommandSideOptions = {}): CommandSide {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new InMemoryEventStore({ nowMs: () => clock.nowMs() });
  const payments = options.payments ?? new ScriptedPayments();
  const settings = { ...testSettings, ...options.settings };
  const repository = new StreamRepository(store, clock);
  const deciders = new DeciderHandler(repository, clock);
  const models = new FoldedModels(store, clock);
  const signer = new TokenSigner(settings.queueSecret, clock);
  const erasedKeys = options.erasedKeys ?? new Set<string>();
  const keys = { destroy: async (userId: string) => void erasedKeys.add(userId) };
  const commands = commandSide({
    store,
    repository,
    clock,
    settings,
    payments,
    beacon: options.beacon,
    hasher: new PasswordHasher(),
    signer,
    queries: models,
    personalKeys: keys,
  });
  return {
    store,
    clock,
    repository,
    deciders,
    models,
    signer,
    settings,
    execute: (command) => commands.execute(command),
  };
}

/** Another process on the same log and clock: nothing of the first one's memory is left. */
export function restarted(side: CommandSide, options: CommandSideOptions = {}): CommandSide {
  return createCommandSide({ store: side.store, clock: side.clock, settings: side.settings, ...options });
}
