/** What a connection to Redis needs of a logger; pino's fits. */
export interface RedisLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Logs the beginning and the end of an outage once each, however often it shows in between. */
export class OutageLog {
  #isOut = false;

  /**
   * @param log where to.
   * @param outage what is said when it begins, with the error.
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
