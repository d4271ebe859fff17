import { processContext } from '../commands/command-context.js';
import { ExpireToken, type TokenLapse } from '../commands/queue/enter-and-leave.js';
import { ExpireHold } from '../commands/seats/end-hold.js';
import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, RecordedEvent } from '../event-store/port.js';
import { addMs, type TokenId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import type { DeadlineQueries, HeldSeat, LiveToken } from '../queries/deadlines.js';
import { allPages } from '../queries/paging.js';
import { type Commands, PeriodicTask, type ProcessParts, type RoundLease } from './periodic-task.js';
import type { Deadline, Timers } from './timers.js';

/** Lapsed tokens that one sweep ends, beside those that fail; more wait for the next. */
const sweepLimit = 1_000;
/** Holds, or tokens, ended at the same time: one that takes long does not keep the others waiting. */
const atOnce = 8;

/**
 * Time after a performance's last date has begun until its waiting fans are expired: a new or later date that was
 * published at the last moment is in the read models by then.
 */
const saleEndGraceMs = 60_000;

/** What a sweep ends. */
type Lapsed =
  | ({ readonly kind: 'hold' } & Pick<HeldSeat, 'tokenId' | 'holdId'>)
  | ({ readonly kind: 'token' } & LiveToken)
  | { readonly kind: 'sale'; readonly tokenId: TokenId };

/**
 * Ends holds and tokens at their deadlines: a timer for each deadline, restored when it may have been lost, and a
 * sweeper that finds what the timers missed.
 */
export class Expiry {
  readonly #sweeper: PeriodicTask;
  readonly #restoring: PeriodicTask;
  readonly #subscription: LiveSubscription;

  /** @param lease shared by all processes that run an expiry, if there are several. */
  constructor(
    store: EventStore,
    private readonly commands: Commands,
    private readonly timers: Timers,
    private readonly queries: DeadlineQueries,
    private readonly clock: Clock,
    log: ProcessLog,
    sweepIntervalMs: number,
    lease?: RoundLease,
  ) {
    const settings = { intervalMs: sweepIntervalMs, clock, log };
    this.#sweeper = new PeriodicTask({ name: 'expiry', lease, ...settings }, () => this.#sweep());
    this.#restoring = new PeriodicTask({ name: 'timers', ...settings }, (stopping) =>
      this.#restore(stopping),
    );
    // A batch's deadlines are scheduled together: that is one request to Redis.
    let deadlines: Deadline[] = [];
    this.#subscription = new LiveSubscription(
      store,
      { name: 'expiry', categories: ['token', 'admission'], log },
      {
        take: (event) => void deadlines.push(...deadlinesOf(event)),
        async taken() {
          const scheduled = deadlines;
          deadlines = [];
          await timers.schedule(scheduled);
        },
      },
    );
  }

  /**
   * Expects read models that have caught up with the log. Timers are restored only once the subscription has begun, so that
   * no deadline falls in between.
   */
  async start(): Promise<void> {
    await this.timers.start((deadline) => this.#act(deadline));
    await this.#subscription.start();
    // If it fails, the task tries again at once and says so.
    await this.#restore().catch(() => undefined);
    this.#restoring.start();
    this.#sweeper.start();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#sweeper, this.#restoring, this.#subscription];
  }

  async stop(): Promise<void> {
    // The timers last, when nothing schedules them any more.
    await Promise.all([this.#subscription.stop(), this.#restoring.stop(), this.#sweeper.stop()]);
    await this.timers.stop();
  }

  /** @throws when the deadline's command fails: the sweeper repeats it. */
  async #act(deadline: Deadline): Promise<void> {
    // Which admitted fans have not entered by then is in the read model only.
    if (deadline.kind === 'claims') return this.#sweeper.runSoon();
    const { items } = this.#sweeper;
    const lapsed = deadline.kind === 'hold' ? deadline : { ...deadline, expiresAt: deadline.dueAt };
    try {
      await this.#expire(lapsed);
      items.worked(keyOf(lapsed));
    } catch (error) {
      items.failed(keyOf(lapsed), error);
      throw error;
    }
  }

  #restore(stopping?: AbortSignal): Promise<void> {
    return this.timers.restore(() => this.#live(stopping));
  }

  /** Throws when it is stopped, so that an incomplete scan never counts as complete. */
  async *#live(stopping?: AbortSignal): AsyncGenerator<readonly Deadline[]> {
    for await (const seats of allPages<HeldSeat>((after, limit) => this.queries.liveHolds(after, limit))) {
      stopping?.throwIfAborted();
      yield distinctHolds(seats).map(holdDeadline);
    }
    for await (const tokens of allPages<LiveToken>((after, limit) => this.queries.liveTokens(after, limit))) {
      stopping?.throwIfAborted();
      yield tokens.map(tokenDeadline);
    }
  }

  #expire(lapsed: Lapsed): Promise<void> {
    const context = processContext('expiry');
    switch (lapsed.kind) {
      case 'hold':
        return this.commands.execute(new ExpireHold(lapsed.tokenId, lapsed.holdId, context));
      case 'token': {
        const lapse: TokenLapse =
          lapsed.status === 'admitted'
            ? { reason: 'claim-lapsed', claimUntil: lapsed.expiresAt }
            : { reason: 'time-used-up' };
        return this.commands.execute(new ExpireToken(lapsed.tokenId, lapse, context));
      }
      case 'sale':
        return this.commands.execute(new ExpireToken(lapsed.tokenId, { reason: 'sale-ended' }, context));
    }
  }

  async #sweep(): Promise<void> {
    const sweep = (lapsed: readonly Lapsed[] | AsyncIterable<readonly Lapsed[]>) =>
      this.#sweeper.forEach(lapsed, keyOf, (one) => this.#expire(one), { atOnce });
    await sweep(this.#lapsedHolds());
    // Failing tokens come first, since they lapsed first: the limit is raised by their number, so that others fit.
    const limit = sweepLimit + this.#sweeper.items.failing;
    const tokens = await this.queries.lapsedTokens(this.clock.now(), limit);
    await sweep(tokens.map((token) => ({ kind: 'token', ...token })));
    const endedBy = addMs(this.clock.now(), -saleEndGraceMs);
    const unsold = await this.queries.waitingAfterSale(endedBy, limit);
    await sweep(unsold.map((tokenId) => ({ kind: 'sale', tokenId })));
  }

  async *#lapsedHolds(): AsyncGenerator<readonly Lapsed[]> {
    const now = this.clock.now();
    const pages = allPages<HeldSeat>((after, limit) => this.queries.lapsedHolds(now, after, limit));
    for await (const seats of pages) yield distinctHolds(seats).map((seat) => ({ kind: 'hold', ...seat }));
  }
}

function keyOf(lapsed: Lapsed): string {
  return lapsed.kind === 'hold' ? `hold-${lapsed.holdId}` : `${lapsed.kind}-${lapsed.tokenId}`;
}

/** The deadline that an event sets, if it sets one. */
function deadlinesOf(recorded: RecordedEvent): Deadline[] {
  const event = decodeEvent(recorded);
  switch (event.type) {
    case 'SeatsRequested':
      return [holdDeadline(event.data)];
    case 'TokenEntered': {
      const { tokenId, idleUntil, expiresAt } = event.data;
      return [tokenDeadline({ tokenId, expiresAt: idleUntil ?? expiresAt, status: 'entered' })];
    }
    case 'SeatsReturned': {
      // Until then the turn cannot end but with its holds, whose own deadlines come first.
      const { tokenId, idleUntil } = event.data;
      return idleUntil === undefined
        ? []
        : [tokenDeadline({ tokenId, expiresAt: idleUntil, status: 'entered' })];
    }
    case 'TokensAdmitted': {
      const { performanceId, from, expiresAt } = event.data;
      return [{ kind: 'claims', performanceId, from, dueAt: expiresAt }];
    }
    default:
      return []; // the other events of these streams set no deadline
  }
}

/** One entry for each hold: its seats share the deadline. */
function distinctHolds(seats: readonly HeldSeat[]): HeldSeat[] {
  return [...new Map(seats.map((seat) => [seat.holdId, seat])).values()];
}

function holdDeadline({
  tokenId,
  holdId,
  expiresAt,
}: Pick<HeldSeat, 'tokenId' | 'holdId' | 'expiresAt'>): Deadline {
  return { kind: 'hold', tokenId, holdId, dueAt: expiresAt };
}

function tokenDeadline({ tokenId, status, expiresAt }: LiveToken): Deadline {
  return { kind: 'token', tokenId, status, dueAt: expiresAt };
}
