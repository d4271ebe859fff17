import { type Payment, signatureHeader, signCallback } from '../wire.js';

export interface CallbackOptions {
  readonly secret: string;
  /** Waits before each further attempt, in milliseconds; as many retries as there are waits. */
  readonly retryDelaysMs: readonly number[];
  readonly timeoutMs: number;
  /** Hosts that may be called besides loopback. */
  readonly allowedHosts: readonly string[];
  readonly nowMs: () => number;
  /** Told of callbacks that are given up. */
  readonly log: (message: string) => void;
}

/** Most callbacks being delivered at a time; further ones are dropped, since asking is what counts. */
const maxUnderWay = 1000;

/** Reports final payments to whoever asked for it: at least once while the process lives, never for ever. */
export class CallbackSender {
  private readonly closing = new AbortController();
  private underWay = 0;

  constructor(
    private readonly options: CallbackOptions,
    private readonly timers: PendingTimers,
  ) {}

  /** Whether `url` may be called: loopback, so that nobody can be attacked through us, and configured hosts. */
  allows(url: string): boolean {
    const { hostname } = new URL(url);
    return (
      hostname === 'localhost' ||
      hostname === '[::1]' ||
      /^127\.\d+\.\d+\.\d+$/.test(hostname) ||
      this.options.allowedHosts.includes(hostname)
    );
  }

  /** Starts delivering a final payment's callback, if it asked for one. */
  send(payment: Payment): void {
    if (payment.callbackUrl === null || payment.status === 'pending' || this.closing.signal.aborted) return;
    if (this.underWay >= maxUnderWay) {
      this.options.log(`callback of ${payment.paymentId} dropped: ${maxUnderWay} are under way`);
      return;
    }
    const { paymentId, idempotencyKey, status, amount } = payment;
    this.underWay++;
    this.attempt(
      payment.callbackUrl,
      paymentId,
      JSON.stringify({ paymentId, idempotencyKey, status, amount }),
      0,
    );
  }

  /** Stops deliveries, also those on the wire. */
  close(): void {
    this.closing.abort();
  }

  private attempt(url: string, paymentId: string, body: string, retries: number): void {
    this.post(url, body).then(
      () => this.underWay--,
      (error: unknown) => {
        const delayMs = this.options.retryDelaysMs[retries];
        if (this.closing.signal.aborted) return;
        const again = () => this.attempt(url, paymentId, body, retries + 1);
        if (delayMs !== undefined && this.timers.after(delayMs, again)) return;
        this.underWay--;
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
      // The answer's body is of no interest; cancelling frees its connection.
      await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
    } finally {
      clearTimeout(timer);
      this.closing.signal.removeEventListener('abort', stop);
    }
  }
}

/** Where delays come from; a test puts its own in its place. */
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

/** Everything this server has put off: bounded, and cancelled together when it closes. */
export class PendingTimers {
  private readonly cancels = new Set<() => void>();
  private closed = false;

  /** @param max timers that may be pending at a time. */
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
