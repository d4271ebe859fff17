import { processContext } from '../commands/command-context.js';
import { ExpireHold } from '../commands/expire-hold.js';
import { ExpireToken, type TokenLapse } from '../commands/expire-token.js';
import type { EventStore, RecordedEvent, Subscription } from '../event-store/port.js';
import type { HoldId, Instant, TokenId } from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { Commands, ProcessLog } from './ports.js';
import { Repeating } from './repeating.js';
import type { Timers } from './timers.js';

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
}

/** Lapsed ones handled in one sweep; more wait for the next. */
const sweepLimit = 1_000;

/**
 * Ends holds and tokens at their deadlines: a timer for each, restored after a restart, and a sweeper that
 * finds whatever a timer missed.
 */
export class Expiry {
  readonly #sweeper: Repeating;
  #subscription: Subscription | undefined;

  constructor(
    private readonly store: EventStore,
    private readonly commands: Commands,
    private readonly timers: Timers,
    private readonly deadlines: Deadlines,
    private readonly clock: Clock,
    private readonly log: ProcessLog,
    sweepIntervalMs: number,
  ) {
    this.#sweeper = new Repeating('expiry', sweepIntervalMs, () => this.#sweep(), log);
  }

  /** Expects read models that have caught up with the log; listens first, so nothing falls in between. */
  async start(): Promise<void> {
    this.#subscription = this.store.subscribe(
      { after: 'end', categories: ['token', 'admission'] },
      async ({ events }) => {
        for (const event of events) this.#follow(event);
      },
    );
    this.#subscription.done.catch((error: unknown) => {
      this.log.error({ err: error }, 'deadlines are no longer followed; the sweeper goes on');
    });
    for await (const holds of this.deadlines.liveHolds()) for (const hold of holds) this.#watchHold(hold);
    for await (const tokens of this.deadlines.liveTokens())
      for (const token of tokens) this.#watchToken(token);
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    this.timers.stop();
    await this.#subscription?.stop();
    await this.#sweeper.stop();
  }

  #follow(recorded: RecordedEvent): void {
    const event = decodeEvent(recorded);
    switch (event.type) {
      case 'SeatsRequested':
        this.#watchHold(event.data);
        break;
      case 'TokenEntered':
        this.#watchToken({ ...event.data, status: 'entered', lapsedAt: event.data.expiresAt });
        break;
      case 'TokensAdmitted': {
        // Who has not entered by then is known to the read model only.
        const { performanceId, from, expiresAt } = event.data;
        this.timers.schedule(`claims ${performanceId} ${from}`, expiresAt, () => this.#sweeper.runSoon());
        break;
      }
      default:
        break; // the other events of these streams set no deadline
    }
  }

  #watchHold({ tokenId, holdId, expiresAt }: HoldDeadline): void {
    this.timers.schedule(`hold ${holdId}`, expiresAt, () =>
      this.#inBackground(this.#expireHold(tokenId, holdId)),
    );
  }

  #watchToken(token: TokenDeadline): void {
    this.timers.schedule(`token ${token.tokenId}`, token.lapsedAt, () =>
      this.#inBackground(this.#expireToken(token)),
    );
  }

  #expireHold(tokenId: TokenId, holdId: HoldId): Promise<void> {
    return this.commands.execute(new ExpireHold(tokenId, holdId, processContext('expiry')));
  }

  #expireToken({ tokenId, status, lapsedAt }: TokenDeadline): Promise<void> {
    const lapse: TokenLapse =
      status === 'admitted' ? { reason: 'claim-lapsed', claimUntil: lapsedAt } : { reason: 'time-used-up' };
    return this.commands.execute(new ExpireToken(tokenId, lapse, processContext('expiry')));
  }

  async #sweep(): Promise<void> {
    const holds = await this.deadlines.lapsedHolds(this.clock.now(), sweepLimit);
    for (const { tokenId, holdId } of holds) await this.#expireHold(tokenId, holdId);
    const tokens = await this.deadlines.lapsedTokens(this.clock.now(), sweepLimit);
    for (const token of tokens) await this.#expireToken(token);
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.log.warn({ err: error }, 'a deadline failed; the sweeper will repeat it'),
    );
  }
}
