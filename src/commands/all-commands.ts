import { Chance } from '../platform/chance.js';
import { ChangePasswordHandler, RegisterUserHandler } from './account/account.js';
import { EraseOwnAccountHandler, EraseUserHandler, UserEraser } from './account/erase-user.js';
import {
  EndOtherSessionsHandler,
  EndSessionHandler,
  LoginHandler,
  LogoutHandler,
  RefreshSessionHandler,
} from './account/sessions.js';
import {
  CancelPerformanceHandler,
  CancelScheduleHandler,
  OpenRefundWindowHandler,
} from './catalog/cancel-schedule.js';
import { CatalogReader } from './catalog/catalog-reader.js';
import { HallChanges } from './catalog/hall-changes.js';
import { ImportCatalogHandler } from './catalog/import-catalog.js';
import { DatePublisher } from './catalog/publish-dates.js';
import { VenuePublisher } from './catalog/publish-venue.js';
import { SoldSeats } from './catalog/retain-sold-seats.js';
import { DeciderHandler } from './decider-handler.js';
import { IssueOperatorKeyHandler, RevokeOperatorKeyHandler } from './operators/operator-keys.js';
import { CancelOrderHandler, RefundOrderHandler } from './orders/cancel-order.js';
import { AdvanceCheckoutHandler, CheckoutProcess } from './orders/checkout-process.js';
import { PayHandler } from './orders/pay.js';
import { SettleCancellationHandler } from './orders/settle-cancellation.js';
import { EnterServiceHandler, ExpireTokenHandler, LeaveQueueHandler } from './queue/enter-and-leave.js';
import { IssueTokenHandler, RefreshTokenHandler } from './queue/issue-token.js';
import { JoinedReader } from './queue/joined-numbers.js';
import { AdmitTokensHandler, OpenQueueHandler } from './queue/open-and-admit.js';
import { QueueAdmission } from './queue/queue-admission.js';
import { ExpireHoldHandler, Holds, ReleaseHoldHandler } from './seats/end-hold.js';
import { HoldSeatsHandler } from './seats/hold-seats.js';
import { SeatsForSale } from './seats/seats-for-sale.js';
import { AdvanceChargeHandler, ChargePointsHandler, ChargeProcess } from './wallet/charge-points.js';
import { SettleChargeHandler } from './wallet/settle-charge.js';

/** One handler a command: the command bus finds them here. */
export const commandHandlers = [
  RegisterUserHandler,
  ChangePasswordHandler,
  LoginHandler,
  RefreshSessionHandler,
  LogoutHandler,
  EndSessionHandler,
  EndOtherSessionsHandler,
  EraseUserHandler,
  EraseOwnAccountHandler,
  ChargePointsHandler,
  AdvanceChargeHandler,
  SettleChargeHandler,
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
  RefundOrderHandler,
  SettleCancellationHandler,
  CancelScheduleHandler,
  CancelPerformanceHandler,
  OpenRefundWindowHandler,
  ImportCatalogHandler,
  IssueOperatorKeyHandler,
  RevokeOperatorKeyHandler,
];

/** What handlers share. */
export const commandServices = [
  DeciderHandler,
  UserEraser,
  CatalogReader,
  QueueAdmission,
  JoinedReader,
  SeatsForSale,
  SoldSeats,
  HallChanges,
  VenuePublisher,
  DatePublisher,
  Holds,
  ChargeProcess,
  CheckoutProcess,
  Chance,
];
