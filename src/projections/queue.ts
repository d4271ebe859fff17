import { shuffledPlaces } from '../domain/shuffle.js';
import type { Instant, PerformanceId, SessionId, TokenId, UserId } from '../events/ids.js';

import type { Projected, Projection, WantRow } from './engine/projection.js';
import {
  defineTable,
  double,
  flag,
  instant,
  int,
  nullable,
  type RowOf,
  uuid,
  varchar,
} from './engine/table.js';
import type { RowBatch } from './engine/unit-of-work.js';

export type TokenStatus = 'waiting' | 'admitted' | 'entered' | 'completed' | 'expired' | 'left';

/** A fan's turn at a performance: the request that stands in the queue and the token it becomes. */
export const tokensTable = defineTable('tokens', {
  columns: {
    token_id: uuid<TokenId>(),
    user_id: uuid<UserId>(),
    performance_id: uuid<PerformanceId>(),
    /** `<tokenId>.<userId>.<performanceId>`: what the bearer's signature covers; the bearer value is never stored. */
    token_value: varchar(128),
    /** 0 for the fan's first time in this queue. */
    entry: int(),
    number_of_tickets: int(),
    reservation_time: instant(),
    /** Queue number; null until given. */
    number: nullable(int()),
    /** Null until the queue opens. */
    place: nullable(int()),
    status: varchar<TokenStatus>(9),
    admitted_at: nullable(instant()),
    /** An admitted fan must enter before. */
    claim_until: nullable(instant()),
    entered_at: nullable(instant()),
    /** The end of an entered fan's time inside. */
    expire_date: nullable(instant()),
    ended_at: nullable(instant()),
    end_reason: nullable(varchar(20)),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['token_id'],
  indexes: [
    ['user_id', 'performance_id', 'entry'],
    ['performance_id', 'number'],
    ['performance_id', 'place'],
    ['status', 'claim_until'],
    ['status', 'expire_date'],
  ],
});
export type TokenRow = RowOf<typeof tokensTable>;

/** The queue of one performance. */
export const queuesTable = defineTable('queues', {
  columns: {
    performance_id: uuid<PerformanceId>(),
    // From the performance; null should someone queue for one not yet published.
    capacity: nullable(int()),
    max_active: nullable(int()),
    admit_per_second: nullable(double()),
    claim_window_ms: nullable(int()),
    service_window_ms: nullable(int()),
    opens_at: nullable(instant()),
    opened: flag(),
    opened_at: nullable(instant()),
    seed: nullable(varchar(64)),
    shuffled_count: int(),
    /** Numbers given so far. */
    issued: int(),
    /** Places below this one were admitted. */
    admitted_up_to: int(),
    last_admitted_at: nullable(instant()),
    /** Tokens with a number, by status. */
    waiting: int(),
    admitted: int(),
    entered: int(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['performance_id'],
});
export type QueueRow = RowOf<typeof queuesTable>;

/** One log-in on one device. */
export const sessionsTable = defineTable('sessions', {
  columns: {
    session_id: uuid<SessionId>(),
    user_id: uuid<UserId>(),
    status: varchar<'live' | 'ended'>(5),
    generation: int(),
    expires_at: instant(),
    end_reason: nullable(varchar<'logout' | 'reuse'>(6)),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['session_id'],
  indexes: [['user_id']],
});

/** A queue nobody has joined and nothing is known of. */
export function emptyQueue(performanceId: PerformanceId, at: Instant): QueueRow {
  return {
    performance_id: performanceId,
    capacity: null,
    max_active: null,
    admit_per_second: null,
    claim_window_ms: null,
    service_window_ms: null,
    opens_at: null,
    opened: 0,
    opened_at: null,
    seed: null,
    shuffled_count: 0,
    issued: 0,
    admitted_up_to: 0,
    last_admitted_at: null,
    waiting: 0,
    admitted: 0,
    entered: 0,
    created_at: at,
    updated_at: at,
  };
}

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
