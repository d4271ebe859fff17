import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { systemClock } from '../../../platform/clock.js';
import { createPaymentSchema, idempotencyKeySchema, type Payment, problemCodes } from '../wire.js';
import { CallbackSender, PendingTimers, systemTimers, type TimerSource } from './callbacks.js';
import { authorise, Problem, type Reply, readJsonBody, sendJson, validated } from './http.js';
import { Ledger, maxPageSize } from './ledger.js';
import { type Behaviour, Behaviours, behaviourSchema, Payments } from './payments.js';

export interface VirtualPaymentSystemOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Path of the ledger's SQLite file; `:memory:` forgets at close. */
  readonly file: string;
  readonly apiKey: string;
  /** Key of the callbacks' signatures. */
  readonly callbackSecret: string;
  /** The first behaviour; default: approve. */
  readonly behaviour?: Behaviour;
  /** Hosts that callbacks may go to besides loopback; default none. */
  readonly callbackHosts?: readonly string[];
  /** Pause before each further callback attempt, in milliseconds; default 0.5, 2, 10 and 30 seconds. */
  readonly callbackRetryDelaysMs?: readonly number[];
  /** Longest wait for a callback's receiver, in milliseconds; default 5000. */
  readonly callbackTimeoutMs?: number;
  /** Called with failures that no client sees; default: ignored. */
  readonly log?: (message: string) => void;
  /** The source of delays; default: real time. */
  readonly timers?: TimerSource;
}

export interface VirtualPaymentSystem {
  /** Its address, such as `http://127.0.0.1:4010`. */
  readonly url: string;
  /** Breaks all connections, cancels all timers and closes the ledger. Safe to call twice. */
  close(): Promise<void>;
}

const maxTimers = 10_000;
const maxConnections = 2000;
const receiveTimeoutMs = 30_000;

/**
 * Starts the stand-in for a payment provider described in docs/payment-system.md. Resolves when it listens.
 * @throws when the address is taken or the ledger cannot be opened.
 */
export async function startVirtualPaymentSystem(
  options: VirtualPaymentSystemOptions,
): Promise<VirtualPaymentSystem> {
  const { nowMs } = systemClock;
  const log = options.log ?? (() => undefined);
  const ledger = new Ledger(options.file);
  ledger.settleAll(nowMs());
  const timers = new PendingTimers(options.timers ?? systemTimers, maxTimers);
  const behaviours = new Behaviours(options.behaviour);
  const callbacks = new CallbackSender(
    {
      secret: options.callbackSecret,
      retryDelaysMs: options.callbackRetryDelaysMs ?? [500, 2000, 10_000, 30_000],
      timeoutMs: options.callbackTimeoutMs ?? 5000,
      allowedHosts: options.callbackHosts ?? [],
      nowMs,
      log,
    },
    timers,
  );
  const payments = new Payments(ledger, behaviours, callbacks, timers, nowMs);
  const route = router({ ledger, behaviours, payments, apiKey: options.apiKey });
  const server = createServer(
    { requestTimeout: receiveTimeoutMs, headersTimeout: receiveTimeoutMs },
    (req, res) => respond(req, res, route, timers, log),
  );
  server.maxConnections = maxConnections;
  const close = () =>
    new Promise<void>((resolve) => {
      timers.close();
      callbacks.close();
      // Called also when the server is closed already, with an error that does not matter.
      server.close(() => {
        ledger.close();
        resolve();
      });
      server.closeAllConnections();
    });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, resolve);
    });
  } catch (error) {
    await close();
    throw error;
  }
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : options.port;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, close };
}

/** Answers one request, whatever happens while it is handled. */
async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  route: (request: IncomingMessage) => Promise<Reply>,
  timers: PendingTimers,
  log: (message: string) => void,
): Promise<void> {
  try {
    const reply = await route(request);
    if (reply.kind === 'answer') sendJson(request, response, reply.status, reply.body);
    else if (!timers.after(reply.forMs, () => response.destroy())) response.destroy();
  } catch (error) {
    if (error instanceof Problem) return sendJson(request, response, error.status, error.toBody());
    // The client closed the connection while sending: no answer is possible.
    if (request.destroyed && !request.complete) return;
    log(`${request.method} ${request.url} failed: ${String(error)}`);
    const problem = new Problem(500, 'internal-error', 'the payment system failed');
    sendJson(request, response, problem.status, problem.toBody());
  }
}

const ledgerQuerySchema = z.strictObject({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  limit: z.coerce.number().int().min(1).max(maxPageSize).default(100),
});
const findQuerySchema = z.strictObject({ idempotencyKey: idempotencyKeySchema });

interface Parts {
  readonly ledger: Ledger;
  readonly behaviours: Behaviours;
  readonly payments: Payments;
  readonly apiKey: string;
}

/**
 * The endpoints.
 * The returned function throws a {@link Problem} for every request that is refused.
 */
function router({
  ledger,
  behaviours,
  payments,
  apiKey,
}: Parts): (request: IncomingMessage) => Promise<Reply> {
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

/**
 * Runs the virtual payment system until SIGINT, SIGTERM or until `stop` aborts. Prints its address; resolves when
 * everything is closed.
 * @throws when it cannot start (address taken, ledger unreadable).
 */
export async function runVirtualPaymentSystem(
  options: VirtualPaymentSystemOptions,
  stop: AbortSignal = stopSignal(),
  print: (line: string) => void = console.log,
): Promise<void> {
  const system = await startVirtualPaymentSystem({ log: print, ...options });
  print(`payment system listening on ${system.url}, ledger in ${options.file}`);
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  await system.close();
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}
