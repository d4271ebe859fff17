import type { EventStore, Position, Subscription, SubscriptionBatch } from '../event-store/port.js';
import type { UserId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { ProcessLog } from './ports.js';
import { Repeating } from './repeating.js';

/** What has to forget an erased person. Both are safe to repeat. */
export interface Forgetting {
  /** Destroys the key of the person's data. */
  destroyKey(userId: UserId): Promise<void>;
  /** Removes what deleted rows left in the read models' files, once these have come to the position. */
  cleanReadModels(position: Position): Promise<void>;
}

/**
 * Makes sure that what UserErased promises is so, whoever wrote it and whatever crashed since, or was restored from
 * a backup: it goes through all users' events at each start, and follows them from there.
 */
export class Erasure {
  readonly #following: Repeating;
  #after: Position | 'start' = 'start';
  #subscription: Subscription | undefined;
  /** People erased since the read models' files were last cleaned. */
  #waiting = 0;

  /** @param retryIntervalMs pause after a failure. */
  constructor(
    private readonly store: EventStore,
    private readonly forgetting: Forgetting,
    private readonly log: ProcessLog,
    retryIntervalMs: number,
  ) {
    this.#following = new Repeating('erasure', retryIntervalMs, () => this.#follow(), log);
  }

  start(): void {
    this.#following.start();
  }

  async stop(): Promise<void> {
    const stopped = this.#following.stop();
    await this.#subscription?.stop();
    await stopped;
  }

  /** Until it fails or is stopped. */
  async #follow(): Promise<void> {
    this.#subscription = this.store.subscribe({ after: this.#after, categories: ['user'] }, (batch) =>
      this.#forget(batch),
    );
    await this.#subscription.done;
  }

  async #forget({ events, position, caughtUp }: SubscriptionBatch): Promise<void> {
    for (const recorded of events) {
      if (recorded.type !== 'UserErased') continue;
      const event = decodeEvent(recorded);
      if (event.type !== 'UserErased') continue;
      await this.forgetting.destroyKey(event.data.userId);
      this.#waiting++;
    }
    if (caughtUp && this.#waiting > 0) {
      await this.forgetting.cleanReadModels(position);
      this.log.info({ people: this.#waiting }, 'erased people are forgotten');
      this.#waiting = 0;
    }
    this.#after = position;
  }
}
