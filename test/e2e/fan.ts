import { randomUUID } from 'node:crypto';
import { eventually } from '../services/wait-until.js';

export interface Answer {
  readonly status: number;
  // Whatever the server said: tests look at single fields of it.
  // biome-ignore lint/suspicious/noExplicitAny: a test reads arbitrary JSON
  readonly body: any;
  readonly headers: Headers;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Record<string, string>;
  /** Gives up waiting for the answer. */
  readonly signal?: AbortSignal;
}

/** One request of the public API. */
export async function call(
  baseUrl: string,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const response = await fetch(new URL(path, baseUrl), {
    method,
    headers: {
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const text = await response.text();
  const isJson = text !== '' && !response.headers.get('content-type')?.startsWith('text/plain');
  return {
    status: response.status,
    body: isJson ? JSON.parse(text) : text || undefined,
    headers: response.headers,
  };
}

/** A fan at a phone: knows the public API and nothing else. */
export class Fan {
  #accessToken = '';
  #queueToken = '';
  #position = 0;

  constructor(
    private readonly office: { readonly url: string },
    readonly loginId: string = `fan-${randomUUID().slice(0, 12)}`,
  ) {}

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const answer = await call(this.office.url, method, path, {
      ...options,
      headers: {
        ...(this.#accessToken && { authorization: `Bearer ${this.#accessToken}` }),
        ...(this.#queueToken && { 'x-queue-token': this.#queueToken }),
        ...(method === 'GET' && this.#position > 0 && { 'x-wait-for-position': String(this.#position) }),
        ...options.headers,
      },
    });
    this.#position = Math.max(this.#position, Number(answer.headers.get('x-log-position') ?? 0));
    return answer;
  }

  /** Registers and logs in. */
  async arrive(): Promise<this> {
    const person = {
      loginId: this.loginId,
      username: this.loginId,
      name: 'Kim Fan',
      password: 'correct horse',
    };
    await this.expect(201, this.call('POST', '/v1/users', { body: person }));
    return this.logIn();
  }

  /** For a log that was replaced: positions of the former one are refused. */
  forgetPosition(): this {
    this.#position = 0;
    return this;
  }

  async logIn(): Promise<this> {
    const body = { loginId: this.loginId, password: 'correct horse' };
    const login = await this.expect(200, this.call('POST', '/v1/auth/login', { body }));
    this.#accessToken = login.body.accessToken;
    return this;
  }

  async charge(amount: number, key: string = randomUUID(), paymentMethod = 'card-approve'): Promise<Answer> {
    return this.call('POST', '/v1/wallet/charges', { body: { amount, paymentMethod }, key });
  }

  async balance(): Promise<number> {
    return (await this.expect(200, this.call('GET', '/v1/wallet'))).body.balance;
  }

  /** Joins a queue and waits until it is the fan's turn. */
  async queue(performanceId: string, numberOfTickets = 1): Promise<this> {
    const path = `/v1/performances/${performanceId}/queue-token`;
    const joined = await this.call('POST', path, { body: { numberOfTickets } });
    if (joined.status >= 300) throw new Error(`joining the queue: ${JSON.stringify(joined.body)}`);
    this.#queueToken = joined.body.queueToken;
    await eventually(async () => {
      const status = await this.expect(200, this.call('GET', path));
      return status.body.status === 'admitted' || status.body.status === 'entered';
    });
    return this;
  }

  hold(scheduleId: string, seatIds: readonly string[], key: string = randomUUID()): Promise<Answer> {
    return this.call('POST', `/v1/schedules/${scheduleId}/holds`, { body: { seatIds }, key });
  }

  pay(holdIds?: readonly string[], key: string = randomUUID()): Promise<Answer> {
    return this.call('POST', '/v1/orders', { body: holdIds ? { holdIds } : {}, key });
  }

  private async expect(status: number, answer: Promise<Answer>): Promise<Answer> {
    const given = await answer;
    if (given.status === status) return given;
    throw new Error(`expected ${status}, got ${given.status} ${JSON.stringify(given.body)}`);
  }
}

/** Runs work for 0 … count−1, at most `limit` at a time. */
export async function times<Result>(
  count: number,
  limit: number,
  work: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
  return results;
}
