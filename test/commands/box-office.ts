import type { Command, ICommandHandler } from '@nestjs/cqrs';
import { AdmitTokens, AdmitTokensHandler } from '../../src/commands/admit-tokens.js';
import { AdvanceCharge, AdvanceChargeHandler, ChargeProgress } from '../../src/commands/advance-charge.js';
import {
  AdvanceCheckout,
  AdvanceCheckoutHandler,
  CheckoutProgress,
} from '../../src/commands/advance-checkout.js';
import { CancelOrder, CancelOrderHandler } from '../../src/commands/cancel-order.js';
import { CatalogReader } from '../../src/commands/catalog-reader.js';
import { ChangePassword, ChangePasswordHandler } from '../../src/commands/change-password.js';
import { ChargePoints, ChargePointsHandler } from '../../src/commands/charge-points.js';
import { EnterService, EnterServiceHandler } from '../../src/commands/enter-service.js';
import {
  EraseOwnAccount,
  EraseOwnAccountHandler,
  EraseUser,
  EraseUserHandler,
  UserEraser,
} from '../../src/commands/erase-user.js';
import { Executor } from '../../src/commands/execute.js';
import { ExpireHold, ExpireHoldHandler } from '../../src/commands/expire-hold.js';
import { ExpireToken, ExpireTokenHandler } from '../../src/commands/expire-token.js';
import { HoldEnder } from '../../src/commands/hold-ender.js';
import { HoldSeats, HoldSeatsHandler } from '../../src/commands/hold-seats.js';
import { ImportCatalog, ImportCatalogHandler } from '../../src/commands/import-catalog.js';
import { IssueToken, IssueTokenHandler } from '../../src/commands/issue-token.js';
import { LeaveQueue, LeaveQueueHandler } from '../../src/commands/leave-queue.js';
import { Login, LoginHandler } from '../../src/commands/login.js';
import { Logout, LogoutHandler } from '../../src/commands/logout.js';
import { OpenQueue, OpenQueueHandler } from '../../src/commands/open-queue.js';
import { Pay, PayHandler } from '../../src/commands/pay.js';
import type { Settings } from '../../src/commands/ports.js';
import { QueueTurn } from '../../src/commands/queue-turn.js';
import { RefreshSession, RefreshSessionHandler } from '../../src/commands/refresh-session.js';
import { RefreshToken, RefreshTokenHandler } from '../../src/commands/refresh-token.js';
import { RegisterUser, RegisterUserHandler } from '../../src/commands/register-user.js';
import { ReleaseHold, ReleaseHoldHandler } from '../../src/commands/release-hold.js';
import { SeatKeeper } from '../../src/commands/seat-keeper.js';
import { SeatOffer } from '../../src/commands/seat-offer.js';
import { VenuePublisher } from '../../src/commands/venue-publisher.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory/in-memory-event-store.js';
import type { EventStore } from '../../src/event-store/port.js';
import type { PaymentProvider } from '../../src/integrations/payment/port.js';
import { PasswordHasher } from '../../src/platform/password-hasher.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import { FoldedModels } from './folded-models.js';
import { ManualClock } from './manual-clock.js';
import { ScriptedPayments } from './scripted-payments.js';

export const testSettings: Settings = {
  accessTokenTtlMs: 900_000,
  refreshTokenTtlMs: 14 * 24 * 3_600_000,
  queueTokenTtlMs: 3_600_000,
  catalogMaxAgeMs: 0,
  chargeReplyTimeoutMs: 5_000,
  paymentCallbackUrl: undefined,
  secret: 'a secret only the tests know, 32+ characters',
};

export interface CommandSideOptions {
  readonly clock?: ManualClock;
  readonly payments?: PaymentProvider;
  /** An existing log: a second command side on it is another process, with caches of its own. */
  readonly store?: EventStore;
  readonly settings?: Partial<Settings>;
  /** Users whose keys were destroyed. */
  readonly erasedKeys?: Set<string>;
}

/** The whole command side in memory, as one process has it. */
export interface CommandSide {
  readonly store: EventStore;
  readonly clock: ManualClock;
  readonly executor: Executor;
  readonly models: FoldedModels;
  readonly signer: TokenSigner;
  readonly settings: Settings;
  /** Runs a command by its handler, as the CommandBus would. */
  execute<Result>(command: Command<Result>): Promise<Result>;
}

/** Wires every command handler by hand, on the in-memory store unless another is given. */
export function createCommandSide(options: CommandSideOptions = {}): CommandSide {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new InMemoryEventStore({ nowMs: () => clock.nowMs() });
  const payments = options.payments ?? new ScriptedPayments();
  const settings = { ...testSettings, ...options.settings };
  const executor = new Executor(store, clock);
  const models = new FoldedModels(store);
  const signer = new TokenSigner(settings.secret, clock);
  const hasher = new PasswordHasher();
  const catalog = new CatalogReader(executor, settings);
  const erasedKeys = options.erasedKeys ?? new Set<string>();
  const keys = { destroy: async (userId: string) => void erasedKeys.add(userId) };
  const eraser = new UserEraser(executor, models, store, keys, clock);
  const turn = new QueueTurn(executor, catalog);
  const holds = new HoldEnder(executor, clock);
  const offer = new SeatOffer(executor, catalog, models, clock);
  const checkout = new CheckoutProgress(executor, holds);
  const venues = new VenuePublisher(executor, new SeatKeeper(executor, models, clock));
  const charging = new ChargeProgress(executor, payments, settings);

  const handlers = new Map<unknown, ICommandHandler>([
    [AdmitTokens, new AdmitTokensHandler(executor, catalog, models, clock)],
    [AdvanceCharge, new AdvanceChargeHandler(charging)],
    [AdvanceCheckout, new AdvanceCheckoutHandler(checkout)],
    [CancelOrder, new CancelOrderHandler(executor, catalog, checkout, clock)],
    [ChangePassword, new ChangePasswordHandler(executor, hasher)],
    [ChargePoints, new ChargePointsHandler(executor, charging)],
    [EnterService, new EnterServiceHandler(executor, turn)],
    [EraseOwnAccount, new EraseOwnAccountHandler(executor, eraser, hasher)],
    [EraseUser, new EraseUserHandler(executor, eraser)],
    [ExpireHold, new ExpireHoldHandler(holds)],
    [ExpireToken, new ExpireTokenHandler(executor, holds)],
    [HoldSeats, new HoldSeatsHandler(executor, offer, turn, holds)],
    [ImportCatalog, new ImportCatalogHandler(executor, venues, settings)],
    [IssueToken, new IssueTokenHandler(executor, catalog, turn, signer, models, models, settings, clock)],
    [LeaveQueue, new LeaveQueueHandler(executor, holds)],
    [Login, new LoginHandler(executor, hasher, signer, clock, settings)],
    [Logout, new LogoutHandler(executor, signer)],
    [OpenQueue, new OpenQueueHandler(executor, catalog, settings)],
    [Pay, new PayHandler(executor, checkout, clock)],
    [RefreshSession, new RefreshSessionHandler(executor, signer, clock, settings)],
    [RefreshToken, new RefreshTokenHandler(executor, signer, settings)],
    [RegisterUser, new RegisterUserHandler(executor, hasher)],
    [ReleaseHold, new ReleaseHoldHandler(executor, holds)],
  ]);
  return {
    store,
    clock,
    executor,
    models,
    signer,
    settings,
    async execute<Result>(command: Command<Result>): Promise<Result> {
      const handler = handlers.get(command.constructor);
      if (!handler) throw new Error(`no handler for ${command.constructor.name}`);
      // The map pairs each command with its own handler, whose result is the command's.
      return (await handler.execute(command)) as Result;
    },
  };
}

/** Another process on the same log and clock: nothing of the first one's memory is left. */
export function restarted(side: CommandSide, options: CommandSideOptions = {}): CommandSide {
  return createCommandSide({ store: side.store, clock: side.clock, settings: side.settings, ...options });
}
