import { LRUCache } from 'lru-cache';
import {
  type AccessSession,
  type EndOfSessions,
  isAmong,
  readIsLive,
  SessionCheck,
} from '../commands/account/session-check.js';
import type { StreamRepository } from '../commands/stream-repository.js';
import { LiveSubscription } from '../event-store/live-subscription.js';
import type { EventStore, RecordedEvent } from '../event-store/port.js';
import type { SessionId, UserId } from '../events/ids.js';
import { type DomainEvent, decodeEvent } from '../events/registry.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import type { ProcessParts } from './periodic-task.js';

/**
 * How long an end is remembered, ms. Access tokens live for 15 minutes at most (`ACCESS_TOKEN_TTL_MS`), and one may be
 * signed some moments after the end, by a request that read the session before.
 */
export const rememberedMs = 20 * 60_000;
/** By how much the clocks of the processes that sign tokens may differ, ms. */
export const clockDifferenceMs = 10_000;
/** Ends that are remembered, of sessions and of users; and sessions that were read: some 100 bytes each. */
const defaultMaxRemembered = 100_000;

const ends: ReadonlySet<string> = new Set(['SessionEnded', 'SessionsEnded', 'UserErased']);

interface Remembered<What> {
  readonly what: What;
  readonly atMs: number;
}

/**
 * Remembers which sessions have ended, for as long as their access tokens may be valid: what this process ends at once, and
 * what others end as soon as the log tells. So a request costs two look-ups in memory.
 *
 * What ended before this process followed the log, or was forgotten, is not known. Access tokens that were issued before
 * that moment are answered from the streams of session and user, once for each session.
 */
export class EndedSessions extends SessionCheck {
  /** In the order of their ends, as is the next. */
  readonly #sessions = new Map<SessionId, Remembered<'ended'>>();
  readonly #users = new Map<UserId, Remembered<EndOfSessions>>();
  /** Sessions that were read and lived; their ends since then are remembered. */
  readonly #confirmed: LRUCache<SessionId, true>;
  /** Every end is known that concerns tokens issued later; infinite until the log is followed. */
  #completeAfterMs = Number.POSITIVE_INFINITY;
  readonly #subscription: LiveSubscription;

  constructor(
    store: Pick<EventStore, 'head' | 'subscribe'>,
    private readonly repository: Pick<StreamRepository, 'load'>,
    private readonly clock: Clock,
    log: ProcessLog,
    private readonly maxRemembered = defaultMaxRemembered,
  ) {
    super();
    this.#confirmed = new LRUCache({ max: maxRemembered });
    this.#subscription = new LiveSubscription(
      store,
      { name: 'ended sessions', categories: ['session', 'user'], log },
      { started: () => this.#forget(this.clock.nowMs()), take: (recorded) => this.#follow(recorded) },
    );
  }

  /** Begins to follow the log. Until that works, sessions are read. */
  start(): void {
    void this.#subscription.start();
  }

  stop(): Promise<void> {
    return this.#subscription.stop();
  }

  /** Whose failures are counted. */
  get parts(): ProcessParts {
    return [this.#subscription];
  }

  isLive(session: AccessSession): boolean | Promise<boolean> {
    const { sessionId, userId, issuedAtMs } = session;
    if (this.#sessions.has(sessionId)) return false;
    const user = this.#users.get(userId)?.what;
    if (user !== undefined && isAmong(user, session)) return false;
    if (issuedAtMs !== undefined && issuedAtMs > this.#completeAfterMs) return true;
    return this.#confirmed.has(sessionId) || this.#read(session);
  }

  take(events: readonly DomainEvent[]): void {
    for (const { type, data } of events) {
      switch (type) {
        case 'SessionEnded':
          this.#confirmed.delete(data.sessionId);
          this.#remember(this.#sessions, data.sessionId, 'ended');
          break;
        case 'SessionsEnded': {
          const known = this.#users.get(data.userId)?.what;
          if (known === 'erased' || (known && known.epoch >= data.epoch)) break;
          this.#remember(this.#users, data.userId, data);
          break;
        }
        case 'UserErased':
          this.#remember(this.#users, data.userId, 'erased');
          break;
        default:
      }
    }
  }

  #follow(recorded: RecordedEvent): void {
    if (!ends.has(recorded.type)) return;
    try {
      this.take([decodeEvent(recorded)]);
    } catch (error) {
      // It may be the end of any session.
      this.#forget(this.clock.nowMs());
      throw error;
    }
  }

  async #read(session: AccessSession): Promise<boolean> {
    const completeAfterMs = this.#completeAfterMs;
    const isLive = await readIsLive(this.repository, session);
    // An end that was written since it was read is remembered, unless the log was not followed meanwhile.
    const isFollowed = completeAfterMs === this.#completeAfterMs && Number.isFinite(completeAfterMs);
    if (isLive && isFollowed) this.#confirmed.set(session.sessionId, true);
    return isLive;
  }

  #remember<Id, What>(known: Map<Id, Remembered<What>>, id: Id, what: What): void {
    const nowMs = this.clock.nowMs();
    known.delete(id);
    known.set(id, { what, atMs: nowMs });
    // A quarter at once: what was confirmed has to be read again after each time.
    const left = known.size > this.maxRemembered ? Math.floor((this.maxRemembered * 3) / 4) : known.size;
    for (const [oldest, { atMs }] of known) {
      if (nowMs - atMs < rememberedMs) {
        if (known.size <= left) break;
        this.#forget(atMs);
      }
      known.delete(oldest);
    }
  }

  /** What ended until then may not be remembered. */
  #forget(untilMs: number): void {
    const completeAfterMs = untilMs + clockDifferenceMs;
    const isKnown = Number.isFinite(this.#completeAfterMs) && completeAfterMs <= this.#completeAfterMs;
    if (!isKnown) this.#completeAfterMs = completeAfterMs;
    this.#confirmed.clear();
  }
}
