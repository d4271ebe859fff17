import { z } from 'zod';
import { drawAlgorithms } from '../domain/shuffle.js';
import type { Instant, PerformanceId, TokenId } from '../events/ids.js';
import { storedMoment } from '../projections/engine/entity.js';
import type { QueueRow, TokenRow } from '../projections/queue.js';
import { selectAll, selectFirst } from './database.js';
import { decodeCursor, encodeCursor } from './paging.js';
import type { QueryContext } from './queries.js';
import { QueueBoard, type QueueState, type TokenState } from './queue-board.js';
import {
  namedRound,
  type QueueFairnessReply,
  type QueueNumberReply,
  type QueueReply,
  type QueueTokenReply,
} from './replies/queue.js';
import type { Page, PageRequest } from './replies/reply.js';
import { selectSale } from './sale.js';

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

/** Most tokens of one statement. */
export const maxTokensAtOnce = 500;

// SQL throughout: every fan asks for the own token, and each admission for the places.
export function queueQueries(context: QueryContext) {
  const { db, clock } = context;
  const queueRow = (performanceId: PerformanceId): Promise<QueueRow | undefined> =>
    selectFirst<QueueRow>(db, 'SELECT * FROM queues WHERE performance_id = ?', [performanceId]);

  async function fairness(performanceId: PerformanceId): Promise<QueueFairnessReply | null> {
    const row = await selectFirst<FairnessRow>(
      db,
      `SELECT p.seed_hash, p.beacon_round AS named_round, q.opened, q.opened_at, q.seed, q.shuffled_count, q.tokens_digest,
         q.beacon_round, q.beacon_signature, q.issued, q.admitted_up_to
       FROM performances p JOIN queues q ON q.performance_id = p.performance_id WHERE p.performance_id = ?`,
      [performanceId],
    );
    if (!row) return null;
    const isOpen = row.opened;
    const isSeedOnly = isOpen && row.tokens_digest === null;
    return {
      performanceId,
      algorithm: isSeedOnly ? drawAlgorithms.seedOnly : drawAlgorithms.mixed,
      seedHash: row.seed_hash,
      opened: isOpen,
      openedAt: row.opened_at,
      seed: row.seed,
      shuffledCount: isOpen || row.tokens_digest !== null ? row.shuffled_count : null,
      tokensDigest: row.tokens_digest,
      beacon: namedRound(row.beacon_round ?? (isOpen ? null : row.named_round)),
      beaconSignature: row.beacon_signature,
      issued: row.issued ?? 0,
      admittedUpTo: row.admitted_up_to,
    };
  }

  /** The queue as the tables have it. */
  async function queueBoard(performanceId: PerformanceId): Promise<QueueBoard> {
    // The position first: what is read after it is at least as new.
    const row = await selectFirst<Position & Nullable<QueueState & { performance_id: PerformanceId }>>(
      db,
      `SELECT (SELECT MIN(c.position) FROM projection_checkpoints c WHERE c.name IN ('tokens', 'catalog')) AS position,
         q.performance_id, q.capacity, q.max_active, q.admit_per_second, q.service_window_ms, q.opens_at, q.opened, q.shuffled_count,
         q.issued, q.admitted_up_to, q.waiting, q.admitted, q.entered
       FROM (SELECT 1 AS one) o LEFT JOIN queues q ON q.performance_id = ?`,
      [performanceId],
    );
    const queue = row && isQueue(row) ? row : undefined;
    return new QueueBoard(performanceId, queue, await selectSale(db, performanceId), row?.position ?? -1);
  }

  /** Tokens as the tables have them, at most {@link maxTokensAtOnce}; those that are unknown are left out. */
  async function queueTokens(tokenIds: readonly TokenId[]): Promise<TokenState[]> {
    const rows = await selectAll<OwnTokenRow & Position>(
      db,
      `SELECT token_id, performance_id, number, place, status, claim_until, expire_date, number_of_tickets,
         (SELECT c.position FROM projection_checkpoints c WHERE c.name = 'tokens') AS position
       FROM tokens WHERE token_id IN (${tokenIds.map(() => '?').join(', ')})`,
      tokenIds.slice(0, maxTokensAtOnce),
    );
    return rows.map(toTokenState);
  }

  /** The number of the fan who is let in next; null when nobody waits, or the queue has not opened. */
  async function queueHead(performanceId: PerformanceId, admittedUpTo: number): Promise<number | null> {
    const head = await selectFirst<{ number: number }>(
      db,
      `SELECT number FROM tokens WHERE performance_id = ? AND place >= ? AND status = 'waiting'
       ORDER BY place LIMIT 1`,
      [performanceId, admittedUpTo],
    );
    return head?.number ?? null;
  }

  return {
    queueBoard,
    queueTokens,
    queueHead,

    /** A fan's place in a queue, as the tables have it; null when unknown. */
    async queueToken(tokenId: TokenId): Promise<QueueTokenReply | null> {
      const [token] = await queueTokens([tokenId]);
      return token ? (await queueBoard(token.performanceId)).placeOf(token, clock.nowMs()) : null;
    },

    /** A performance's queue as anyone may see it, as the tables have it; null when the performance is unknown. */
    async queue(performanceId: PerformanceId): Promise<QueueReply | null> {
      const board = await queueBoard(performanceId);
      if (!board.isKnown) return null;
      return board.reply(await queueHead(performanceId, board.admittedUpTo), clock.nowMs());
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
             AND t.place < ? AND t.status IN ('completed', 'expired', 'left')) AS ended_since
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

interface Position {
  /** Everything up to here is in what was read; null: nothing was projected yet. */
  readonly position: number | null;
}

type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null };

/** A LEFT JOIN without a match is all null. */
function isQueue<Row extends { readonly performance_id: PerformanceId }>(row: Nullable<Row>): row is Row {
  return row.performance_id !== null;
}

type OwnTokenRow = Pick<
  TokenRow,
  | 'token_id'
  | 'performance_id'
  | 'number'
  | 'place'
  | 'status'
  | 'claim_until'
  | 'expire_date'
  | 'number_of_tickets'
>;

/** @param row with the position up to which the tables have the token. */
export function toTokenState(row: OwnTokenRow & Position): TokenState {
  return {
    tokenId: row.token_id,
    performanceId: row.performance_id,
    number: row.number,
    place: row.place,
    status: row.status,
    enterBefore: row.claim_until,
    expiresAt: row.expire_date,
    numberOfTickets: row.number_of_tickets,
    position: row.position ?? -1,
  };
}

type FairnessRow = Pick<
  QueueRow,
  | 'opened'
  | 'opened_at'
  | 'seed'
  | 'shuffled_count'
  | 'tokens_digest'
  | 'beacon_round'
  | 'beacon_signature'
  | 'admitted_up_to'
> & {
  readonly seed_hash: string;
  readonly named_round: number | null;
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
