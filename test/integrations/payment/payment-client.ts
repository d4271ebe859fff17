import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  startVirtualPaymentSystem,
  type VirtualPaymentSystemOptions,
} from '../../../src/integrations/payment/virtual/server.js';
import { type Payment, paymentSchema } from '../../../src/integrations/payment/wire.js';

export const apiKey = 'test-api-key';
export const callbackSecret = 'test-callback-secret';

export const problemBodySchema = z.object({
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

const ledgerSchema = z.object({
  payments: z.array(paymentSchema),
  next: z.number().nullable(),
  totals: z.record(z.string(), z.object({ count: z.number(), amount: z.number() })),
});

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Speaks to the payment system as any client would, without the product's provider. */
export class PaymentClient {
  constructor(
    readonly url: string,
    private readonly key = apiKey,
  ) {}

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Posts a payment of 100 points by `card-approve` unless told otherwise. */
  pay(key: string, fields: Record<string, unknown> = {}): Promise<Answer> {
    const body = { amount: 100, paymentMethod: 'card-approve', reference: 'test', ...fields };
    return this.call('POST', '/payments', body, { 'idempotency-key': key });
  }

  /** The payment of a key; undefined when there is none. */
  async find(key: string): Promise<Payment | undefined> {
    const { status, body } = await this.call('GET', `/payments?idempotencyKey=${key}`);
    return status === 404 ? undefined : paymentSchema.parse(body);
  }

  async ledger(query = ''): Promise<z.infer<typeof ledgerSchema>> {
    const { body } = await this.call('GET', `/ledger${query}`);
    return ledgerSchema.parse(body);
  }
}

/** Starts a payment system in memory on a free port, and a client for it. */
export async function startWithClient(options: Partial<VirtualPaymentSystemOptions> = {}) {
  const system = await startVirtualPaymentSystem({
    host: '127.0.0.1',
    port: 0,
    file: ':memory:',
    apiKey,
    callbackSecret,
    ...options,
  });
  return { system, client: new PaymentClient(system.url) };
}

export const newKey = (): string => randomUUID();
