import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStore } from './event-store/port.js';
import { openSqliteEventStore } from './event-store/sqlite/open.js';
import { startVirtualPaymentSystem } from './integrations/payment/virtual/server.js';
import type { Config } from './platform/config.js';
import type { Log } from './platform/logging.js';
import type { Secrets } from './platform/secrets.js';
import { openReadModels, type ReadModels } from './projections/open-read-models.js';

/** What the product runs on, opened. */
export interface Engines {
  readonly store: EventStore;
  /** The embedded log: one process holds it open for writing. */
  readonly isOnlyWriter: boolean;
  readonly readModels: ReadModels;
  readonly paymentUrl: string;
  /** Closes in the order in which one needs the other. Safe to call twice. */
  close(): Promise<void>;
}

/** Files of the embedded engines inside DATA_DIR. */
export const dataFiles = {
  log: 'events.db',
  readModels: 'read-models.db',
  payments: 'payments.db',
} as const;

/** Opens the engines the configuration chooses. @throws when one cannot be opened; the others are closed again. */
export async function openEngines(config: Config, secrets: Secrets, log: Log): Promise<Engines> {
  mkdirSync(config.DATA_DIR, { recursive: true });
  const file = (name: keyof typeof dataFiles) => join(config.DATA_DIR, dataFiles[name]);
  const opened: { close(): Promise<void> }[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    for (const engine of opened.reverse()) await engine.close();
  };
  const close = () => {
    closing ??= closeAll();
    return closing;
  };
  try {
    const store = await openSqliteEventStore({
      file: file('log'),
      maxWaitingAppends: config.MAX_PENDING_APPENDS,
    });
    opened.push(store);
    const readModels = await openReadModels({ file: file('readModels') });
    opened.push(readModels);
    const embedded = { store, readModels, isOnlyWriter: true, close };
    if (config.PAYMENT_URL !== undefined) return { ...embedded, paymentUrl: config.PAYMENT_URL };
    const payments = await startVirtualPaymentSystem({
      host: '127.0.0.1',
      port: 0,
      file: file('payments'),
      apiKey: secrets.paymentApiKey,
      callbackSecret: secrets.paymentCallbackSecret,
      log: (message) => log.warn({ engine: 'payment system' }, message),
    });
    opened.push(payments);
    return { ...embedded, paymentUrl: payments.url };
  } catch (error) {
    await close();
    throw error;
  }
}
