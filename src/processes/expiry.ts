import { processContext } from '../commands/command-context.js';
import { ExpireToken, type TokenLapse } from '../commands/queue/enter-and-leave.js';
import { ExpireHold } from '../commands/seats/end-hold.js';
import type { EventStore, RecordedEvent, Subscription } from '../event-store/port.js';
import { addMs, type HoldId, type Instant, type TokenId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { Commands, ProcessLog } from './ports.js';
import { Repeating, untilStopped } from './repeating.js';
import type { Deadline, Timers } from './timers.js';
import type { Turns } from './turns.js';

export interface HoldDeadline {
  readonly tokenId: TokenId;
  readonly holdId: HoldId;
  readonly expiresAt: Instant;
}

export interface TokenDeadline {
  readonly tokenId: TokenId;
  /** What ends then: the time to enter, or the time inside. */
  readonly status: 'admitted' | 'entered';
  readonly lapsedAt: Instant;
}

/** Where deadlines are looked up: at the start, and by the sweeper. */
export interface Deadlines {
  /** All live holds, in pages, to restore timers. */
  liveHolds(): AsyncIterable<readonly HoldDeadline[]>;
  liveTokens(): AsyncIterable<readonly TokenDeadline[]>;
  lapsedHolds(now: Instant, limit: number): Promise<readonly HoldDeadline[]>;
  lapsedTokens(now: Instant, limit: number): Promise<readonly TokenDeadline[]>;
  /** Tokens that wait for a performance whose sale was over at `endedBy`. */
  waitingAfterSale(endedBy: Instant, limit: number): Promise<readonly TokenId[]>;
}

/** Lapsed ones handled in one sweep; more wait for the next. */
const sweepLimit = 1_000;

/**
 * A sale is over for those who wait this long after its last date began: a new or a later date that was published
 * at the last moment is known by then.
 */
const saleEndGraceMs = 60_000;

/**
 * Ends holds and tokens at their deadlines: a timer for each, restored when it may have been lost, and a
 * sweeper that finds whatever a timer missed.
 */
export class Expiry {
  readonly #sweeper: Repeating;
  readonly #restoring: Repeating;
  #subscription: Subscription | undefined;

  /** @param turns shared by all processes that run an expiry, if there are several. */
  constructor(
    private readonly store: EventStore,
    private readonly commands: Commands,
    private readonly timers: Timers,
    private readonly deadlines: Deadlines,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
    sweepIntervalMs: number,
    turns?: Turns,
  ) {
    this.#sweeper = new Repeating('expiry', sweepIntervalMs, (stopping) => this.#sweep(stopping), log, turns);
    this.#restoring = new Repeating('timers', sweepIntervalMs, (stopping) => this.#restore(stopping), log);
  }

  /** Expects read models that have caught up with the log; listens first, so nothing falls in between. */
  async start(): Promise<void> {
    await this.timers.start((deadline) => this.#act(deadline));
    this.#subscription = this.store.subscribe(
      { after: 'end', categories: ['token', 'admission'] },
      ({ events }) => this.timers.schedule(events.flatMap(deadlinesOf)),
    );
    this.#subscription.done.catch((error: unknown) => {
      this.log.error({ err: error }, 'deadlines are no longer followed; the sweeper goes on');
    });
    await this.#restore();
    this.#restoring.start();
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    // The timers last: nothing schedules any more then.
    await Promise.all([this.#subscription?.stop(), this.#restoring.stop(), this.#sweeper.stop()]);
    await this.timers.stop();
  }

  async #act(deadline: Deadline): Promise<void> {
    try {
      switch (deadline.kind) {
        case 'hold':
          return await this.#expireHold(deadline);
        case 'token':
          return await this.#expireToken({ ...deadline, lapsedAt: deadline.dueAt });
        case 'claims':
          // Who has not entered by then is known to the read model only.
          return this.#sweeper.runSoon();
      }
    } catch (error) {
      this.log.warn({ err: error }, 'a deadline failed; the sweeper will repeat it');
      throw error;
    }
  }

  #restore(stopping?: AbortSignal): Promise<void> {
    return this.timers.restore(() => this.#live(stopping));
  }

  /** Fails when it is told to stop: what it has not told of is not restored. */
  async *#live(stopping?: AbortSignal): AsyncGenerator<readonly Deadline[]> {
    for await (const holds of this.deadlines.liveHolds()) {
      stopping?.throwIfAborted();
      yield holds.map(holdDeadline);
    }
    for await (const tokens of this.deadlines.liveTokens()) {
      stopping?.throwIfAborted();
      yield tokens.map(tokenDeadline);
    }
  }

  #expireHold({ tokenId, holdId }: Pick<HoldDeadline, 'tokenId' | 'holdId'>): Promise<void> {
    return this.commands.execute(new ExpireHold(tokenId, holdId, processContext('expiry')));
  }

  #expireToken({ tokenId, status, lapsedAt }: TokenDeadline): Promise<void> {
    const lapse: TokenLapse =
      status === 'admitted' ? { reason: 'claim-lapsed', claimUntil: lapsedAt } : { reason: 'time-used-up' };
    return this.commands.execute(new ExpireToken(tokenId, lapse, processContext('expiry')));
  }

  async #sweep(stopping: AbortSignal): Promise<void> {
    const holds = await this.deadlines.lapsedHolds(this.clock.now(), sweepLimit);
    await untilStopped(stopping, holds, (hold) => this.#expireHold(hold));
    const tokens = await this.deadlines.lapsedTokens(this.clock.now(), sweepLimit);
    await untilStopped(stopping, tokens, (token) => this.#expireToken(token));
    const endedBy = addMs(this.clock.now(), -saleEndGraceMs);
    const unsold = await this.deadlines.waitingAfterSale(endedBy, sweepLimit);
    await untilStopped(stopping, unsold, (tokenId) =>
      this.commands.execute(new ExpireToken(tokenId, { reason: 'sale-ended' }, processContext('expiry'))),
    );
  }
}

/** The deadline that an event sets, if it sets one. */
function deadlinesOf(recorded: RecordedEvent): Deadline[] {
  const event = decodeEvent(recorded);
  switch (event.type) {
    case 'SeatsRequested':
      return [holdDeadline(event.data)];
    case 'TokenEntered':
      return [tokenDeadline({ ...event.data, status: 'entered', lapsedAt: event.data.expiresAt })];
    case 'TokensAdmitted': {
      const { performanceId, from, expiresAt } = event.data;
      return [{ kind: 'claims', performanceId, from, dueAt: expiresAt }];
    }
    default:
      return []; // the other events of these streams set no deadline
  }
}

function holdDeadline({ tokenId, holdId, expiresAt }: HoldDeadline): Deadline {
  return { kind: 'hold', tokenId, holdId, dueAt: expiresAt };
}

function tokenDeadline({ tokenId, status, lapsedAt }: TokenDeadline): Deadline {
  return { kind: 'token', tokenId, status, dueAt: lapsedAt };
}
