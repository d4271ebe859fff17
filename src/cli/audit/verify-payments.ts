import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultAuditOptions } from '../../analysis/audit/checks.js';
import {
  auditPayments,
  ChargeBook,
  type LedgerPayment,
  type PaymentReport,
} from '../../analysis/audit/payments.js';

import { dataFiles } from '../../app/engines.js';
import type { EventStore } from '../../event-store/port.js';
import { pagesOf } from '../../event-store/reading.js';
import type { Instant } from '../../events/ids.js';
import { readLedgerFile, readLedgerOverHttp } from '../../integrations/payment/read-ledger.js';
import type { Config } from '../../platform/config.js';
import { resolveSecrets } from '../../platform/secrets.js';
import { CliFailure } from '../exit-codes.js';
import type { Skipped } from './verify-read-models.js';

/**
 * Compares the payment system's ledger with the log.
 * @param now the moment to judge by.
 * @throws {CliFailure} when the ledger cannot be read.
 */
export async function verifyPayments(
  config: Config,
  store: EventStore,
  now: Instant,
): Promise<PaymentReport | Skipped> {
  const ledger = ledgerOf(config);
  if ('skipped' in ledger) return ledger;
  const charges = new ChargeBook();
  for await (const page of pagesOf((options) => store.readCategory('charge', options))) {
    for (const event of page) charges.apply(event);
  }
  try {
    return await auditPayments(ledger, charges, { now, settleMs: defaultAuditOptions.settleMs });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`the payments cannot be compared: ${reason} (--skip-payments leaves them out)`);
  }
}

function ledgerOf(config: Config): AsyncIterable<LedgerPayment> | Skipped {
  const { PAYMENT_URL, DATA_DIR } = config;
  if (PAYMENT_URL !== undefined) return readLedgerOverHttp(PAYMENT_URL, resolveSecrets(config).paymentApiKey);
  const file = join(DATA_DIR, dataFiles.payments);
  return existsSync(file) ? readLedgerFile(file) : { skipped: `there is no ledger at ${file}` };
}
