import type { WaitingLine } from '../commands/ports.js';
import type { EventStore } from '../event-store/port.js';
import type { PaymentProvider } from '../integrations/payment/port.js';
import type { WriteSession } from '../projections/engine/dialect.js';
import type { SimulatedDatabase } from './simulated-database.js';

/** Where something can be put between the product and its simulated surroundings; tests break things there. */
export interface Seams {
  readonly store: (store: EventStore) => EventStore;
  readonly payments: (payments: PaymentProvider) => PaymentProvider;
  readonly line: (line: WaitingLine) => WaitingLine;
  readonly session: (session: WriteSession, database: SimulatedDatabase) => WriteSession;
}

/** Nothing in between. */
export const noSeams: Seams = {
  store: (store) => store,
  payments: (payments) => payments,
  line: (line) => line,
  session: (session) => session,
};
