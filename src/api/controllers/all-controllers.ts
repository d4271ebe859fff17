import { AuditController } from './audit.controller.js';
import { AuthController } from './auth.controller.js';
import { ErasuresController } from './erasures.controller.js';
import { HealthController } from './health.controller.js';
import { HistoryController } from './history.controller.js';
import { HoldsController } from './holds.controller.js';
import { ImportsController } from './imports.controller.js';
import { LiveController } from './live.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OrdersController } from './orders.controller.js';
import { PaymentCallbacksController } from './payment-callbacks.controller.js';
import { PerformancesController } from './performances.controller.js';
import { ProjectionsController } from './projections.controller.js';
import { QueueController } from './queue.controller.js';
import { RebuildsController } from './rebuilds.controller.js';
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
  HistoryController,
  LiveController,
  PaymentCallbacksController,
  ImportsController,
  AuditController,
  ProjectionsController,
  RebuildsController,
  MetricsController,
  ErasuresController,
  HealthController,
];
