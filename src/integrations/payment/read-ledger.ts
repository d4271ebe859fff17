import { z } from 'zod';
import { Ledger } from './virtual/ledger.js';
import { type Payment, paymentSchema, readAtMost } from './wire.js';

const pagePayments = 500;
const maxPageBytes = 4 * 1024 * 1024;
const pageTimeoutMs = 10_000;

const pageSchema = z.object({ payments: z.array(paymentSchema), next: z.number().int().nullable() });

/**
 * All payments in the virtual payment system's file, oldest first; also while the system runs.
 * @throws when the file cannot be read or is not a ledger.
 */
export async function* readLedgerFile(file: string): AsyncGenerator<Payment> {
  const ledger = new Ledger(file, { readOnly: true });
  try {
    let after = 0;
    for (;;) {
      const page = ledger.page(after, pagePayments);
      yield* page;
      const last = page.at(-1);
      if (!last) return;
      after = last.sequence;
    }
  } finally {
    ledger.close();
  }
}

/**
 * All payments of a payment system that has `GET /ledger` (docs/payment-system.md), oldest first.
 * @throws when it has no ledger, or does not answer.
 */
export async function* readLedgerOverHttp(baseUrl: string, apiKey: string): AsyncGenerator<Payment> {
  const url = `${new URL(baseUrl).href.replace(/\/+$/, '')}/ledger`;
  let after: number | null = 0;
  while (after !== null) {
    const query = new URLSearchParams({ after: String(after), limit: String(pagePayments) });
    const response = await fetch(`${url}?${query}`, {
      headers: { authorization: `Bearer ${apiKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(pageTimeoutMs),
    });
    if (response.status !== 200 || response.body === null) {
      throw new Error(`${url} answers with status ${response.status}`);
    }
    const body: unknown = JSON.parse((await readAtMost(response.body, maxPageBytes)).toString('utf8'));
    const page: z.infer<typeof pageSchema> = pageSchema.parse(body);
    yield* page.payments;
    after = page.next;
  }
}
