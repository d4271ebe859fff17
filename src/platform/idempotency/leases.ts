/** Leases renewed in one go. */
const renewedAtOnce = 500;

/** Requests that this process runs, each with a lease that lapses soon after the process dies. */
export class Leases {
  /** By key. */
  readonly #running = new Map<string, { readonly digest: string; readonly untilMs: number }>();
  #round: NodeJS.Timeout | undefined;

  /**
   * @param everyMs pause between two rounds of renewal; most requests have ended before the first.
   * @param maxRunMs how long one request's lease is renewed at most.
   * @param renew renews some leases; must not fail.
   */
  constructor(
    private readonly everyMs: number,
    private readonly maxRunMs: number,
    private readonly renew: (leases: readonly { key: string; digest: string }[]) => Promise<unknown>,
  ) {}

  keep(key: string, digest: string): void {
    this.#running.set(key, { digest, untilMs: performance.now() + this.maxRunMs });
    this.#arm();
  }

  /** The request has ended. */
  end(key: string): void {
    this.#running.delete(key);
  }

  #arm(): void {
    if (this.#round || this.#running.size === 0) return;
    // The requests keep the process alive, not this.
    this.#round = setTimeout(() => void this.#renewAll(), this.everyMs).unref();
  }

  async #renewAll(): Promise<void> {
    const nowMs = performance.now();
    for (const [key, { untilMs }] of this.#running) if (untilMs < nowMs) this.#running.delete(key);
    const leases = [...this.#running].map(([key, { digest }]) => ({ key, digest }));
    for (let first = 0; first < leases.length; first += renewedAtOnce) {
      await this.renew(leases.slice(first, first + renewedAtOnce));
    }
    this.#round = undefined;
    this.#arm();
  }
}
