/** A queue with many fans, as a log and as tables: joining over HTTP a million times would take hours. */
import { randomUUID } from 'node:crypto';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import {
  type PerformanceId,
  performanceIdSchema,
  sessionIdSchema,
  type TokenId,
  toInstant,
  tokenIdSchema,
  type UserId,
  userIdSchema,
} from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { type StreamName, streams } from '../../src/events/streams.js';
import { systemClock } from '../../src/platform/clock.js';
import { ConcurrencyLimit } from '../../src/platform/concurrency-limit.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { Database } from '../../src/platform/sqlite.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import { adminKey } from '../http/servers.js';

/** Signs the tokens of fans who never logged in. */
export const secret = 'benchmark-secret-0123456789abcdef-0123456789abcdef';
const signer = new TokenSigner({ current: secret }, systemClock);
const hourMs = 3_600_000;
/** Fans whose events are written at the same time: they share the disk's writes. */
const fansAtOnce = 1_000;

/** The same in every process, so that tokens need not be handed over. */
function fanOf(crowd: string, fan: number): { readonly userId: UserId; readonly tokenId: TokenId } {
  return {
    userId: userIdSchema.parse(deriveId('reads bench', crowd, 'user', fan)),
    tokenId: tokenIdSchema.parse(deriveId('reads bench', crowd, 'token', fan)),
  };
}

export function queueTokenOf(crowd: string, performanceId: PerformanceId, fan: number): string {
  const { userId, tokenId } = fanOf(crowd, fan);
  return signer.queue.sign({ sub: userId, tid: tokenId, pid: performanceId, num: fan }, hourMs).value;
}

export function accessTokenOf(crowd: string, fan: number): string {
  const { userId } = fanOf(crowd, fan);
  return signer.access.sign({ sub: userId, sid: sessionIdSchema.parse(randomUUID()) }, hourMs).value;
}

/** Puts a performance on sale in the bench's hall, whose queue is to have a crowd. @param admitPerSecond its pace. */
export async function publishCrowded(
  url: string,
  crowd: string,
  admitPerSecond: number,
): Promise<PerformanceId> {
  const startsAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
  const date = startsAt.slice(0, 10);
  const seats = [{ seatId: 'A-1', number: '1', category: 'standard', x: 0, y: 0 }];
  const response = await fetch(new URL('/v1/admin/imports', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({
      format: 'boxoffice-catalog',
      version: 1,
      source: `bench-${crowd}`,
      venues: [
        {
          id: 'room',
          name: 'Room',
          location: 'Here',
          sections: [{ sectionId: 'A', name: 'A', rows: [{ label: 'A', seats }] }],
        },
      ],
      performances: [
        {
          id: crowd,
          venue: 'room',
          name: crowd,
          description: '',
          startDate: date,
          endDate: date,
          prices: [{ category: 'standard', price: 100 }],
          sales: { maxActive: 100_000, admitPerSecond, queueCapacity: 1_000_000, claimWindowMs: hourMs },
          schedules: [{ id: '1', startsAt }],
        },
      ],
    }),
  });
  const report = (await response.json()) as { records?: { kind: string; id: string }[] }; // our own API
  const id = report.records?.find(({ kind }) => kind === 'performance')?.id;
  if (!response.ok || id === undefined) throw new Error(`not published: ${JSON.stringify(report)}`);
  return performanceIdSchema.parse(id);
}

/** Has `count` fans join in the log of an office that does not run. */
export async function joinInLog(
  file: string,
  crowd: string,
  performanceId: PerformanceId,
  count: number,
): Promise<void> {
  const store = await openSqliteEventStore({ file });
  const limit = new ConcurrencyLimit(fansAtOnce);
  const append = async (stream: StreamName, event: DomainEvent): Promise<void> => {
    const id = randomUUID();
    const encoded = encodeEvent(event, {
      commandId: id,
      correlationId: id,
      causationId: id,
      actor: { kind: 'anonymous' },
      occurredAt: toInstant(Date.now()),
    });
    await store.append(stream, 'any', [{ id, ...encoded }]);
  };
  try {
    const request = async (fan: number) => {
      const data = { ...fanOf(crowd, fan), performanceId, numberOfTickets: 1 };
      const requested = { ...data, entry: 0, seatLimit: 4 };
      await append(streams.token(data.tokenId), { type: 'TokenRequested', data: requested });
    };
    await Promise.all(Array.from({ length: count }, (_, fan) => limit.run(() => request(fan))));
    // In order: the revision is the fan's number.
    const stream = streams.queue(performanceId);
    for (let from = 0; from < count; from += fansAtOnce) {
      const issued = Array.from({ length: Math.min(fansAtOnce, count - from) }, (_, n) => {
        const id = randomUUID();
        const data = { ...fanOf(crowd, from + n), performanceId, numberOfTickets: 1 };
        const occurredAt = toInstant(Date.now());
        const actor = { kind: 'anonymous' } as const;
        const context = { commandId: id, correlationId: id, causationId: id, actor, occurredAt };
        return { id, ...encodeEvent({ type: 'TokenIssued', data }, context) };
      });
      await store.append(stream, 'any', issued);
    }
  } finally {
    await store.close();
  }
}

/**
 * Puts `count` waiting fans into the tables of an office that does not run. They are not in the log, so replies
 * about them can be measured, but they are never admitted. The last one is the fan whose tokens {@link queueTokenOf} makes.
 */
export function joinInTables(file: string, crowd: string, performanceId: PerformanceId, count: number): void {
  const { userId, tokenId } = fanOf(crowd, count - 1);
  const db = new Database(file);
  const columns =
    'token_id, user_id, performance_id, token_value, entry, number_of_tickets, reservation_time, number, place, status, created_at, updated_at';
  const now = toInstant(Date.now()).replace('T', ' ').replace('Z', '');
  try {
    db.exec('BEGIN');
    db.prepare(
      `INSERT INTO tokens (${columns})
       WITH RECURSIVE fans (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM fans WHERE n < ${count - 2})
       SELECT lower(hex(randomblob(16))), lower(hex(randomblob(16))), ?, '', 0, 1, ?, n, n, 'waiting', ?, ? FROM fans`,
    ).run(performanceId, now, now, now);
    db.prepare(`INSERT INTO tokens (${columns}) VALUES (?, ?, ?, '', 0, 1, ?, ?, ?, 'waiting', ?, ?)`).run(
      tokenId,
      userId,
      performanceId,
      now,
      count - 1,
      count - 1,
      now,
      now,
    );
    db.prepare('UPDATE queues SET opened = 1, issued = ?, waiting = ? WHERE performance_id = ?').run(
      count,
      count,
      performanceId,
    );
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}
