import { AuditController } from './audit.controller.js';
import { AuthController } from './auth.controller.js';
import { HealthController } from './health.controller.js';
import { HoldsController } from './holds.controller.js';
import { ImportsController } from './imports.controller.js';
import { LiveController } from './live.controller.js';
import { OrdersController } from './orders.controller.js';
import { PaymentCallbacksController } from './payment-callbacks.controller.js';
import { PerformancesController } from './performances.controller.js';
import { QueueController } from './queue.controller.js';
import { SchedulesController } from './schedules.controller.js';
import { UsersController } from './users.controller.js';
import { WalletController } from './wallet.controller.js';

/** Every controller: what the API answers and what its document describes. */
export const allControllers = [
  UsersController,
  AuthController,
  WalletController,
  PerformancesController,
  SchedulesController,
  QueueController,
  HoldsController,
  OrdersController,
  LiveController,
  PaymentCallbacksController,
  ImportsController,
  AuditController,
  HealthController,
];
