import { setTimeout as delay } from 'node:timers/promises';
import { FailureLog, type ProcessLog } from '../platform/failure-log.js';
import type { EventStore, Position, RecordedEvent, Subscription, SubscriptionBatch } from './port.js';

/** Pauses before subscribing again, ms: the first, and the longest; each is twice the one before. */
const usualBackOff = { firstMs: 100, maxMs: 5_000 } as const;

export interface LiveSubscriber {
  /** Called once, with the log's newest position when following began; undefined: the log was empty. */
  started?(head: Position | undefined): void;
  /**
   * Handles an event, in log order. If this throws, the event is reported and left out: it would throw again, and block
   * all later events.
   */
  take(event: RecordedEvent): void;
  /**
   * Called when all events up to the batch's position have been taken in. If it rejects, the batch comes again after a
   * pause, also to {@link take}.
   */
  taken?(batch: Pick<SubscriptionBatch, 'position' | 'caughtUp'>): Promise<void>;
}

export interface LiveSettings {
  /** What the log calls it. */
  readonly name: string;
  readonly categories: readonly string[];
  /** Default `end`: what is appended from now on. */
  readonly after?: 'start' | 'end';
  readonly log: ProcessLog;
  readonly backOff?: { readonly firstMs: number; readonly maxMs: number };
}

/**
 * Follows the events of some categories until it is stopped. After a failure, of the store or of the subscriber, it
 * subscribes again after the last batch that was handled. So no event is lost, and only events of a batch that failed are
 * handled twice.
 */
export class LiveSubscription {
  readonly name: string;
  readonly #stopping = new AbortController();
  readonly #failures: FailureLog;
  readonly #refused: FailureLog;
  #after: Position | 'start' | undefined;
  #subscription: Subscription | undefined;
  #began: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #backOffMs: number;
  #restarts = 0;
  #leftOut = 0;

  constructor(
    private readonly store: Pick<EventStore, 'head' | 'subscribe'>,
    private readonly settings: LiveSettings,
    private readonly subscriber: LiveSubscriber,
  ) {
    const { name, log, backOff = usualBackOff } = settings;
    this.name = name;
    this.#backOffMs = backOff.firstMs;
    this.#failures = new FailureLog(log, name, {
      level: 'warn',
      failed: 'events are not followed; the subscription is started again',
      worked: 'events are followed again',
    });
    this.#refused = new FailureLog(log, name, {
      level: 'error',
      failed: 'an event cannot be handled; it is left out, as are others with this error',
    });
  }

  /** How often it has subscribed again after a failure. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Events left out because {@link LiveSubscriber.take} threw; those of a batch that comes again count again. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Resolves when it is known after which position events are followed, or when it is stopped. */
  start(): Promise<void> {
    this.#began ??= new Promise((resolve) => {
      this.#running = this.#run(resolve).finally(resolve);
    });
    return this.#began;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#subscription?.stop();
    await this.#running;
  }

  async #run(began: () => void): Promise<void> {
    const { signal } = this.#stopping;
    const { maxMs } = this.settings.backOff ?? usualBackOff;
    while (!signal.aborted) {
      try {
        await this.#subscribeOnce(began);
        if (!signal.aborted) throw new Error('the subscription ended');
      } catch (error) {
        if (signal.aborted) return;
        this.#failures.failed(error, { retryInMs: this.#backOffMs });
        this.#restarts++;
        await delay(this.#backOffMs, undefined, { signal }).catch(() => undefined);
        this.#backOffMs = Math.min(this.#backOffMs * 2, maxMs);
      }
    }
  }

  async #subscribeOnce(began: () => void): Promise<void> {
    const after = this.#after ?? (await this.#firstPosition());
    this.#after = after;
    began();
    if (this.#stopping.signal.aborted) return;
    const { categories } = this.settings;
    this.#subscription = this.store.subscribe({ after, categories }, (batch) => this.#handle(batch));
    await this.#subscription.done;
  }

  async #firstPosition(): Promise<Position | 'start'> {
    if (this.settings.after === 'start') return 'start';
    const head = await this.store.head();
    this.subscriber.started?.(head);
    return head ?? 'start';
  }

  async #handle({ events, position, caughtUp }: SubscriptionBatch): Promise<void> {
    for (const event of events) this.#take(event);
    await this.subscriber.taken?.({ position, caughtUp });
    this.#after = position;
    this.#backOffMs = (this.settings.backOff ?? usualBackOff).firstMs;
    this.#failures.worked();
  }

  #take(event: RecordedEvent): void {
    try {
      this.subscriber.take(event);
    } catch (error) {
      const { type, stream, revision, position } = event;
      this.#leftOut++;
      this.#refused.failed(error, { event: { type, stream, revision, position } });
    }
  }
}
