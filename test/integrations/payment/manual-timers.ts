import type { TimerSource } from '../../../src/integrations/payment/virtual/callbacks.js';

export interface PutOff {
  readonly delayMs: number;
  readonly cancelled: boolean;
  fire(): void;
}

/** Timers that go off when the test says so; `next()` waits until something has been put off. */
export class ManualTimers implements TimerSource {
  private readonly waiting: PutOff[] = [];
  private readonly readers: ((timer: PutOff) => void)[] = [];

  setTimer(delayMs: number, run: () => void): () => void {
    const timer = { delayMs, cancelled: false, fire: run };
    const reader = this.readers.shift();
    if (reader) reader(timer);
    else this.waiting.push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** The oldest timer not handed out yet. */
  next(): Promise<PutOff> {
    const timer = this.waiting.shift();
    return timer ? Promise.resolve(timer) : new Promise((resolve) => this.readers.push(resolve));
  }

  /** Timers set and not handed out yet. */
  get unread(): number {
    return this.waiting.length;
  }
}
