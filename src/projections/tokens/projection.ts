import type { PerformanceId, TokenId } from '../../events/ids.js';
import type { Projected, Projection, WantRow } from '../engine/projection.js';
import type { RowBatch } from '../engine/row-batch.js';
import { admitPlaces, openQueue, placeOfNumber } from './admission.js';
import { emptyQueue, queuesTable, type TokenRow, type TokenStatus, tokensTable } from './tables.js';

/** Who queues, who was let in, and how each turn ended. */
export const tokensProjection: Projection = {
  name: 'tokens',
  version: 1,
  tables: [tokensTable, queuesTable],
  on: {
    async PerformancePublished({ data, at }, rows) {
      const known = await rows.get(queuesTable, [data.performanceId]);
      const { sales } = data;
      rows.put(queuesTable, {
        ...(known ?? emptyQueue(data.performanceId, at)),
        capacity: sales.queueCapacity,
        max_active: sales.maxActive,
        admit_per_second: sales.admitPerSecond,
        claim_window_ms: sales.claimWindowMs,
        service_window_ms: sales.serviceWindowMs,
        opens_at: sales.opensAt,
        updated_at: at,
      });
    },
    async TokenRequested(event, rows) {
      const { data, at } = event;
      const token = (await rows.get(tokensTable, [data.tokenId])) ?? freshToken(event);
      const { entry, numberOfTickets } = data;
      rows.put(tokensTable, { ...token, entry, number_of_tickets: numberOfTickets, reservation_time: at });
    },
    TokenIssued: issueNumber,
    QueueOpened: openQueue,
    TokensAdmitted: admitPlaces,
    TokenEntered: ({ data, at }, rows) =>
      moveToken(rows, data, {
        status: 'entered',
        place: data.place,
        admitted_at: data.admittedAt,
        entered_at: at,
        expire_date: data.expiresAt,
        updated_at: at,
      }),
    TokenCompleted: ({ data, at }, rows) =>
      moveToken(rows, data, { status: 'completed', ended_at: at, updated_at: at }),
    TokenExpired: ({ data, at }, rows) =>
      moveToken(rows, data, { status: 'expired', ended_at: at, end_reason: data.reason, updated_at: at }),
    TokenLeft: ({ data, at }, rows) =>
      moveToken(rows, data, { status: 'left', ended_at: at, updated_at: at }),
  },
  reads: {
    TokenRequested: wantToken,
    TokenIssued: wantToken,
    TokenEntered: wantToken,
    TokenCompleted: wantToken,
    TokenExpired: wantToken,
    TokenLeft: wantToken,
  },
};

interface TokenOfQueue {
  readonly tokenId: TokenId;
  readonly performanceId: PerformanceId;
}

function wantToken({ data }: { readonly data: TokenOfQueue }, want: WantRow): void {
  want(tokensTable, [data.tokenId]);
  want(queuesTable, [data.performanceId]);
}

function freshToken({ data, at }: Projected<'TokenRequested' | 'TokenIssued'>): TokenRow {
  return {
    token_id: data.tokenId,
    user_id: data.userId,
    performance_id: data.performanceId,
    token_value: `${data.tokenId}.${data.userId}.${data.performanceId}`,
    entry: 0,
    number_of_tickets: data.numberOfTickets,
    reservation_time: at,
    number: null,
    place: null,
    status: 'waiting',
    admitted_at: null,
    claim_until: null,
    entered_at: null,
    expire_date: null,
    ended_at: null,
    end_reason: null,
    created_at: at,
    updated_at: at,
  };
}

/** The event's revision is the queue number; a second number of one token is nobody's. */
async function issueNumber(event: Projected<'TokenIssued'>, rows: RowBatch): Promise<void> {
  const { data, at, revision } = event;
  const queue = (await rows.get(queuesTable, [data.performanceId])) ?? emptyQueue(data.performanceId, at);
  const token = (await rows.get(tokensTable, [data.tokenId])) ?? freshToken(event);
  const first = token.number === null;
  const waits = first && token.status === 'waiting';
  rows.put(queuesTable, {
    ...queue,
    issued: revision + 1,
    waiting: queue.waiting + (waits ? 1 : 0),
    updated_at: at,
  });
  if (!first) return;
  rows.put(tokensTable, {
    ...token,
    number: revision,
    place: placeOfNumber(revision, queue),
    updated_at: at,
  });
}

/** Changes a token's status and the queue's counts with it. */
async function moveToken(
  rows: RowBatch,
  { tokenId, performanceId }: TokenOfQueue,
  change: Partial<TokenRow> & Pick<TokenRow, 'status' | 'updated_at'>,
): Promise<void> {
  const token = await rows.get(tokensTable, [tokenId]);
  if (!token) return;
  rows.put(tokensTable, { ...token, ...change });
  const queue = await rows.get(queuesTable, [performanceId]);
  // Only tokens with a number are counted.
  if (!queue || token.number === null) return;
  const delta = (status: TokenStatus): number =>
    Number(change.status === status) - Number(token.status === status);
  rows.put(queuesTable, {
    ...queue,
    waiting: queue.waiting + delta('waiting'),
    admitted: queue.admitted + delta('admitted'),
    entered: queue.entered + delta('entered'),
    updated_at: change.updated_at,
  });
}
