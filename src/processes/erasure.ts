import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, Position, RecordedEvent, SubscriptionBatch } from '../event-store/port.js';
import type { UserId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { PeriodicTask, type ProcessParts } from './periodic-task.js';

/** Where an erased person's data is removed from. Both methods are safe to repeat. */
export interface PersonalDataStores {
  /** Destroys the key of the person's data. */
  destroyKey(userId: UserId): Promise<void>;
  /** Removes what deleted rows left in the read models' files, once these have reached the position. */
  cleanReadModels(position: Position): Promise<void>;
}

/** Most people whose keys could not be destroyed yet; with more, no further events are read. */
const maxWaiting = 10_000;

/**
 * Destroys the key of every user with a UserErased. The command does it too; this process covers crashes and restored
 * backups: it reads all users' events at each start, and follows them from there. A key that cannot be destroyed is tried
 * again and does not keep the others waiting.
 */
export class Erasure {
  readonly #task: PeriodicTask;
  readonly #subscription: LiveSubscription;
  /** People whose keys are still to be destroyed. */
  readonly #waiting = new Set<UserId>();
  /** People whose keys were destroyed since the read models' files were last cleaned. */
  #uncleaned = 0;
  /** Everything up to here was read. */
  #position: Position | undefined;
  #isCaughtUp = false;

  /** @param retryIntervalMs first pause after a failure. */
  constructor(
    store: EventStore,
    private readonly stores: PersonalDataStores,
    clock: Clock,
    private readonly log: ProcessLog,
    retryIntervalMs: number,
  ) {
    this.#task = new PeriodicTask({ name: 'erasure', intervalMs: retryIntervalMs, clock, log }, () =>
      this.#finish(),
    );
    this.#subscription = new LiveSubscription(
      store,
      { name: 'erasure', categories: ['user'], after: 'start', log },
      { take: (event) => this.#take(event), taken: (batch) => this.#taken(batch) },
    );
  }

  start(): void {
    void this.#subscription.start();
    this.#task.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#task, this.#subscription];
  }

  async stop(): Promise<void> {
    await Promise.all([this.#subscription.stop(), this.#task.stop()]);
  }

  #take(recorded: RecordedEvent): void {
    if (recorded.type !== 'UserErased') return;
    const event = decodeEvent(recorded);
    if (event.type === 'UserErased') this.#waiting.add(event.data.userId);
  }

  async #taken({ position, caughtUp }: Pick<SubscriptionBatch, 'position' | 'caughtUp'>): Promise<void> {
    await this.#destroyKeys();
    if (this.#waiting.size > maxWaiting) throw new Error(`${this.#waiting.size} keys could not be destroyed`);
    this.#position = position;
    this.#isCaughtUp = caughtUp;
    if (caughtUp && this.#uncleaned > 0) this.#task.runSoon();
  }

  #destroyKeys(): Promise<void> {
    return this.#task.forEach([...this.#waiting], String, async (userId) => {
      await this.stores.destroyKey(userId);
      if (this.#waiting.delete(userId)) this.#uncleaned++;
    });
  }

  async #finish(): Promise<void> {
    await this.#destroyKeys();
    const people = this.#uncleaned;
    if (people === 0 || this.#position === undefined || !this.#isCaughtUp) return;
    await this.stores.cleanReadModels(this.#position);
    this.log.info({ people }, 'erased people are removed from the read models');
    this.#uncleaned -= people;
  }
}
