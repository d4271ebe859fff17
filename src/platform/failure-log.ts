/** What reports of failures need of a logger; pino's fits. */
export interface ProcessLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Further causes of a failure are not logged. */
const maxCauses = 20;

/** Logs when something begins to fail, each further cause, and when it works again, however often it is repeated. */
export class FailureLog {
  readonly #causes = new Set<string>();

  constructor(
    private readonly log: ProcessLog,
    private readonly name: string,
    private readonly messages: {
      readonly level: 'warn' | 'error';
      readonly failed: string;
      /** Left out for what cannot work again. */
      readonly worked?: string;
    },
  ) {}

  /** @param details what else to log when the cause is new. */
  failed(error: unknown, details: object = {}): void {
    const cause = causeOf(error);
    if (this.#causes.has(cause) || this.#causes.size >= maxCauses) return;
    this.#causes.add(cause);
    const { level, failed } = this.messages;
    this.log[level]({ ...details, err: error, process: this.name }, failed);
  }

  worked(): void {
    if (this.#causes.size === 0) return;
    this.#causes.clear();
    if (this.messages.worked) this.log.info({ process: this.name }, this.messages.worked);
  }
}

/** Equal for failures of one cause. */
export function causeOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
