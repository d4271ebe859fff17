import { EraseUser } from '../commands/account/erase-user.js';
import { processContext } from '../commands/command-context.js';
import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, Position, RecordedEvent, SubscriptionBatch } from '../event-store/port.js';
import type { UserId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { type Commands, PeriodicTask, type ProcessParts } from './periodic-task.js';

/** Where an erased person's data is removed from. Both methods are safe to repeat. */
export interface PersonalDataStores {
  /** Destroys the key of the person's data. */
  destroyKey(userId: UserId): Promise<void>;
  /** Removes what deleted rows left in the read models' files, once these have reached the position. */
  cleanReadModels(position: Position): Promise<void>;
}

/** Most people whose keys could not be destroyed yet; with more, no further events are read. */
const maxWaiting = 10_000;

/** How long a command may take from closing a wallet to UserErased, ms; after that a crash has left it. */
const resumeAfterMs = 60_000;

/**
 * Finishes erasures: writes UserErased for every user whose wallet was closed for it, and destroys the key of every user
 * with a UserErased. The command does both too; this process covers crashes and restored backups: it reads all events of
 * users and wallets at each start, and follows them from there. An erasure that cannot be finished is tried again and does
 * not keep the others waiting.
 */
export class Erasure {
  readonly #task: PeriodicTask;
  readonly #subscription: LiveSubscription;
  /**
   * People whose wallets are closed and who are not erased yet, with the time of the closing, ms. Few: a command is at
   * work, or a crash has ended it.
   */
  readonly #begun = new Map<UserId, number>();
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
    private readonly commands: Commands,
    private readonly stores: PersonalDataStores,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
    retryIntervalMs: number,
  ) {
    this.#task = new PeriodicTask({ name: 'erasure', intervalMs: retryIntervalMs, clock, log }, async () => {
      await this.#finish();
      await this.#finishBegun();
    });
    this.#subscription = new LiveSubscription(
      store,
      { name: 'erasure', categories: ['user', 'wallet'], after: 'start', log },
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
    if (recorded.type !== 'UserErased' && recorded.type !== 'WalletClosed') return;
    const event = decodeEvent(recorded);
    if (event.type === 'WalletClosed') this.#begun.set(event.data.userId, recorded.recordedAtMs);
    if (event.type !== 'UserErased') return;
    this.#begun.delete(event.data.userId);
    this.#waiting.add(event.data.userId);
  }

  async #taken({ position, caughtUp }: Pick<SubscriptionBatch, 'position' | 'caughtUp'>): Promise<void> {
    await this.#destroyKeys();
    if (this.#waiting.size > maxWaiting) throw new Error(`${this.#waiting.size} keys could not be destroyed`);
    this.#position = position;
    this.#isCaughtUp = caughtUp;
    if (caughtUp && (this.#uncleaned > 0 || this.#left().length > 0)) this.#task.runSoon();
  }

  #destroyKeys(): Promise<void> {
    return this.#task.forEach([...this.#waiting], String, async (userId) => {
      await this.stores.destroyKey(userId);
      if (this.#waiting.delete(userId)) this.#uncleaned++;
    });
  }

  /** People whose erasure was left after its first step. */
  #left(): readonly UserId[] {
    const before = this.clock.nowMs() - resumeAfterMs;
    return [...this.#begun].flatMap(([userId, closedAtMs]) => (closedAtMs <= before ? [userId] : []));
  }

  /** What was refused without forfeiting was refused before the wallet was closed. */
  async #finishBegun(): Promise<void> {
    await this.#task.forEach(this.#left(), String, (userId) =>
      this.commands.execute(new EraseUser({ user: userId, forfeit: true }, processContext('erasure'))),
    );
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
