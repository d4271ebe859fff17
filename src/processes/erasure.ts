import type { EventStore, Position, Subscription, SubscriptionBatch } from '../event-store/port.js';
import type { UserId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { PeriodicTask } from './periodic-task.js';

/** Where an erased person's data is removed from. Both methods are safe to repeat. */
export interface PersonalDataStores {
  /** Destroys the key of the person's data. */
  destroyKey(userId: UserId): Promise<void>;
  /** Removes what deleted rows left in the read models' files, once these have reached the position. */
  cleanReadModels(position: Position): Promise<void>;
}

/**
 * Destroys the key of every user with a UserErased. The command does it too; this process covers crashes and restored
 * backups: it reads all users' events at each start, and follows them from there.
 */
export class Erasure {
  readonly #task: PeriodicTask;
  #after: Position | 'start' = 'start';
  #subscription: Subscription | undefined;
  /** People erased since the read models' files were last cleaned. */
  #uncleaned = 0;

  /** @param retryIntervalMs pause after a failure. */
  constructor(
    private readonly store: EventStore,
    private readonly stores: PersonalDataStores,
    clock: Clock,
    private readonly log: ProcessLog,
    retryIntervalMs: number,
  ) {
    this.#task = new PeriodicTask({ name: 'erasure', intervalMs: retryIntervalMs, clock, log }, () =>
      this.#follow(),
    );
  }

  start(): void {
    this.#task.start();
  }

  async stop(): Promise<void> {
    const stopped = this.#task.stop();
    await this.#subscription?.stop();
    await stopped;
  }

  /** Until it fails or is stopped. */
  async #follow(): Promise<void> {
    this.#subscription = this.store.subscribe({ after: this.#after, categories: ['user'] }, (batch) =>
      this.#erase(batch),
    );
    await this.#subscription.done;
  }

  async #erase({ events, position, caughtUp }: SubscriptionBatch): Promise<void> {
    for (const recorded of events) {
      if (recorded.type !== 'UserErased') continue;
      const event = decodeEvent(recorded);
      if (event.type !== 'UserErased') continue;
      await this.stores.destroyKey(event.data.userId);
      this.#uncleaned++;
    }
    if (caughtUp && this.#uncleaned > 0) {
      await this.stores.cleanReadModels(position);
      this.log.info({ people: this.#uncleaned }, 'erased people are removed from the read models');
      this.#uncleaned = 0;
    }
    this.#after = position;
    this.#task.reportWorking();
  }
}
