import type { DataSource } from 'typeorm';
import type { Instant, PerformanceId, TokenId, UserId } from '../events/ids.js';
import type { LapsedToken, LiveToken, TokenNumber } from './ports.js';
import { selectAll, selectFirst } from './select.js';

interface LiveRow {
  readonly token_id: TokenId;
  readonly user_id: UserId;
  readonly performance_id: PerformanceId;
  readonly status: 'admitted' | 'entered';
  readonly lapsed_at: Instant;
}

const admitted = `SELECT token_id, user_id, performance_id, status, claim_until AS lapsed_at
  FROM tokens WHERE status = 'admitted'`;
const entered = `SELECT token_id, user_id, performance_id, status, expire_date AS lapsed_at
  FROM tokens WHERE status = 'entered'`;

/** See {@link QueryPorts.lapsedTokens}. */
export async function lapsedTokens(db: DataSource, now: Instant, limit: number): Promise<LapsedToken[]> {
  const rows = await selectAll<LiveRow>(
    db,
    `SELECT * FROM (${admitted} AND claim_until <= ? UNION ALL ${entered} AND expire_date <= ?) AS lapsed
     ORDER BY lapsed_at LIMIT ?`,
    [now, now, limit],
  );
  return rows.map(toLiveToken);
}

/** See {@link QueryPorts.liveTokens}. */
export async function liveTokens(db: DataSource, after: TokenId | null, limit: number): Promise<LiveToken[]> {
  const rows = await selectAll<LiveRow>(
    db,
    `SELECT * FROM (${admitted} AND token_id > ? UNION ALL ${entered} AND token_id > ?) AS live
     ORDER BY token_id LIMIT ?`,
    [after ?? '', after ?? '', limit],
  );
  return rows.map(toLiveToken);
}

/** See {@link QueryPorts.waitingAfterSale}. Starts from the few queues, never from the many who wait. */
export async function waitingAfterSale(db: DataSource, endedBy: Instant, limit: number): Promise<TokenId[]> {
  const rows = await selectAll<{ token_id: TokenId }>(
    db,
    `SELECT t.token_id FROM queues q JOIN tokens t ON t.performance_id = q.performance_id
     WHERE q.waiting > 0 AND t.status = 'waiting'
       AND EXISTS (SELECT 1 FROM schedules s WHERE s.performance_id = q.performance_id)
       AND NOT EXISTS (SELECT 1 FROM schedules s WHERE s.performance_id = q.performance_id
         AND s.status = 'scheduled' AND s.schedule_date_time > ?)
     LIMIT ?`,
    [endedBy, limit],
  );
  return rows.map((row) => row.token_id);
}

/** See {@link QueryPorts.numberOfToken}. */
export async function numberOfToken(db: DataSource, tokenId: TokenId): Promise<TokenNumber | null> {
  const row = await selectFirst<{ number: number | null; place: number | null }>(
    db,
    'SELECT number, place FROM tokens WHERE token_id = ?',
    [tokenId],
  );
  return row ? { tokenId, number: row.number, place: row.place } : null;
}

function toLiveToken(row: LiveRow): LiveToken {
  return {
    tokenId: row.token_id,
    userId: row.user_id,
    performanceId: row.performance_id,
    status: row.status,
    lapsedAt: row.lapsed_at,
  };
}
