import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../services/wait-until.js';
import { type Answer, type CallOptions, Fan } from '../fan.js';

/** A test of a fault in the middle of a crowd: minutes, where the machine has much else to do. */
export const stormTimeoutMs = 900_000;
/** How long such a test waits for anything, and a fan goes on trying. */
export const stormLimitMs = stormTimeoutMs - 30_000;
/** A fan's app waits so long for one answer, then asks again. */
const answerTimeoutMs = 20_000;
const retryMs = 100;
/** An app that waits for its turn, or for a hold to end, looks so often. */
export const lookEveryMs = 200;

/** Answers that are none yet: the app repeats the request, with the same key. */
const passingCodes = new Set(['idempotency-key-in-flight', 'hold-in-progress', 'too-many-requests']);

/** Somebody else has one of the seats. */
export const seatTaken: readonly string[] = ['seat-held', 'seat-reserved'];

/** What the office has acknowledged to a fan as paid. */
export interface AcknowledgedOrder {
  readonly orderId: string;
  readonly seatIds: readonly string[];
  readonly status: 'paid' | 'refunded';
}

/** A fan whose app does what docs/problems.md asks for, and who keeps every receipt. */
export class PatientFan {
  readonly #fan: Fan;
  readonly #headers: Record<string, string> = {};
  #commands = 0;
  #userId = '';
  /** Points by charge. */
  readonly charges = new Map<string, number>();
  readonly orders = new Map<string, AcknowledgedOrder>();
  /** Answers that no fault excuses. */
  readonly defects: string[] = [];

  /** @param patienceMs how long the fan goes on trying. */
  constructor(
    office: { readonly url: string },
    private readonly patienceMs = stormLimitMs,
  ) {
    this.#fan = new Fan(office);
  }

  async arrive(): Promise<void> {
    const { loginId } = this.#fan;
    const body = { loginId, username: loginId, name: 'Kim Fan', password: 'correct horse' };
    const registered = await this.persist('POST', '/v1/users', { body });
    // Of a registration whose answer was lost the repetition is told that the name is taken.
    if (registered.body.code !== 'login-id-taken') expectStatus(registered, 201);
    const login = { loginId, password: 'correct horse' };
    const { body: session } = expectStatus(
      await this.persist('POST', '/v1/auth/login', { body: login }),
      200,
    );
    this.#headers.authorization = `Bearer ${session.accessToken}`;
    this.#userId = session.userId;
  }

  /** Empty before the fan has logged in. */
  get userId(): string {
    return this.#userId;
  }

  async charge(amount: number): Promise<void> {
    const body = { amount, paymentMethod: 'card-approve' };
    const charged = expectStatus(await this.command('/v1/wallet/charges', body), 201);
    this.charges.set(charged.body.chargeId, charged.body.amount);
  }

  /** Joins a queue and waits for the turn. */
  async queue(performanceId: string, numberOfTickets: number): Promise<void> {
    const path = `/v1/performances/${performanceId}/queue-token`;
    const joined = await this.persist('POST', path, { body: { numberOfTickets } });
    if (joined.status !== 200) expectStatus(joined, 201);
    this.#headers['x-queue-token'] = joined.body.queueToken;
    const isMyTurn = ({ status }: { status: string }) => status === 'admitted' || status === 'entered';
    if (isMyTurn(joined.body)) return;
    const look = async () => isMyTurn(expectStatus(await this.persist('GET', path), 200).body);
    await eventually(look, { everyMs: lookEveryMs, limitMs: this.patienceMs });
  }

  /** @returns the hold, or undefined when it is refused for one of these reasons. */
  async hold(
    scheduleId: string,
    seatIds: readonly string[],
    refusals: readonly string[] = seatTaken,
  ): Promise<string | undefined> {
    const held = await this.command(`/v1/schedules/${scheduleId}/holds`, { seatIds });
    if (held.body.code === 'seat-limit-reached') {
      // Without Redis the two halves of a double tap know nothing of each other: one was refused a seat in a race,
      // the other may have got it.
      await this.#letGo();
      return undefined;
    }
    if (refusals.includes(held.body.code)) return undefined;
    return expectStatus(held, 201).body.holdId;
  }

  async #letGo(): Promise<void> {
    const holds: { holdId: string }[] = await this.list('/v1/holds');
    for (const { holdId } of holds) await this.persist('DELETE', `/v1/holds/${holdId}`);
  }

  /** Pays for a hold: who was told that the seats are held, and comes in time, gets them. */
  async pay(holdId: string): Promise<string> {
    const { body } = expectStatus(await this.command('/v1/orders', { holdIds: [holdId] }), 201);
    const seatIds = body.items.map((item: { seatId: string }) => item.seatId);
    this.orders.set(body.orderId, { orderId: body.orderId, seatIds, status: 'paid' });
    return body.orderId;
  }

  async cancel(orderId: string): Promise<void> {
    expectStatus(await this.persist('POST', `/v1/orders/${orderId}/cancel`), 200);
    const order = this.orders.get(orderId);
    if (order) this.orders.set(orderId, { ...order, status: 'refunded' });
  }

  /** Everything on the pages of a list. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads arbitrary JSON
  async list(path: string, headers: Record<string, string> = {}): Promise<any[]> {
    const items = [];
    for (let cursor = ''; ; ) {
      const page = await this.persist('GET', `${path}?limit=100${cursor}`, { headers });
      items.push(...expectStatus(page, 200).body.items);
      if (!page.body.nextCursor) return items;
      cursor = `&cursor=${encodeURIComponent(page.body.nextCursor)}`;
    }
  }

  /** Asks until there is an answer that counts. @throws when there is none for too long. */
  async persist(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const giveUpAtMs = Date.now() + this.patienceMs;
    for (;;) {
      const answer = await this.#ask(method, path, options);
      if (answer && !isPassing(answer)) return answer;
      if (Date.now() > giveUpAtMs) {
        throw new Error(`${method} ${path}: ${JSON.stringify(answer?.body ?? 'no answer')} for too long`);
      }
      await delay(retryMs);
    }
  }

  /** A command under a new key. Every third time the fan taps twice: the same request reaches both processes. */
  private async command(path: string, body: unknown): Promise<Answer> {
    const ask = { body, key: randomUUID() };
    if (this.#commands++ % 3 === 0) await this.#ask('POST', path, ask, AbortSignal.timeout(5));
    return this.persist('POST', path, ask);
  }

  async #ask(
    method: string,
    path: string,
    options: CallOptions,
    signal = AbortSignal.timeout(answerTimeoutMs),
  ): Promise<Answer | undefined> {
    try {
      const headers = { ...this.#headers, ...options.headers };
      const answer = await this.#fan.call(method, path, { ...options, headers, signal });
      if (answer.status === 500) this.defects.push(`${method} ${path}: ${JSON.stringify(answer.body)}`);
      return answer;
    } catch {
      // The connection broke, or the answer took too long.
      return undefined;
    }
  }
}

/** @throws showing the answer when it is another. */
export function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status === status) return answer;
  throw new Error(`expected ${status}, got ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** 202: the payment system has not answered yet. */
function isPassing({ status, body }: Answer): boolean {
  return status >= 500 || status === 202 || passingCodes.has(body?.code);
}
