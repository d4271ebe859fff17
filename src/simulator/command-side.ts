import type { Command, ICommandHandler } from '@nestjs/cqrs';
import {
  ChangePassword,
  ChangePasswordHandler,
  RegisterUser,
  RegisterUserHandler,
} from '../commands/account/account.js';
import {
  EraseOwnAccount,
  EraseOwnAccountHandler,
  EraseUser,
  EraseUserHandler,
  type PersonalKeys,
  UserEraser,
} from '../commands/account/erase-user.js';
import { type SessionCheck, uncheckedSessions } from '../commands/account/session-check.js';
import {
  EndOtherSessions,
  EndOtherSessionsHandler,
  EndSession,
  EndSessionHandler,
  Login,
  LoginHandler,
  Logout,
  LogoutHandler,
  RefreshSession,
  RefreshSessionHandler,
} from '../commands/account/sessions.js';
import {
  CancelPerformance,
  CancelPerformanceHandler,
  CancelSchedule,
  CancelScheduleHandler,
  OpenRefundWindow,
  OpenRefundWindowHandler,
} from '../commands/catalog/cancel-schedule.js';
import { CatalogReader } from '../commands/catalog/catalog-reader.js';
import { HallChanges } from '../commands/catalog/hall-changes.js';
import { ImportCatalog, ImportCatalogHandler } from '../commands/catalog/import-catalog.js';
import { DatePublisher } from '../commands/catalog/publish-dates.js';
import { VenuePublisher } from '../commands/catalog/publish-venue.js';
import { SoldSeats } from '../commands/catalog/retain-sold-seats.js';
import { DeciderHandler } from '../commands/decider-handler.js';
import {
  CancelOrder,
  CancelOrderHandler,
  RefundOrder,
  RefundOrderHandler,
} from '../commands/orders/cancel-order.js';
import {
  AdvanceCheckout,
  AdvanceCheckoutHandler,
  CheckoutProcess,
} from '../commands/orders/checkout-process.js';
import { Pay, PayHandler } from '../commands/orders/pay.js';
import { SettleCancellation, SettleCancellationHandler } from '../commands/orders/settle-cancellation.js';
import {
  EnterService,
  EnterServiceHandler,
  ExpireToken,
  ExpireTokenHandler,
  LeaveQueue,
  LeaveQueueHandler,
} from '../commands/queue/enter-and-leave.js';
import {
  IssueToken,
  IssueTokenHandler,
  RefreshToken,
  RefreshTokenHandler,
} from '../commands/queue/issue-token.js';
import { JoinedReader } from '../commands/queue/joined-numbers.js';
import {
  AdmitTokens,
  AdmitTokensHandler,
  OpenQueue,
  OpenQueueHandler,
} from '../commands/queue/open-and-admit.js';
import { QueueAdmission } from '../commands/queue/queue-admission.js';
import {
  ExpireHold,
  ExpireHoldHandler,
  Holds,
  ReleaseHold,
  ReleaseHoldHandler,
} from '../commands/seats/end-hold.js';
import { HoldSeats, HoldSeatsHandler } from '../commands/seats/hold-seats.js';
import { SeatsForSale } from '../commands/seats/seats-for-sale.js';
import type { CommandSettings } from '../commands/settings.js';
import type { StreamRepository } from '../commands/stream-repository.js';
import {
  AdvanceCharge,
  AdvanceChargeHandler,
  ChargePoints,
  ChargePointsHandler,
  ChargeProcess,
} from '../commands/wallet/charge-points.js';
import { SettleCharge, SettleChargeHandler } from '../commands/wallet/settle-charge.js';
import type { EventStore } from '../event-store/port.js';
import { BeaconUnavailable, type RandomnessBeacon } from '../integrations/beacon/port.js';
import type { PaymentProvider } from '../integrations/payment/port.js';
import { Chance } from '../platform/chance.js';
import type { Clock } from '../platform/clock.js';
import type { PasswordHasher } from '../platform/password-hasher.js';
import type { TokenSigner } from '../platform/token-signer.js';
import type { Commands } from '../processes/periodic-task.js';
import type { CommandQueries } from '../queries/queries.js';

interface CommandSideParts {
  readonly store: EventStore;
  readonly repository: StreamRepository;
  readonly clock: Clock;
  readonly settings: CommandSettings;
  readonly payments: PaymentProvider;
  /** Unset: no performance may name a round. */
  readonly beacon?: RandomnessBeacon | undefined;
  readonly hasher: PasswordHasher;
  readonly signer: TokenSigner;
  /** Default: unpredictable. */
  readonly chance?: Chance;
  readonly queries: CommandQueries;
  /** Unset: nobody checks sessions. */
  readonly sessions?: SessionCheck;
  /** Unset: no user can be erased. */
  readonly personalKeys?: PersonalKeys;
}

const noBeacon: RandomnessBeacon = {
  signatureOf: async () => {
    throw new BeaconUnavailable('there is no beacon here');
  },
};

/** The whole command side by hand, as the module of the application wires it for one process. */
export function commandSide(parts: CommandSideParts): Commands {
  const { repository, clock, settings, payments, hasher, signer, sessions = uncheckedSessions } = parts;
  const { beacon = noBeacon } = parts;
  const { chance = new Chance() } = parts;
  const deciders = new DeciderHandler(repository, clock);
  const joined = new JoinedReader(repository);
  const catalog = new CatalogReader(repository, settings);
  const turn = new QueueAdmission(repository, catalog);
  const holds = new Holds(repository, deciders, clock);
  const offer = new SeatsForSale(repository, catalog, parts.queries, clock);
  const checkout = new CheckoutProcess(repository, deciders, holds, catalog);
  const soldSeats = new SoldSeats(repository, parts.store, parts.queries, clock);
  const hallChanges = new HallChanges(repository, deciders, soldSeats, holds, clock);
  const venues = new VenuePublisher(repository, deciders, soldSeats);
  const dates = new DatePublisher(repository, deciders, hallChanges, parts.store, parts.queries, clock);
  const charging = new ChargeProcess(repository, deciders, payments, settings);
  const refunds = new RefundOrderHandler(repository, deciders, checkout);
  const handlers = new Map<unknown, ICommandHandler>([
    [AdmitTokens, new AdmitTokensHandler(repository, deciders, catalog, parts.queries, clock)],
    [AdvanceCharge, new AdvanceChargeHandler(charging)],
    [AdvanceCheckout, new AdvanceCheckoutHandler(checkout)],
    [CancelOrder, new CancelOrderHandler(repository, deciders, catalog, checkout, clock)],
    [ChangePassword, new ChangePasswordHandler(repository, deciders, hasher, sessions)],
    [ChargePoints, new ChargePointsHandler(repository, deciders, charging)],
    [EnterService, new EnterServiceHandler(deciders, turn)],
    [ExpireHold, new ExpireHoldHandler(holds)],
    [ExpireToken, new ExpireTokenHandler(deciders, holds)],
    [HoldSeats, new HoldSeatsHandler(repository, deciders, offer, turn, holds, clock, chance)],
    [ImportCatalog, new ImportCatalogHandler(repository, deciders, venues, dates, settings)],
    [
      IssueToken,
      new IssueTokenHandler(repository, deciders, catalog, turn, signer, parts.queries, settings, clock),
    ],
    [LeaveQueue, new LeaveQueueHandler(repository, deciders, holds)],
    [Login, new LoginHandler(repository, deciders, hasher, signer, clock, settings)],
    [Logout, new LogoutHandler(deciders, signer, sessions)],
    [EndSession, new EndSessionHandler(repository, deciders, sessions)],
    [EndOtherSessions, new EndOtherSessionsHandler(repository, deciders, sessions)],
    [OpenQueue, new OpenQueueHandler(repository, deciders, catalog, joined, beacon, settings, clock)],
    [Pay, new PayHandler(repository, deciders, checkout, catalog, clock)],
    [RefreshSession, new RefreshSessionHandler(repository, deciders, signer, clock, settings, sessions)],
    [RefreshToken, new RefreshTokenHandler(repository, signer, settings)],
    [RegisterUser, new RegisterUserHandler(repository, deciders, hasher)],
    [RefundOrder, refunds],
    [CancelSchedule, new CancelScheduleHandler(deciders)],
    [CancelPerformance, new CancelPerformanceHandler(deciders, catalog, parts.store, parts.queries, clock)],
    [OpenRefundWindow, new OpenRefundWindowHandler(deciders)],
    [
      SettleCancellation,
      new SettleCancellationHandler(deciders, catalog, holds, refunds, parts.store, parts.queries),
    ],
    [ReleaseHold, new ReleaseHoldHandler(repository, holds)],
    [SettleCharge, new SettleChargeHandler(repository, deciders, charging)],
    ...erasingHandlers(parts, deciders),
  ]);
  return {
    async execute<Result>(command: Command<Result>): Promise<Result> {
      const handler = handlers.get(command.constructor);
      if (!handler) throw new Error(`no handler for ${command.constructor.name}`);
      // The map pairs each command with its own handler, whose result is the command's.
      return (await handler.execute(command)) as Result;
    },
  };
}

function erasingHandlers(
  { repository, store, hasher, clock, queries, personalKeys, sessions = uncheckedSessions }: CommandSideParts,
  deciders: DeciderHandler,
) {
  if (!personalKeys) return [];
  const eraser = new UserEraser(repository, deciders, queries, store, personalKeys, clock, sessions);
  return [
    [EraseOwnAccount, new EraseOwnAccountHandler(repository, eraser, hasher)],
    [EraseUser, new EraseUserHandler(repository, eraser)],
  ] as const;
}
