import { processContext } from '../commands/command-context.js';
import { ExpireToken, type TokenLapse } from '../commands/queue/enter-and-leave.js';
import { ExpireHold } from '../commands/seats/end-hold.js';
import type { EventStore, RecordedEvent, Subscription } from '../event-store/port.js';
import { addMs } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { DeadlineQueries, HeldSeat, LiveToken } from '../queries/deadlines.js';
import { allPages } from '../queries/paging.js';
import type { Commands, ProcessLog } from './ports.js';
import { Repeating, untilStopped } from './repeating.js';
import type { Deadline, Timers } from './timers.js';
import type { Turns } from './turns.js';

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
    private readonly queries: DeadlineQueries,
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
          return await this.#expireToken({ ...deadline, expiresAt: deadline.dueAt });
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
    for await (const holds of allPages<HeldSeat>((after, limit) => this.queries.liveHolds(after, limit))) {
      stopping?.throwIfAborted();
      yield distinctHolds(holds).map(holdDeadline);
    }
    for await (const tokens of allPages<LiveToken>((after, limit) => this.queries.liveTokens(after, limit))) {
      stopping?.throwIfAborted();
      yield tokens.map(tokenDeadline);
    }
  }

  #expireHold({ tokenId, holdId }: Pick<HeldSeat, 'tokenId' | 'holdId'>): Promise<void> {
    return this.commands.execute(new ExpireHold(tokenId, holdId, processContext('expiry')));
  }

  #expireToken({ tokenId, status, expiresAt }: LiveToken): Promise<void> {
    const lapse: TokenLapse =
      status === 'admitted' ? { reason: 'claim-lapsed', claimUntil: expiresAt } : { reason: 'time-used-up' };
    return this.commands.execute(new ExpireToken(tokenId, lapse, processContext('expiry')));
  }

  async #sweep(stopping: AbortSignal): Promise<void> {
    const seats = await this.queries.lapsedHolds(this.clock.now(), sweepLimit);
    await untilStopped(stopping, distinctHolds(seats), (hold) => this.#expireHold(hold));
    const tokens = await this.queries.lapsedTokens(this.clock.now(), sweepLimit);
    await untilStopped(stopping, tokens, (token) => this.#expireToken(token));
    const endedBy = addMs(this.clock.now(), -saleEndGraceMs);
    const unsold = await this.queries.waitingAfterSale(endedBy, sweepLimit);
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
      return [tokenDeadline({ ...event.data, status: 'entered' })];
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
