import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { type Draw, drawnPlaces } from '../domain/shuffle.js';
import type { Instant, PerformanceId, TokenId, UserId } from '../events/ids.js';
import { double, flag, int, moment, nullable, uuid, varchar } from './engine/entity.js';
import type { Projected, Projection, WantRow } from './engine/projection.js';
import type { UnitOfWork } from './engine/unit-of-work.js';

type TokenStatus = 'waiting' | 'admitted' | 'entered' | 'completed' | 'expired' | 'left';

/** A fan's turn at a performance: the request that stands in the queue and the token it becomes. */
@Entity('tokens')
@Index(['user_id', 'performance_id', 'entry'])
@Index(['performance_id', 'number'])
@Index(['performance_id', 'status', 'place'])
@Index(['status', 'claim_until'])
@Index(['status', 'expire_date'])
@Index(['status', 'idle_until'])
export class TokenRow {
  @PrimaryColumn(uuid) readonly token_id!: TokenId;
  @Column(uuid) readonly user_id!: UserId;
  @Column(uuid) readonly performance_id!: PerformanceId;
  /** `<tokenId>.<userId>.<performanceId>`: what the bearer's signature covers; the bearer value is never stored. */
  @Column(varchar(128)) readonly token_value!: string;
  /** 0 for the fan's first time in this queue. */
  @Column(int) readonly entry!: number;
  @Column(int) readonly number_of_tickets!: number;
  @Column(moment) readonly reservation_time!: Instant;
  /** Queue number; null until given. */
  @Column(nullable(int)) readonly number!: number | null;
  /** Null until the queue opens. */
  @Column(nullable(int)) readonly place!: number | null;
  @Column(varchar(9)) readonly status!: TokenStatus;
  @Column(nullable(moment)) readonly admitted_at!: Instant | null;
  /** An admitted fan must enter before. */
  @Column(nullable(moment)) readonly claim_until!: Instant | null;
  @Column(nullable(moment)) readonly entered_at!: Instant | null;
  /** The end of an entered fan's time inside. */
  @Column(nullable(moment)) readonly expire_date!: Instant | null;
  /** An entered fan without a hold loses the turn then; null: not limited, or the fan has asked for seats. */
  @Column(nullable(moment)) readonly idle_until!: Instant | null;
  @Column(nullable(moment)) readonly ended_at!: Instant | null;
  @Column(nullable(varchar(20))) readonly end_reason!: string | null;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** The queue of one performance. */
@Entity('queues')
export class QueueRow {
  @PrimaryColumn(uuid) readonly performance_id!: PerformanceId;
  // From the performance; null should someone queue for one not yet published.
  @Column(nullable(int)) readonly capacity!: number | null;
  @Column(nullable(int)) readonly max_active!: number | null;
  @Column(nullable(double)) readonly admit_per_second!: number | null;
  @Column(nullable(int)) readonly claim_window_ms!: number | null;
  @Column(nullable(int)) readonly service_window_ms!: number | null;
  @Column(nullable(moment)) readonly opens_at!: Instant | null;
  @Column(flag) readonly opened!: boolean;
  @Column(nullable(moment)) readonly opened_at!: Instant | null;
  @Column(nullable(varchar(64))) readonly seed!: string | null;
  @Column(int) readonly shuffled_count!: number;
  /** Of the numbers that are drawn; null until they are fixed, and for queues that the seed alone drew. */
  @Column(nullable(varchar(64))) readonly tokens_digest!: string | null;
  /** The round that is mixed in; null when there is none. */
  @Column(nullable(int)) readonly beacon_round!: number | null;
  /** Null until the queue opens. */
  @Column(nullable(varchar(96))) readonly beacon_signature!: string | null;
  /** Numbers given so far. */
  @Column(int) readonly issued!: number;
  /** Places below this one were admitted. */
  @Column(int) readonly admitted_up_to!: number;
  @Column(nullable(moment)) readonly last_admitted_at!: Instant | null;
  /** Tokens with a number, by status. */
  @Column(int) readonly waiting!: number;
  @Column(int) readonly admitted!: number;
  @Column(int) readonly entered!: number;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** A queue that no fan has joined, of a performance that is not known yet. */
export function emptyQueue(performanceId: PerformanceId, at: Instant): QueueRow {
  return {
    performance_id: performanceId,
    capacity: null,
    max_active: null,
    admit_per_second: null,
    claim_window_ms: null,
    service_window_ms: null,
    opens_at: null,
    opened: false,
    opened_at: null,
    seed: null,
    shuffled_count: 0,
    tokens_digest: null,
    beacon_round: null,
    beacon_signature: null,
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
  version: 2,
  entities: [TokenRow, QueueRow],
  on: {
    async PerformancePublished({ data, at }, rows) {
      const known = await rows.get(QueueRow, { performance_id: data.performanceId });
      const { sales } = data;
      rows.put(QueueRow, {
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
      const token = (await rows.get(TokenRow, { token_id: data.tokenId })) ?? freshToken(event);
      const { entry, numberOfTickets } = data;
      rows.put(TokenRow, { ...token, entry, number_of_tickets: numberOfTickets, reservation_time: at });
    },
    TokenIssued: issueNumber,
    DrawClosed: closeDraw,
    QueueOpened: openQueue,
    TokensAdmitted: admitPlaces,
    TokenEntered: ({ data, at }, rows) =>
      moveToken(rows, data, {
        status: 'entered',
        place: data.place,
        admitted_at: data.admittedAt,
        entered_at: at,
        expire_date: data.expiresAt,
        idle_until: data.idleUntil ?? null,
        updated_at: at,
      }),
    async SeatsRequested({ data, at }, rows) {
      const token = await rows.get(TokenRow, { token_id: data.tokenId });
      if (token && token.idle_until !== null)
        rows.put(TokenRow, { ...token, idle_until: null, updated_at: at });
    },
    async SeatsReturned({ data, at }, rows) {
      if (data.idleUntil === undefined) return;
      const token = await rows.get(TokenRow, { token_id: data.tokenId });
      if (token) rows.put(TokenRow, { ...token, idle_until: data.idleUntil, updated_at: at });
    },
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
    SeatsRequested: wantToken,
    SeatsReturned: wantToken,
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
  want(TokenRow, { token_id: data.tokenId });
  want(QueueRow, { performance_id: data.performanceId });
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
    idle_until: null,
    ended_at: null,
    end_reason: null,
    created_at: at,
    updated_at: at,
  };
}

/** The event's revision is the queue number; a second TokenIssued of one token is ignored. */
async function issueNumber(event: Projected<'TokenIssued'>, rows: UnitOfWork): Promise<void> {
  const { data, at, revision } = event;
  const queue =
    (await rows.get(QueueRow, { performance_id: data.performanceId })) ?? emptyQueue(data.performanceId, at);
  const token = (await rows.get(TokenRow, { token_id: data.tokenId })) ?? freshToken(event);
  const first = token.number === null;
  const waits = first && token.status === 'waiting';
  rows.put(QueueRow, {
    ...queue,
    issued: revision + 1,
    waiting: queue.waiting + (waits ? 1 : 0),
    updated_at: at,
  });
  if (!first) return;
  rows.put(TokenRow, {
    ...token,
    number: revision,
    place: placeOfNumber(revision, queue),
    updated_at: at,
  });
}

/** Changes a token's status and the queue's counts with it. */
async function moveToken(
  rows: UnitOfWork,
  { tokenId, performanceId }: TokenOfQueue,
  change: Partial<TokenRow> & Pick<TokenRow, 'status' | 'updated_at'>,
): Promise<void> {
  const token = await rows.get(TokenRow, { token_id: tokenId });
  if (!token) return;
  rows.put(TokenRow, { ...token, ...change });
  const queue = await rows.get(QueueRow, { performance_id: performanceId });
  // Only tokens with a number are counted.
  if (!queue || token.number === null) return;
  const delta = (status: TokenStatus): number =>
    Number(change.status === status) - Number(token.status === status);
  rows.put(QueueRow, {
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
function placeOfNumber(number: number, queue: QueueRow): number | null {
  if (!queue.opened) return null;
  const draw = drawOf(queue);
  if (!draw || number >= draw.shuffledCount) return number;
  return drawnPlaces(draw)[number] ?? number;
}

/** The draw of a queue that has opened. */
function drawOf(queue: QueueRow): Draw | undefined {
  const { seed, shuffled_count: shuffledCount, tokens_digest, beacon_round: round, beacon_signature } = queue;
  if (seed === null) return undefined;
  const beacon =
    round === null || beacon_signature === null ? undefined : { round, signature: beacon_signature };
  return { seed, shuffledCount, tokensDigest: tokens_digest ?? undefined, beacon };
}

/** Which numbers will be drawn is fixed; the queue opens when the round of the beacon is known. */
async function closeDraw({ data, at }: Projected<'DrawClosed'>, rows: UnitOfWork): Promise<void> {
  const queue =
    (await rows.get(QueueRow, { performance_id: data.performanceId })) ?? emptyQueue(data.performanceId, at);
  rows.put(QueueRow, {
    ...queue,
    shuffled_count: data.shuffledCount,
    tokens_digest: data.tokensDigest,
    beacon_round: data.beacon.round,
    updated_at: at,
  });
}

/** Writes the places of all who joined before the opening. */
async function openQueue({ data, at }: Projected<'QueueOpened'>, rows: UnitOfWork): Promise<void> {
  const queue =
    (await rows.get(QueueRow, { performance_id: data.performanceId })) ?? emptyQueue(data.performanceId, at);
  rows.put(QueueRow, {
    ...queue,
    opened: true,
    opened_at: at,
    seed: data.seed,
    shuffled_count: data.shuffledCount,
    tokens_digest: data.tokensDigest ?? null,
    beacon_round: data.beacon?.round ?? null,
    beacon_signature: data.beacon?.signature ?? null,
    updated_at: at,
  });
  const places = drawnPlaces(data);
  for (let from = 0; from < queue.issued; from += pageSize) {
    const tokens = await rows.select(TokenRow, {
      equal: { performance_id: data.performanceId },
      range: { column: 'number', from, to: from + pageSize },
      orderBy: 'number',
      limit: pageSize,
    });
    for (const token of tokens) {
      if (token.number === null) continue;
      rows.put(TokenRow, { ...token, place: places[token.number] ?? token.number, updated_at: at });
    }
  }
}

/** Admits the waiting tokens of a range of places; a fan who left leaves a gap. */
async function admitPlaces({ data, at }: Projected<'TokensAdmitted'>, rows: UnitOfWork): Promise<void> {
  let admitted = 0;
  for (let from = data.from; from < data.to; from += pageSize) {
    const tokens = await rows.select(TokenRow, {
      equal: { performance_id: data.performanceId, status: 'waiting' },
      range: { column: 'place', from, to: Math.min(from + pageSize, data.to) },
      orderBy: 'place',
      limit: pageSize,
    });
    for (const token of tokens) {
      rows.put(TokenRow, {
        ...token,
        status: 'admitted',
        admitted_at: data.admittedAt,
        claim_until: data.expiresAt,
        updated_at: at,
      });
    }
    admitted += tokens.length;
  }
  const queue =
    (await rows.get(QueueRow, { performance_id: data.performanceId })) ?? emptyQueue(data.performanceId, at);
  rows.put(QueueRow, {
    ...queue,
    admitted_up_to: data.to,
    last_admitted_at: data.admittedAt,
    waiting: queue.waiting - admitted,
    admitted: queue.admitted + admitted,
    updated_at: at,
  });
}
