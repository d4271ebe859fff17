import { randomUUID } from 'node:crypto';
import { Auditor } from '../../../src/analysis/audit/auditor.js';
import type { AuditReport } from '../../../src/analysis/audit/checks.js';
import { hashSeed } from '../../../src/domain/shuffle.js';
import type { Position, RecordedEvent } from '../../../src/event-store/port.js';
import { addMs, type Instant } from '../../../src/events/ids.js';
import { type DomainEvent, type EventType, encodeEvent } from '../../../src/events/registry.js';
import type { SeatFeatures } from '../../../src/events/seat-features.js';
import { deriveId } from '../../../src/platform/derive-id.js';

export type DataOf<T extends EventType> = Extract<DomainEvent, { type: T }>['data'];

/** A stable id for a name; the caller's type says which kind. */
export function id<Id extends string>(name: string): Id {
  // Branded ids are plain strings at run time.
  return deriveId('audit test', name) as string as Id;
}

/** Milliseconds after the first moment of every log here. */
export function at(ms: number): Instant {
  return addMs('2026-11-01T09:00:00.000Z' as Instant, ms); // a literal instant
}

export const seed = 'ab'.repeat(32);
export const venueId = id<DataOf<'VenuePublished'>['venueId']>('venue');
export const performanceId = id<DataOf<'PerformancePublished'>['performanceId']>('performance');
export const scheduleId = id<DataOf<'SchedulePublished'>['scheduleId']>('schedule');

export const sales: DataOf<'PerformancePublished'>['sales'] = {
  opensAt: null,
  seatLimitPerUser: 2,
  queueCapacity: 100,
  maxActive: 2,
  admitPerSecond: 100,
  claimWindowMs: 60_000,
  serviceWindowMs: 600_000,
  holdTtlMs: 300_000,
  closesAt: null,
  cancelBeforeStartMs: 0,
  refundWindowMs: 604_800_000,
};

/** A log written by hand, an event a second unless told otherwise. */
export class LogUnderAudit {
  readonly events: RecordedEvent[] = [];
  private readonly revisions = new Map<string, number>();
  ms = 0;

  /** Appends an event at the next second, or at `when`. */
  add(stream: string, event: DomainEvent, when?: Instant): this {
    this.ms += 1_000;
    const revision = this.revisions.get(stream) ?? 0;
    this.revisions.set(stream, revision + 1);
    const eventId = randomUUID();
    const encoded = encodeEvent(event, {
      commandId: eventId,
      correlationId: 'test',
      causationId: 'test',
      actor: { kind: 'anonymous' },
      occurredAt: when ?? at(this.ms),
    });
    const position = (this.events.length * 10 + 1) as Position; // engines leave gaps
    this.events.push({ id: eventId, ...encoded, stream, revision, position, recordedAtMs: 0 });
    return this;
  }

  /** Replaces fields of the newest event as no encoder would let through. */
  tamper(change: Partial<RecordedEvent>): this {
    const last = this.events.pop();
    if (last) this.events.push({ ...last, ...change });
    return this;
  }

  audit(now: Instant = at(this.ms)): AuditReport {
    const auditor = new Auditor();
    for (const event of this.events) auditor.apply(event);
    return auditor.finish(now);
  }

  /** The codes of all findings, each once. */
  codes(now?: Instant): string[] {
    return [...new Set(this.audit(now).findings.map((finding) => finding.code))];
  }

  /** A hall with the seats A-1 … A-4 and one date, the queue not yet open. */
  catalog(rules: Partial<typeof sales> = {}): this {
    return this.add(`venue-${venueId}`, {
      type: 'VenuePublished',
      data: { venueId, name: 'Hall', location: 'Seoul', timeZone: 'Asia/Seoul', capacity: 4 },
    })
      .section('a', ['A-1', 'A-2', 'A-3', 'A-4'])
      .performance(rules)
      .add(`schedule-${scheduleId}`, {
        type: 'SchedulePublished',
        data: {
          scheduleId,
          performanceId,
          venueId,
          startsAt: at(86_400_000),
          timeZone: 'Asia/Seoul',
          status: 'scheduled',
        },
      });
  }

  section(
    sectionId: string,
    seatIds: readonly string[],
    features: Readonly<Record<string, SeatFeatures>> = {},
  ): this {
    const seats = seatIds.map((seatId, x) => ({
      ...features[seatId],
      seatId: seat(seatId),
      number: seatId,
      category: 'R',
      x,
      y: 0,
    }));
    return this.add(`venue-${venueId}`, {
      type: 'SectionPublished',
      data: { venueId, sectionId, name: sectionId, rows: [{ label: '1', seats }] },
    });
  }

  /** Publishes another price for all seats. */
  prices(price: number): this {
    return this.performance({}, price);
  }

  performance(rules: Partial<typeof sales> = {}, price = 100): this {
    return this.add(`performance-${performanceId}`, {
      type: 'PerformancePublished',
      data: {
        performanceId,
        venueId,
        name: 'Concert',
        description: '',
        startDate: '2026-11-02',
        endDate: '2026-11-02',
        prices: [{ category: '*', price }],
        sales: { ...sales, ...rules },
        seedHash: hashSeed(seed),
      },
    });
  }

  open(data: Partial<DataOf<'QueueOpened'>> = {}): this {
    return this.add(`admission-${performanceId}`, {
      type: 'QueueOpened',
      data: { performanceId, seed, shuffledCount: 0, ...data },
    });
  }

  admit(from: number, to: number, change: Partial<DataOf<'TokensAdmitted'>> = {}): this {
    const admittedAt = at(this.ms + 1_000);
    const expiresAt = addMs(admittedAt, sales.claimWindowMs);
    return this.add(`admission-${performanceId}`, {
      type: 'TokensAdmitted',
      data: { performanceId, from, to, admittedAt, expiresAt, nextAt: admittedAt, ...change },
    });
  }
}

/** A seat of the plan by its printed name. */
export function seat(name: string): DataOf<'SeatHeld'>['seatId'] {
  return name as DataOf<'SeatHeld'>['seatId']; // branded ids are plain strings at run time
}
