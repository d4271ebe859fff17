import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { createPaymentSchema, idempotencyKeySchema, type Payment, problemCodes } from '../wire.js';
import { type Behaviours, behaviourSchema } from './behaviour.js';
import { authorise, Problem, type Reply, readJsonBody, validated } from './http.js';
import { type Ledger, maxPageSize } from './ledger.js';
import type { Payments } from './payments.js';

const ledgerQuerySchema = z.strictObject({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  limit: z.coerce.number().int().min(1).max(maxPageSize).default(100),
});
const findQuerySchema = z.strictObject({ idempotencyKey: idempotencyKeySchema });

interface Rooms {
  readonly ledger: Ledger;
  readonly behaviours: Behaviours;
  readonly payments: Payments;
  readonly apiKey: string;
}

/**
 * The endpoints.
 * The returned function throws a {@link Problem} for every request that is refused.
 */
export function router({
  ledger,
  behaviours,
  payments,
  apiKey,
}: Rooms): (request: IncomingMessage) => Promise<Reply> {
  return async (request) => {
    const { pathname, searchParams } = parseUrl(request.url ?? '/');
    if (pathname === '/health' && request.method === 'GET') return answer({ status: 'ok' });
    authorise(request, apiKey);
    const query = Object.fromEntries(searchParams);
    switch (`${request.method} ${pathname}`) {
      case 'POST /payments': {
        const key = validated(idempotencyKeySchema, request.headers['idempotency-key'], 'Idempotency-Key');
        return payments.create(key, validated(createPaymentSchema, await readJsonBody(request), 'body'));
      }
      case 'GET /payments':
        return found(ledger.findByKey(validated(findQuerySchema, query, 'query').idempotencyKey));
      case 'GET /ledger': {
        const { after, limit } = validated(ledgerQuerySchema, query, 'query');
        const page = ledger.page(after, limit);
        const next = page.length === limit ? (page.at(-1)?.sequence ?? null) : null;
        return answer({ payments: page, next, totals: ledger.totals() });
      }
      case 'GET /behaviour':
        return answer(behaviours.current);
      case 'PUT /behaviour':
        behaviours.change(validated(behaviourSchema, await readJsonBody(request), 'body'));
        return answer(behaviours.current);
    }
    const paymentId = /^\/payments\/([^/]{1,100})$/.exec(pathname)?.[1];
    if (request.method === 'GET' && paymentId !== undefined) return found(ledger.findById(paymentId));
    throw new Problem(404, 'no-such-endpoint', `there is no ${request.method} ${pathname}`);
  };
}

function parseUrl(target: string): URL {
  try {
    return new URL(target, 'http://payment-system');
  } catch {
    throw new Problem(400, problemCodes.invalidRequest, 'the request target is no URL');
  }
}

function answer(body: unknown): Reply {
  return { kind: 'answer', status: 200, body };
}

function found(payment: Payment | undefined): Reply {
  if (payment === undefined) throw new Problem(404, problemCodes.notFound, 'there is no such payment');
  return answer(payment);
}
