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
  UserEraser,
} from '../commands/account/erase-user.js';
import {
  Login,
  LoginHandler,
  Logout,
  LogoutHandler,
  RefreshSession,
  RefreshSessionHandler,
} from '../commands/account/sessions.js';
import { CatalogReader } from '../commands/catalog/catalog-reader.js';
import { ImportCatalog, ImportCatalogHandler, VenuePublisher } from '../commands/catalog/import-catalog.js';
import { SeatKeeper } from '../commands/catalog/retain-sold-seats.js';
import type { Executor } from '../commands/decider-handler.js';
import { CancelOrder, CancelOrderHandler } from '../commands/orders/cancel-order.js';
import {
  AdvanceCheckout,
  AdvanceCheckoutHandler,
  CheckoutProgress,
} from '../commands/orders/checkout-process.js';
import { Pay, PayHandler } from '../commands/orders/pay.js';
import type {
  PersonalKeys,
  QueueNumbers,
  SaleDates,
  SeatAvailability,
  Settings,
  UnfinishedBusiness,
  VenueUse,
  WaitingLine,
} from '../commands/ports.js';
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
import {
  AdmitTokens,
  AdmitTokensHandler,
  OpenQueue,
  OpenQueueHandler,
} from '../commands/queue/open-and-admit.js';
import { QueueTurn } from '../commands/queue/queue-admission.js';
import {
  ExpireHold,
  ExpireHoldHandler,
  HoldEnder,
  ReleaseHold,
  ReleaseHoldHandler,
} from '../commands/seats/end-hold.js';
import { HoldSeats, HoldSeatsHandler, SeatClaims } from '../commands/seats/hold-seats.js';
import { SeatOffer } from '../commands/seats/offer-seats.js';
import {
  AdvanceCharge,
  AdvanceChargeHandler,
  ChargePoints,
  ChargePointsHandler,
  ChargeProgress,
} from '../commands/wallet/charge-points.js';

import type { EventStore } from '../event-store/port.js';
import type { PaymentProvider } from '../integrations/payment/port.js';
import type { Clock } from '../platform/clock.js';
import type { PasswordHasher } from '../platform/password-hasher.js';
import type { TokenSigner } from '../platform/token-signer.js';
import type { Commands } from '../processes/ports.js';

export interface CommandSideParts {
  readonly store: Pick<EventStore, 'head'>;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly payments: PaymentProvider;
  readonly hasher: PasswordHasher;
  readonly signer: TokenSigner;
  readonly availability: SeatAvailability;
  readonly numbers: QueueNumbers;
  readonly line: WaitingLine;
  readonly venueUse: VenueUse;
  readonly dates: SaleDates;
  /** Unset: nobody can be erased. */
  readonly erasing?: { readonly business: UnfinishedBusiness; readonly keys: PersonalKeys };
}

/** The whole command side by hand, as the module of the application wires it for one process. */
export function commandSide(parts: CommandSideParts): Commands {
  const { executor, clock, settings, payments, hasher, signer } = parts;
  const catalog = new CatalogReader(executor, settings);
  const turn = new QueueTurn(executor, catalog);
  const holds = new HoldEnder(executor, clock);
  const offer = new SeatOffer(executor, catalog, parts.availability, clock);
  const checkout = new CheckoutProgress(executor, holds);
  const venues = new VenuePublisher(executor, new SeatKeeper(executor, parts.store, parts.venueUse, clock));
  const charging = new ChargeProgress(executor, payments, settings);
  const handlers = new Map<unknown, ICommandHandler>([
    [AdmitTokens, new AdmitTokensHandler(executor, catalog, parts.line, clock)],
    [AdvanceCharge, new AdvanceChargeHandler(charging)],
    [AdvanceCheckout, new AdvanceCheckoutHandler(checkout)],
    [CancelOrder, new CancelOrderHandler(executor, catalog, checkout, clock)],
    [ChangePassword, new ChangePasswordHandler(executor, hasher)],
    [ChargePoints, new ChargePointsHandler(executor, charging)],
    [EnterService, new EnterServiceHandler(executor, turn)],
    [ExpireHold, new ExpireHoldHandler(holds)],
    [ExpireToken, new ExpireTokenHandler(executor, holds)],
    [HoldSeats, new HoldSeatsHandler(executor, offer, new SeatClaims(executor, turn, holds), holds)],
    [ImportCatalog, new ImportCatalogHandler(executor, venues, settings)],
    [
      IssueToken,
      new IssueTokenHandler(executor, catalog, turn, signer, parts.numbers, parts.dates, settings, clock),
    ],
    [LeaveQueue, new LeaveQueueHandler(executor, holds)],
    [Login, new LoginHandler(executor, hasher, signer, clock, settings)],
    [Logout, new LogoutHandler(executor, signer)],
    [OpenQueue, new OpenQueueHandler(executor, catalog, settings)],
    [Pay, new PayHandler(executor, checkout, clock)],
    [RefreshSession, new RefreshSessionHandler(executor, signer, clock, settings)],
    [RefreshToken, new RefreshTokenHandler(executor, signer, settings)],
    [RegisterUser, new RegisterUserHandler(executor, hasher)],
    [ReleaseHold, new ReleaseHoldHandler(executor, holds)],
    ...erasingHandlers(parts),
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

function erasingHandlers({ executor, store, hasher, clock, erasing }: CommandSideParts) {
  if (!erasing) return [];
  const eraser = new UserEraser(executor, erasing.business, store, erasing.keys, clock);
  return [
    [EraseOwnAccount, new EraseOwnAccountHandler(executor, eraser, hasher)],
    [EraseUser, new EraseUserHandler(executor, eraser)],
  ] as const;
}
