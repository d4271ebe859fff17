import { createHash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { within } from './within.js';

/** The token a {@link RedisLink} is injected by; undefined where nothing is shared. */
export const REDIS_LINK = Symbol('RedisLink');

export interface RedisLinkOptions {
  /** First part of every key, so that several installations can share one Redis; without a colon. */
  readonly prefix?: string;
  /** Longest wait for an answer. */
  readonly timeoutMs?: number;
  /** Pause after a failure, in which Redis is not asked; then one caller tries again. */
  readonly restMs?: number;
}

/** Longest pause between two attempts to connect. */
const maxReconnectMs = 1_000;

/** Options of every connection: it reconnects by itself, within a second, also after a fail-over. */
export const connectionOptions: RedisOptions = {
  connectTimeout: 2_000,
  disconnectTimeout: 500,
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 10), maxReconnectMs),
  // After a fail-over the old primary still answers, but refuses writes.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};

/**
 * One connection to Redis for short requests. Nothing waits for Redis: a request that cannot be made now is answered by
 * other means. It connects by itself, also when Redis does not run at the start.
 */
export class RedisLink {
  readonly client: Redis;
  readonly prefix: string;
  readonly #timeoutMs: number;
  readonly #restMs: number;
  readonly #outage: OutageLog;
  #isFailing = false;
  #isClosed = false;
  /** Time on the process's own clock. */
  #restsUntilMs = 0;

  /** @param url `redis://` or `rediss://`, with user, password and database number as needed. */
  constructor(
    readonly url: string,
    log: RedisLog,
    { prefix = 'boxoffice', timeoutMs = 500, restMs = 1_000 }: RedisLinkOptions = {},
  ) {
    this.prefix = prefix;
    this.#timeoutMs = timeoutMs;
    this.#restMs = restMs;
    this.#outage = new OutageLog(log, 'Redis does not answer: this process goes on without it');
    this.client = new Redis(url, {
      ...connectionOptions,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: timeoutMs,
    });
    this.client.on('error', (error) => this.#outage.failed(error));
    this.client.on('close', () => {
      if (!this.#isClosed) this.#outage.failed(new Error('the connection was closed'));
    });
    this.client.on('ready', () => this.#outage.recovered());
  }

  /** A key with our prefix. */
  key(...parts: readonly string[]): string {
    return [this.prefix, ...parts].join(':');
  }

  /** Where Redis is: `host:port`. */
  get address(): string {
    const { host, port } = this.client.options;
    return `${host}:${port}`;
  }

  /** Waits until it is connected. @returns false after `timeoutMs` without a connection. */
  async waitUntilReady(timeoutMs: number): Promise<boolean> {
    if (this.client.status === 'ready') return true;
    return new Promise((resolve) => {
      const done = (isReady: boolean) => {
        clearTimeout(timer);
        this.client.off('ready', onReady);
        resolve(isReady);
      };
      const onReady = () => done(true);
      const timer = setTimeout(() => done(false), timeoutMs);
      this.client.once('ready', onReady);
    });
  }

  /**
   * Asks Redis, or calls `otherwise` when Redis does not answer, is slow or refuses. A request may have been carried
   * out although its answer was lost: it must be safe to repeat.
   * @param timeoutMs longest wait, default the connection's.
   */
  async attempt<Answer>(
    ask: (client: Redis) => Promise<Answer>,
    otherwise: () => Answer | Promise<Answer>,
    timeoutMs = this.#timeoutMs,
  ): Promise<Answer> {
    if (this.#isResting()) return otherwise();
    let answer: Answer;
    try {
      answer = await within(timeoutMs, 'the answer', ask(this.client));
    } catch (error) {
      this.#isFailing = true;
      this.#restsUntilMs = performance.now() + this.#restMs;
      if (!this.#isClosed) this.#outage.failed(error);
      return otherwise();
    }
    this.#isFailing = false;
    this.#outage.recovered();
    return answer;
  }

  /** Closes the connection; open requests are answered by other means. */
  close(): void {
    this.#isClosed = true;
    this.client.disconnect();
  }

  /** While Redis fails, one caller after each pause tries whether it answers again. */
  #isResting(): boolean {
    if (this.client.status !== 'ready') return true;
    if (!this.#isFailing) return false;
    const nowMs = performance.now();
    if (nowMs < this.#restsUntilMs) return true;
    this.#restsUntilMs = nowMs + this.#restMs;
    return false;
  }
}

/** The part of a pino logger that a connection to Redis needs. */
interface RedisLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Logs the beginning and the end of an outage once each, however many failures there are. */
export class OutageLog {
  #isOut = false;

  /**
   * @param log where to.
   * @param outage the message at its beginning, logged with the error.
   */
  constructor(
    private readonly log: RedisLog,
    private readonly outage: string,
  ) {}

  failed(error: unknown): void {
    if (this.#isOut) return;
    this.#isOut = true;
    this.log.warn({ err: error }, this.outage);
  }

  recovered(): void {
    if (!this.#isOut) return;
    this.#isOut = false;
    this.log.info({}, 'Redis answers again');
  }
}

/** A Lua script for one key; it is sent once and then called by its digest. */
export class RedisScript {
  readonly #sha: string;

  constructor(private readonly lua: string) {
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  /**
   * Runs it atomically.
   * @returns Redis's reply; callers must check it.
   */
  async run(client: Redis, key: string, ...args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, 1, key, ...args);
    } catch (error) {
      // Redis forgets scripts when it restarts.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(this.lua, 1, key, ...args);
    }
  }
}
