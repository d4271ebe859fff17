import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import type { ChargeId } from '../../events/ids.js';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import type { PaymentLookup, PaymentOutcome, PaymentProvider, PaymentRequest } from './port.js';
import { paymentSchema, problemCodes, problemSchema, readAtMost } from './wire.js';

interface HttpPaymentProviderOptions {
  /** Address of the payment system, such as `https://pay.example.com`; it may have a path. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Time limit of one call, from waiting for its turn to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Calls that run at the same time; default 32. */
  readonly maxConcurrent?: number;
  /** Calls that may wait for their turn; the outcome of a further one is `unknown` at once. Default 256. */
  readonly maxQueued?: number;
}

/** An answer of the payment system. `body` is JSON, or undefined when the answer is not JSON. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const maxAnswerBytes = 64 * 1024;
const maxReasonLength = 200;

/** Only the fields we use, so that a payment system may add others. */
const answeredPaymentSchema = paymentSchema.pick({
  paymentId: true,
  idempotencyKey: true,
  status: true,
  amount: true,
  declineReason: true,
});

/** Calls the HTTP API of docs/payment-system.md. It never retries: the caller decides when to ask again. */
export class HttpPaymentProvider implements PaymentProvider {
  private readonly limit: ConcurrencyLimit;
  private readonly paymentsUrl: string;

  /** @throws {TypeError} when `baseUrl` is not a URL. */
  constructor(private readonly options: HttpPaymentProviderOptions) {
    this.limit = new ConcurrencyLimit(options.maxConcurrent ?? 32, options.maxQueued ?? 256);
    this.paymentsUrl = `${new URL(options.baseUrl).href.replace(/\/+$/, '')}/payments`;
  }

  async createPayment(request: PaymentRequest, signal?: AbortSignal): Promise<PaymentOutcome> {
    const { idempotencyKey, ...body } = request;
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
      body: JSON.stringify(body),
    };
    const answer = await this.ask(this.paymentsUrl, init, signal);
    if ('kind' in answer) return answer;
    if (answer.status >= 200 && answer.status < 300) return outcomeOf(answer, idempotencyKey, request.amount);
    // Only a problem code of the payment system may end a charge: a proxy can answer 400 too.
    const problem = problemSchema.safeParse(answer.body).data;
    const reason = shorten(problem?.detail || `status ${answer.status}`);
    if (answer.status === 400 && problem?.code === problemCodes.invalidRequest)
      return { kind: 'rejected', reason };
    if (answer.status === 422 && problem?.code === problemCodes.keyReused)
      return { kind: 'conflict', reason };
    return { kind: 'unknown', reason };
  }

  async findPayment(idempotencyKey: ChargeId, signal?: AbortSignal): Promise<PaymentLookup> {
    const url = `${this.paymentsUrl}?${new URLSearchParams({ idempotencyKey }).toString()}`;
    const answer = await this.ask(url, { method: 'GET', headers: {} }, signal);
    if ('kind' in answer) return answer;
    if (answer.status === 200) return outcomeOf(answer, idempotencyKey, undefined);
    const problem = problemSchema.safeParse(answer.body).data;
    // A 404 without the code may come from a wrong address: it says nothing about the payment.
    if (answer.status === 404 && problem?.code === problemCodes.notFound) return { kind: 'not-found' };
    return { kind: 'unknown', reason: shorten(problem?.detail || `status ${answer.status}`) };
  }

  private async ask(
    url: string,
    init: { method: string; headers: Record<string, string>; body?: string },
    signal: AbortSignal | undefined,
  ): Promise<Answer | Extract<PaymentOutcome, { kind: 'unknown' }>> {
    const giveUp = new AbortController();
    const timer = setTimeout(
      () => giveUp.abort(new Error(`no answer within ${this.options.timeoutMs} ms`)),
      this.options.timeoutMs,
    );
    const follow = () => giveUp.abort(new Error('the caller gave up waiting'));
    if (signal?.aborted) follow();
    signal?.addEventListener('abort', follow, { once: true });
    try {
      return await this.limit.run(async () => {
        const headers = { ...init.headers, authorization: `Bearer ${this.options.apiKey}` };
        const response = await fetch(url, { ...init, headers, redirect: 'error', signal: giveUp.signal });
        return { status: response.status, body: await readJson(response) };
      }, giveUp.signal);
    } catch (error) {
      return { kind: 'unknown', reason: shorten(describe(error)) };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', follow);
    }
  }
}

/** @param expectedAmount points that were asked for; undefined when the caller compares the amount. */
function outcomeOf(answer: Answer, key: ChargeId, expectedAmount: number | undefined): PaymentOutcome {
  const parsed = answeredPaymentSchema.safeParse(answer.body);
  if (!parsed.success) {
    return { kind: 'unknown', reason: shorten(`unreadable answer: ${z.prettifyError(parsed.error)}`) };
  }
  const { idempotencyKey, paymentId, amount, status, declineReason } = parsed.data;
  if (idempotencyKey !== key) {
    return { kind: 'conflict', reason: `payment ${paymentId} belongs to another idempotency key` };
  }
  if (expectedAmount !== undefined && amount !== expectedAmount) {
    return {
      kind: 'conflict',
      reason: `payment ${paymentId} is ${amount} points instead of ${expectedAmount}`,
    };
  }
  if (status === 'approved') return { kind: 'approved', paymentId, amount };
  if (status === 'declined') return { kind: 'declined', reason: shorten(declineReason ?? 'declined') };
  return { kind: 'pending' };
}

async function readJson(response: Response): Promise<unknown> {
  const bytes = response.body === null ? Buffer.alloc(0) : await readAtMost(response.body, maxAnswerBytes);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  if (!isNativeError(error)) return String(error);
  // fetch says only "fetch failed"; what happened is in its cause.
  return isNativeError(error.cause) ? `${error.message}: ${error.cause.message}` : error.message;
}

function shorten(text: string): string {
  return text.slice(0, maxReasonLength);
}
