import { shuffledPlaces } from '../../domain/shuffle.js';
import type { Projected } from '../engine/projection.js';
import type { RowBatch } from '../engine/row-batch.js';
import { emptyQueue, type QueueRow, queuesTable, tokensTable } from './tables.js';

/** Tokens changed between two writes of an opening or an admission. */
const pageSize = 1_000;

/** The place of a queue number; null until the queue opens. */
export function placeOfNumber(number: number, queue: QueueRow): number | null {
  if (queue.opened === 0) return null;
  if (queue.seed === null || number >= queue.shuffled_count) return number;
  return shuffledPlaces(queue.seed, queue.shuffled_count)[number] ?? number;
}

/** Writes the places of all who joined before the opening. */
export async function openQueue({ data, at }: Projected<'QueueOpened'>, rows: RowBatch): Promise<void> {
  const queue = (await rows.get(queuesTable, [data.performanceId])) ?? emptyQueue(data.performanceId, at);
  rows.put(queuesTable, {
    ...queue,
    opened: 1,
    opened_at: at,
    seed: data.seed,
    shuffled_count: data.shuffledCount,
    updated_at: at,
  });
  const places = shuffledPlaces(data.seed, data.shuffledCount);
  for (let from = 0; from < queue.issued; from += pageSize) {
    const tokens = await rows.select(tokensTable, {
      equal: { performance_id: data.performanceId },
      range: { column: 'number', from, to: from + pageSize },
      orderBy: 'number',
      limit: pageSize,
    });
    for (const token of tokens) {
      if (token.number === null) continue;
      rows.put(tokensTable, { ...token, place: places[token.number] ?? token.number, updated_at: at });
    }
  }
}

/** Admits the waiting tokens of a range of places; a fan who left leaves a gap. */
export async function admitPlaces({ data, at }: Projected<'TokensAdmitted'>, rows: RowBatch): Promise<void> {
  let admitted = 0;
  for (let from = data.from; from < data.to; from += pageSize) {
    const tokens = await rows.select(tokensTable, {
      equal: { performance_id: data.performanceId, status: 'waiting' },
      range: { column: 'place', from, to: Math.min(from + pageSize, data.to) },
      orderBy: 'place',
      limit: pageSize,
    });
    for (const token of tokens) {
      rows.put(tokensTable, {
        ...token,
        status: 'admitted',
        admitted_at: data.admittedAt,
        claim_until: data.expiresAt,
        updated_at: at,
      });
    }
    admitted += tokens.length;
  }
  const queue = (await rows.get(queuesTable, [data.performanceId])) ?? emptyQueue(data.performanceId, at);
  rows.put(queuesTable, {
    ...queue,
    admitted_up_to: data.to,
    last_admitted_at: data.admittedAt,
    waiting: queue.waiting - admitted,
    admitted: queue.admitted + admitted,
    updated_at: at,
  });
}
