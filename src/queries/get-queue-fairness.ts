import { z } from 'zod';
import { shuffleAlgorithm } from '../domain/shuffle.js';
import type { PerformanceId } from '../events/ids.js';
import type { QueueRow, TokenRow } from '../projections/queue.js';
import type { QueryContext } from './context.js';
import { decodeCursor, encodeCursor } from './paging.js';
import type { Page, PageRequest, QueueFairnessReply, QueueNumberReply } from './replies.js';
import { selectAll, selectFirst } from './select.js';

type FairnessRow = Pick<QueueRow, 'opened' | 'opened_at' | 'seed' | 'shuffled_count' | 'admitted_up_to'> & {
  readonly seed_hash: string;
  readonly issued: number | null;
};

/** What anyone needs to recompute the places of a queue; null when the performance is unknown. */
export async function getQueueFairness(
  { db }: QueryContext,
  performanceId: PerformanceId,
): Promise<QueueFairnessReply | null> {
  const row = await selectFirst<FairnessRow>(
    db,
    `SELECT p.seed_hash, q.opened, q.opened_at, q.seed, q.shuffled_count, q.issued, q.admitted_up_to
     FROM performances p JOIN queues q ON q.performance_id = p.performance_id WHERE p.performance_id = ?`,
    [performanceId],
  );
  if (!row) return null;
  const isOpen = row.opened === 1;
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

/** Most numbers of a page: a queue of 200,000 is read with 200 requests. */
export const maxNumbersPerPage = 1_000;

type NumberRow = Pick<TokenRow, 'token_id' | 'place' | 'status' | 'admitted_at'> & {
  readonly number: number;
};

/** The queue in the order of its numbers: token ids, never persons. */
export async function listQueueNumbers(
  { db }: QueryContext,
  performanceId: PerformanceId,
  page: PageRequest,
): Promise<Page<QueueNumberReply>> {
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
    items: rows.slice(0, limit).map(toReply),
    nextCursor: last ? encodeCursor([last.number]) : null,
  };
}

function toReply({ number, token_id, place, status, admitted_at }: NumberRow): QueueNumberReply {
  const state = admitted_at !== null ? 'admitted' : status === 'waiting' ? 'waiting' : 'left';
  return { number, tokenId: token_id, place, state, admittedAt: admitted_at };
}
