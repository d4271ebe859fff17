import { AdmitTokensHandler } from './admit-tokens.js';
import { AdvanceChargeHandler, ChargeProgress } from './advance-charge.js';
import { AdvanceCheckoutHandler, CheckoutProgress } from './advance-checkout.js';
import { CancelOrderHandler } from './cancel-order.js';
import { CatalogReader } from './catalog-reader.js';
import { ChangePasswordHandler } from './change-password.js';
import { ChargePointsHandler } from './charge-points.js';
import { EnterServiceHandler } from './enter-service.js';
import { EraseOwnAccountHandler, EraseUserHandler, UserEraser } from './erase-user.js';
import { ExpireHoldHandler } from './expire-hold.js';
import { ExpireTokenHandler } from './expire-token.js';
import { HoldEnder } from './hold-ender.js';
import { HoldSeatsHandler } from './hold-seats.js';
import { ImportCatalogHandler } from './import-catalog.js';
import { IssueTokenHandler } from './issue-token.js';
import { LeaveQueueHandler } from './leave-queue.js';
import { LoginHandler } from './login.js';
import { LogoutHandler } from './logout.js';
import { OpenQueueHandler } from './open-queue.js';
import { PayHandler } from './pay.js';
import { QueueTurn } from './queue-turn.js';
import { RefreshSessionHandler } from './refresh-session.js';
import { RefreshTokenHandler } from './refresh-token.js';
import { RegisterUserHandler } from './register-user.js';
import { ReleaseHoldHandler } from './release-hold.js';
import { SeatClaims } from './seat-claims.js';
import { SeatKeeper } from './seat-keeper.js';
import { SeatOffer } from './seat-offer.js';
import { VenuePublisher } from './venue-publisher.js';

/** One handler a command: the command bus finds them here. */
export const commandHandlers = [
  RegisterUserHandler,
  ChangePasswordHandler,
  LoginHandler,
  RefreshSessionHandler,
  LogoutHandler,
  EraseUserHandler,
  EraseOwnAccountHandler,
  ChargePointsHandler,
  AdvanceChargeHandler,
  IssueTokenHandler,
  RefreshTokenHandler,
  EnterServiceHandler,
  LeaveQueueHandler,
  ExpireTokenHandler,
  OpenQueueHandler,
  AdmitTokensHandler,
  HoldSeatsHandler,
  ReleaseHoldHandler,
  ExpireHoldHandler,
  PayHandler,
  AdvanceCheckoutHandler,
  CancelOrderHandler,
  ImportCatalogHandler,
];

/** What handlers share. */
export const commandServices = [
  UserEraser,
  CatalogReader,
  QueueTurn,
  SeatOffer,
  SeatKeeper,
  VenuePublisher,
  HoldEnder,
  SeatClaims,
  ChargeProgress,
  CheckoutProgress,
];
