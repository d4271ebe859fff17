import { type Payment, signatureHeader, signCallback } from '../wire.js';

interface CallbackOptions {
  readonly secret: string;
  /** Pause before each further attempt, in milliseconds; there are as many retries as pauses. */
  readonly retryDelaysMs: readonly number[];
  readonly timeoutMs: number;
  /** Hosts that may be called besides loopback. */
  readonly allowedHosts: readonly string[];
  readonly nowMs: () => number;
  /** Called when a callback is given up. */
  readonly log: (message: string) => void;
}

/** Most callbacks that are delivered at the same time; further ones are dropped, because callbacks are only hints. */
const maxDelivering = 1000;

/**
 * Reports final payments to the callback URLs: at least once while the process runs, with a limited number of attempts.
 */
export class CallbackSender {
  private readonly closing = new AbortController();
  private delivering = 0;

  constructor(
    private readonly options: CallbackOptions,
    private readonly timers: PendingTimers,
  ) {}

  /** Whether `url` may be called: only loopback and configured hosts, so that requests cannot attack other servers. */
  allows(url: string): boolean {
    const { hostname } = new URL(url);
    return (
      hostname === 'localhost' ||
      hostname === '[::1]' ||
      /^127\.\d+\.\d+\.\d+$/.test(hostname) ||
      this.options.allowedHosts.includes(hostname)
    );
  }

  /** Starts to deliver the callback of a final payment, if it has a callback URL. */
  send(payment: Payment): void {
    if (payment.callbackUrl === null || payment.status === 'pending' || this.closing.signal.aborted) return;
    if (this.delivering >= maxDelivering) {
      this.options.log(`callback of ${payment.paymentId} dropped: ${maxDelivering} are being delivered`);
      return;
    }
    const { paymentId, idempotencyKey, status, amount } = payment;
    this.delivering++;
    this.attempt(
      payment.callbackUrl,
      paymentId,
      JSON.stringify({ paymentId, idempotencyKey, status, amount }),
      0,
    );
  }

  /** Stops all deliveries, also those being sent. */
  close(): void {
    this.closing.abort();
  }

  private attempt(url: string, paymentId: string, body: string, retries: number): void {
    this.post(url, body).then(
      () => this.delivering--,
      (error: unknown) => {
        const delayMs = this.options.retryDelaysMs[retries];
        if (this.closing.signal.aborted) return;
        const again = () => this.attempt(url, paymentId, body, retries + 1);
        if (delayMs !== undefined && this.timers.after(delayMs, again)) return;
        this.delivering--;
        this.options.log(`callback of ${paymentId} to ${url} given up: ${String(error)}`);
      },
    );
  }

  /** @throws unless the receiver answers 2xx in time. */
  private async post(url: string, body: string): Promise<void> {
    const giveUp = new AbortController();
    const stop = () => giveUp.abort();
    const timer = setTimeout(stop, this.options.timeoutMs);
    this.closing.signal.addEventListener('abort', stop, { once: true });
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [signatureHeader]: signCallback(this.options.secret, body, this.options.nowMs()),
        },
        body,
        redirect: 'error',
        signal: giveUp.signal,
      });
      // The body of the answer is not needed; cancelling it frees the connection.
      await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
    } finally {
      clearTimeout(timer);
      this.closing.signal.removeEventListener('abort', stop);
    }
  }
}

/** The source of delays; tests use their own. */
export interface TimerSource {
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  setTimer(delayMs: number, run: () => void): () => void;
}

export const systemTimers: TimerSource = {
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The timers of this server: their number is limited, and all are cancelled when it closes. */
export class PendingTimers {
  private readonly cancels = new Set<() => void>();
  private closed = false;

  /** @param max timers that may be pending at the same time. */
  constructor(
    private readonly source: TimerSource,
    private readonly max: number,
  ) {}

  get full(): boolean {
    return this.closed || this.cancels.size >= this.max;
  }

  /** Calls `run` after `delayMs`, unless closed before. False when full or closed: `run` is never called. */
  after(delayMs: number, run: () => void): boolean {
    if (this.full) return false;
    const cancel = this.source.setTimer(delayMs, () => {
      this.cancels.delete(cancel);
      run();
    });
    this.cancels.add(cancel);
    return true;
  }

  close(): void {
    this.closed = true;
    for (const cancel of this.cancels) cancel();
    this.cancels.clear();
  }
}
