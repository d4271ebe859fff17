import { z } from 'zod';
import { shuffleAlgorithm } from '../domain/shuffle.js';
import type { Instant, PerformanceId, TokenId } from '../events/ids.js';
import { storedMoment } from '../projections/engine/entity.js';
import { emptyQueue, type QueueRow, type TokenRow } from '../projections/queue.js';
import { selectAll, selectFirst } from './database.js';
import { decodeCursor, encodeCursor } from './paging.js';
import type { QueryContext } from './queries.js';
import type {
  QueueFairnessReply,
  QueueNumberReply,
  QueueReply,
  QueueTokenReply,
  TokenStatus,
} from './replies/queue.js';
import type { Page, PageRequest } from './replies/reply.js';
import { saleQueries } from './sale.js';

/** Most numbers of a page: a queue of 200,000 is read with 200 requests. */
const maxNumbersPerPage = 1_000;

export interface QueueSize {
  /** Fans with a number who still wait. */
  readonly waiting: number;
  /** Places not admitted yet whose fans no longer wait. */
  readonly leftBeforeAdmission: number;
}

/** What the read models show of a queue whose places below a given one were admitted. Both numbers are safe if they are behind. */
export interface QueueFront {
  /** The fans of these places, and of all beyond, may be unknown. */
  readonly knownUpTo: number;
  /** Fans of admitted places who are admitted or inside, at most: what `sales.maxActive` bounds. */
  readonly inside: number;
}

// SQL throughout: every waiting fan asks for the token and its queue again and again, and each admission for the places.
export function queueQueries(context: QueryContext) {
  const { db, clock } = context;
  const { sale: saleAt } = saleQueries(context);
  const queueRow = (performanceId: PerformanceId): Promise<QueueRow | undefined> =>
    selectFirst<QueueRow>(db, 'SELECT * FROM queues WHERE performance_id = ?', [performanceId]);

  async function fairness(performanceId: PerformanceId): Promise<QueueFairnessReply | null> {
    const row = await selectFirst<FairnessRow>(
      db,
      `SELECT p.seed_hash, q.opened, q.opened_at, q.seed, q.shuffled_count, q.issued, q.admitted_up_to
       FROM performances p JOIN queues q ON q.performance_id = p.performance_id WHERE p.performance_id = ?`,
      [performanceId],
    );
    if (!row) return null;
    const isOpen = row.opened;
    return {
      performanceId,
      algorithm: shuffleAlgorithm,
      seedHash: row.seed_hash,
      opened: isOpen,
      openedAt: row.opened_at,
      seed: row.seed,
      shuffledCount: isOpen ? row.shuffled_count : null,
      issued: row.issued ?? 0,
      admittedUpTo: row.admitted_up_to,
    };
  }

  return {
    /** A fan's place in a queue; null when unknown. */
    async queueToken(tokenId: TokenId): Promise<QueueTokenReply | null> {
      const token = await selectFirst<TokenRow>(db, 'SELECT * FROM tokens WHERE token_id = ?', [tokenId]);
      if (!token) return null;
      const performanceId = token.performance_id;
      const now = clock.now();
      const queue = (await queueRow(performanceId)) ?? emptyQueue(performanceId, now);
      const status = statusAt(token, now);
      const ahead = fansAhead(token, queue);
      const isWaiting = status === 'waiting';
      const sale = await saleAt(performanceId, now);
      return {
        tokenId: token.token_id,
        performanceId,
        number: token.number,
        place: token.place,
        status,
        opened: queue.opened,
        opensAt: queue.opens_at,
        ahead,
        estimatedWaitSeconds:
          isWaiting && sale.status === 'on-sale' ? estimateWaitSeconds(ahead, queue, clock.nowMs()) : null,
        seatsMayRunOut: isWaiting && sale.freeSeats !== undefined && sale.freeSeats <= ahead,
        sale: sale.status,
        saleEndsAt: sale.endsAt,
        enterBefore: status === 'admitted' ? token.claim_until : null,
        expiresAt: token.expire_date,
        numberOfTickets: token.number_of_tickets,
      };
    },

    /** A performance's queue as anyone may see it; null when the performance is unknown. */
    async queue(performanceId: PerformanceId): Promise<QueueReply | null> {
      const queue = await queueRow(performanceId);
      if (!queue) return null;
      const head = await selectFirst<{ number: number }>(
        db,
        `SELECT number FROM tokens WHERE performance_id = ? AND place >= ? AND status = 'waiting'
         ORDER BY place LIMIT 1`,
        [performanceId, queue.admitted_up_to],
      );
      const capacity = queue.capacity ?? 0;
      const sale = await saleAt(performanceId, clock.now());
      return {
        performanceId,
        opened: queue.opened,
        opensAt: queue.opens_at,
        size: queue.waiting,
        capacity,
        isEmpty: queue.waiting === 0,
        isFull: queue.waiting >= capacity,
        active: queue.admitted + queue.entered,
        maxActive: queue.max_active ?? 0,
        admittedUpTo: queue.admitted_up_to,
        issued: queue.issued,
        head: head ? { number: head.number } : null,
        sale: sale.status,
        saleEndsAt: sale.endsAt,
        freeSeats: sale.freeSeats ?? null,
      };
    },

    /** What is needed to recompute the places of a queue; null when the performance is unknown. */
    queueFairness: fairness,

    /**
     * The queue in the order of its numbers, up to 1,000 a page, with token ids but no persons; null when the
     * performance is unknown.
     * @throws {InvalidCursor}
     */
    async queueNumbers(
      performanceId: PerformanceId,
      page: PageRequest,
    ): Promise<Page<QueueNumberReply> | null> {
      if (!(await fairness(performanceId))) return null;
      const [after] = decodeCursor(page.cursor, z.tuple([z.number().int()])) ?? [-1];
      const limit = Math.min(Math.max(Math.trunc(page.limit), 1), maxNumbersPerPage);
      const rows = await selectAll<NumberRow>(
        db,
        `SELECT number, token_id, place, status, admitted_at FROM tokens
         WHERE performance_id = ? AND number > ? ORDER BY number LIMIT ?`,
        [performanceId, after, limit + 1],
      );
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        items: rows.slice(0, limit).map(toNumberReply),
        nextCursor: last ? encodeCursor([last.number]) : null,
      };
    },

    /** All 0 before the first fan joins. */
    async queueSize(performanceId: PerformanceId): Promise<QueueSize> {
      return sizeOf(await queueRow(performanceId));
    },

    /**
     * What is needed to admit fans while the read models may be behind: places that are admitted according to the log count as
     * fans inside, unless the read models show that the fan has left.
     * @param admittedUpTo the log's: places below it were admitted.
     */
    async queueFront(performanceId: PerformanceId, admittedUpTo: number): Promise<QueueFront> {
      // One statement, so that its parts are of one moment.
      const row = await selectFirst<FrontRow>(
        db,
        `SELECT opened, issued, admitted_up_to, admitted, entered,
           (SELECT COUNT(*) FROM tokens t WHERE t.performance_id = q.performance_id AND t.place >= q.admitted_up_to
             AND t.place < ? AND t.status NOT IN ('waiting', 'admitted', 'entered')) AS ended_since
         FROM queues q WHERE q.performance_id = ?`,
        [admittedUpTo, performanceId],
      );
      return frontOf(row && { ...row, ended_since: Number(row.ended_since) }, admittedUpTo);
    },

    /**
     * Queues with waiting fans, or that open before `opensBefore`, of performances with a date after `now`; in id
     * order, after `after`.
     */
    async queuesToServe(
      { now, opensBefore }: { readonly now: Instant; readonly opensBefore: Instant },
      after: PerformanceId | null,
      limit: number,
    ): Promise<PerformanceId[]> {
      const rows = await selectAll<{ performance_id: PerformanceId }>(
        db,
        `SELECT q.performance_id FROM queues q WHERE q.performance_id > ?
           AND ((q.opened = 1 AND q.waiting > 0)
             OR (q.opened = 0 AND (q.opens_at IS NULL OR q.opens_at < ?)))
           AND EXISTS (SELECT 1 FROM schedules s WHERE s.performance_id = q.performance_id
             AND s.status = 'scheduled' AND s.schedule_date_time > ?)
         ORDER BY q.performance_id LIMIT ?`,
        [after ?? '', storedMoment(opensBefore), storedMoment(now), limit],
      );
      return rows.map((row) => row.performance_id);
    },

    /** Places of waiting fans at or beyond `fromPlace`, ascending. Empty until the queue opens. */
    async waitingPlaces(performanceId: PerformanceId, fromPlace: number, limit: number): Promise<number[]> {
      const rows = await selectAll<{ place: number }>(
        db,
        `SELECT place FROM tokens WHERE performance_id = ? AND place >= ? AND status = 'waiting'
         ORDER BY place LIMIT ?`,
        [performanceId, fromPlace, limit],
      );
      return rows.map((row) => row.place);
    },

    /** A token's queue number; undefined when the token is unknown or has no number yet. */
    async numberOfToken(tokenId: TokenId): Promise<number | undefined> {
      const row = await selectFirst<{ number: number | null }>(
        db,
        'SELECT number FROM tokens WHERE token_id = ?',
        [tokenId],
      );
      return row?.number ?? undefined;
    },
  };
}

/** `ended_since`: places that were admitted since, of fans whose turn is over. */
type FrontRow = Pick<QueueRow, 'opened' | 'issued' | 'admitted_up_to' | 'admitted' | 'entered'> & {
  readonly ended_since: number;
};

type FairnessRow = Pick<QueueRow, 'opened' | 'opened_at' | 'seed' | 'shuffled_count' | 'admitted_up_to'> & {
  readonly seed_hash: string;
  readonly issued: number | null;
};

type NumberRow = Pick<TokenRow, 'token_id' | 'place' | 'status' | 'admitted_at'> & {
  readonly number: number;
};

function toNumberReply({ number, token_id, place, status, admitted_at }: NumberRow): QueueNumberReply {
  const state = admitted_at !== null ? 'admitted' : status === 'waiting' ? 'waiting' : 'left';
  return { number, tokenId: token_id, place, state, admittedAt: admitted_at };
}

/** The counts in a row of the table. */
export function sizeOf(queue: QueueRow | undefined): QueueSize {
  if (!queue) return { waiting: 0, leftBeforeAdmission: 0 };
  const { issued, waiting, admitted_up_to: admittedUpTo } = queue;
  return { waiting, leftBeforeAdmission: Math.max(0, issued - admittedUpTo - waiting) };
}

/** @param queue undefined: the read models do not know the queue. */
export function frontOf(queue: FrontRow | undefined, admittedUpTo: number): QueueFront {
  // Places are unknown before the read models have the opening.
  if (!queue?.opened) return { knownUpTo: 0, inside: admittedUpTo };
  // The read models may have an admission that this process has not read yet.
  const since = Math.max(0, admittedUpTo - queue.admitted_up_to);
  return { knownUpTo: queue.issued, inside: queue.admitted + queue.entered + since - queue.ended_since };
}

/** A token's status at `now`: a deadline that has passed ended it, whether or not an event says so yet. */
function statusAt(token: TokenRow, now: Instant): TokenStatus {
  const { status, claim_until, expire_date } = token;
  const hasLapsed =
    (status === 'admitted' && claim_until !== null && claim_until <= now) ||
    (status === 'entered' && expire_date !== null && expire_date <= now);
  return hasLapsed ? 'expired' : status;
}

/**
 * Fans before a waiting one. Those who left count until their place is passed, but never more than wait.
 * Before the opening places are not drawn yet: it is then the number of fans who joined earlier.
 */
function fansAhead(token: TokenRow, queue: QueueRow): number {
  if (token.status !== 'waiting') return 0;
  const others = Math.max(0, queue.waiting - (token.number === null ? 0 : 1));
  const before = token.place === null ? (token.number ?? queue.issued) : token.place - queue.admitted_up_to;
  return Math.min(Math.max(0, before), others);
}

/**
 * Seconds until a fan with `ahead` others before is admitted, if everyone inside stays as long as allowed:
 * first the free room fills at `admitPerSecond`; then each fan inside makes room once per service window.
 * Before the opening the time until `opensAt` is added; null when that is unknown.
 */
function estimateWaitSeconds(ahead: number, queue: QueueRow, nowMs: number): number | null {
  const { admit_per_second: perSecond, max_active: maxActive, service_window_ms: windowMs } = queue;
  if (perSecond === null || maxActive === null || windowMs === null) return null;
  if (!queue.opened && queue.opens_at === null) return null;
  const untilOpening =
    queue.opened || queue.opens_at === null ? 0 : Math.max(0, Date.parse(queue.opens_at) - nowMs) / 1000;
  const room = Math.max(0, maxActive - queue.admitted - queue.entered);
  const turnoverPerSecond = Math.min(perSecond, maxActive / (windowMs / 1000));
  const filling = Math.min(ahead + 1, room) / perSecond;
  const turningOver = Math.max(0, ahead + 1 - room) / turnoverPerSecond;
  return Math.ceil(untilOpening + filling + turningOver);
}
