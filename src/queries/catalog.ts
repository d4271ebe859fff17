import { z } from 'zod';
import {
  type Instant,
  instantSchema,
  type PerformanceId,
  type ScheduleId,
  type VenueId,
} from '../events/ids.js';
import { localTimeOf } from '../events/local-time.js';
import { PerformanceRow, ScheduleRow, SectionRow, VenueRow } from '../projections/catalog/entities.js';
import { PriceList } from '../projections/catalog/prices.js';
import { searchable } from '../projections/catalog/publish.js';
import { type CellValue, storedMoment } from '../projections/engine/entity.js';
import { ask, selectAll, selectFirst } from './database.js';
import { aheadCursor, aheadFirst, maxPageSize } from './paging.js';
import type { QueryContext } from './queries.js';
import type {
  CancellationReply,
  PerformanceReply,
  PerformanceSummary,
  ScheduleReply,
  Translations,
  VenueReply,
} from './replies/catalog.js';
import { namedRound } from './replies/queue.js';
import type { Language, Page, PageRequest } from './replies/reply.js';
import { decorationsOf, focusOf } from './seating-plans.js';

export interface PerformanceSearch {
  /** Every word must be found in the names, description or venue name. */
  readonly search?: string | undefined;
  /** Local calendar dates, YYYY-MM-DD, inclusive: runs that overlap from … to. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Words beyond these are ignored: each costs a scan. */
const maxSearchWords = 8;
const cursors = { performances: aheadCursor(z.iso.date()), schedules: aheadCursor(instantSchema) };
/** Most dates of one venue. */
const maxSchedulesOfVenue = 10_000;

/** Names are in `language` where the organiser gave them in it, else in the main one. */
export function catalogQueries({ db, clock }: QueryContext) {
  /** Dates in local days from … to, inclusive: those to come, then those that have begun. */
  function schedulesBetween(
    performanceId: PerformanceId,
    { from = '0000-01-01', to = '9999-12-31' }: Pick<PerformanceSearch, 'from' | 'to'>,
    page: PageRequest,
  ): Promise<Page<ScheduleReply>> {
    return aheadFirst<ScheduleRow, ScheduleReply>(page, clock.now(), {
      cursor: cursors.schedules,
      read({ kind, now, after, limit }) {
        const [first, order, next] = kind === 'ahead' ? ['>=', 'ASC', '>'] : ['<', 'DESC', '<'];
        const parameters: CellValue[] = [performanceId, from, to, storedMoment(now)];
        let rest = '';
        if (after) {
          // The cursor's key is a moment.
          const [startsAt, id] = [storedMoment(after[0] as Instant), after[1]];
          rest = `AND (schedule_date_time ${next} ? OR (schedule_date_time = ? AND schedule_id > ?))`;
          parameters.push(startsAt, startsAt, id);
        }
        return selectAll<ScheduleRow>(
          db,
          `SELECT * FROM schedules
           WHERE performance_id = ? AND local_date >= ? AND local_date <= ? AND schedule_date_time ${first} ? ${rest}
           ORDER BY schedule_date_time ${order}, schedule_id LIMIT ${limit}`,
          parameters,
        );
      },
      keyOf: (row) => [row.schedule_date_time, row.schedule_id],
      item: toSchedule,
    });
  }

  return {
    /** A venue with its sections; null when unknown. */
    async venue(venueId: VenueId, language: Language | null = null): Promise<VenueReply | null> {
      const venue = await ask(() => db.getRepository(VenueRow).findOneBy({ venue_id: venueId }));
      if (!venue) return null;
      const sections = await ask(() =>
        db.getRepository(SectionRow).find({
          where: { venue_id: venueId, withdrawn: false },
          order: { ordinal: 'ASC', section_id: 'ASC' },
        }),
      );
      return {
        venueId: venue.venue_id,
        name: pickName(venue.venue_name, venue.names, language),
        names: venue.names,
        location: venue.location,
        timeZone: venue.time_zone ?? 'UTC',
        capacity: venue.capacity,
        seatCount: venue.seat_count,
        sections: sections.map((section) => ({
          sectionId: section.section_id,
          name: section.section_name,
          seatCount: section.seat_count,
        })),
        focus: focusOf(venue),
        decorations: decorationsOf(venue),
      };
    },

    /**
     * Performances whose last day is not over in their hall's local time, by first day; then the others, the last to end
     * first. @throws {InvalidCursor}
     */
    performances(
      { search = '', from, to }: PerformanceSearch,
      page: PageRequest,
      language: Language | null = null,
    ): Promise<Page<PerformanceSummary>> {
      return aheadFirst<SummaryRow, PerformanceSummary>(page, clock.now(), {
        cursor: cursors.performances,
        read({ kind, now, after, limit }) {
          const isAhead = kind === 'ahead';
          const conditions = [isAhead ? '(p.over_at IS NULL OR p.over_at > ?)' : 'p.over_at <= ?'];
          const parameters: CellValue[] = [...summaryMoments(clock.now()), storedMoment(now)];
          const where = (condition: string, ...values: CellValue[]): void => {
            conditions.push(condition);
            parameters.push(...values);
          };
          if (from !== undefined) where('p.end_date >= ?', from);
          if (to !== undefined) where('p.start_date <= ?', to);
          for (const pattern of wordPatterns(search)) where("p.search_text LIKE ? ESCAPE '!'", pattern);
          const [column, next, order] = isAhead ? ['p.start_date', '>', 'ASC'] : ['p.end_date', '<', 'DESC'];
          if (after) {
            const [date, id] = after;
            where(`(${column} ${next} ? OR (${column} = ? AND p.performance_id > ?))`, date, date, id);
          }
          return selectAll<SummaryRow>(
            db,
            `${selectSummaries} WHERE ${conditions.join(' AND ')}
             ORDER BY ${column} ${order}, p.performance_id LIMIT ${limit}`,
            parameters,
            summaryAliases,
          );
        },
        keyOf: (row, kind) => [kind === 'ahead' ? row.start_date : row.end_date, row.performance_id],
        item: (row) => toSummary(row, language),
      });
    },

    /** A performance with its prices, rules of sale and first dates; null when unknown. */
    async performance(
      performanceId: PerformanceId,
      language: Language | null = null,
    ): Promise<PerformanceReply | null> {
      const row = await selectFirst<SummaryRow>(
        db,
        `${selectSummaries} WHERE p.performance_id = ?`,
        [...summaryMoments(clock.now()), performanceId],
        summaryAliases,
      );
      if (!row) return null;
      const schedules = await schedulesBetween(performanceId, {}, { limit: maxPageSize, cursor: null });
      return {
        ...toSummary(row, language),
        description: row.description,
        prices: new PriceList(row.prices).entries.map((entry) => ({
          category: entry.category,
          label: entry.label ?? entry.category,
          price: entry.price,
          color: entry.color ?? null,
        })),
        sales: row.sales,
        seedHash: row.seed_hash,
        beacon: namedRound(row.beacon_round),
        schedules: schedules.items,
      };
    },

    /**
     * A performance's dates: those to come, earliest first, then those that have begun, latest first; null when the
     * performance is unknown.
     * @param days local calendar dates where the performance is, YYYY-MM-DD, inclusive.
     * @throws {InvalidCursor}
     */
    async schedules(
      performanceId: PerformanceId,
      days: Pick<PerformanceSearch, 'from' | 'to'>,
      page: PageRequest,
    ): Promise<Page<ScheduleReply> | null> {
      const performances = db.getRepository(PerformanceRow);
      const isKnown = await ask(() => performances.existsBy({ performance_id: performanceId }));
      if (!isKnown) return null;
      return schedulesBetween(performanceId, days, page);
    },

    /** One date; null when unknown. Holds that lapsed a moment ago may still count as taken here. */
    async schedule(scheduleId: ScheduleId): Promise<ScheduleReply | null> {
      const row = await selectFirst<ScheduleRow>(db, 'SELECT * FROM schedules WHERE schedule_id = ?', [
        scheduleId,
      ]);
      return row ? toSchedule(row) : null;
    },

    /** Dates of a performance that begin after `now`, cancelled or not, earliest first; 10,000 at most. */
    async schedulesOfPerformance(performanceId: PerformanceId, now: Instant): Promise<ScheduleId[]> {
      const rows = await selectAll<{ schedule_id: ScheduleId }>(
        db,
        `SELECT schedule_id FROM schedules WHERE performance_id = ? AND schedule_date_time > ?
         ORDER BY schedule_date_time, schedule_id LIMIT ${maxSchedulesOfVenue}`,
        [performanceId, storedMoment(now)],
      );
      return rows.map((row) => row.schedule_id);
    },

    /**
     * Cancelled dates that are not settled yet, or have held or reserved seats (also withdrawn ones); by id.
     * @param after the last one seen; null to begin.
     */
    async cancelledSchedulesToSettle(after: ScheduleId | null, limit: number): Promise<ScheduleId[]> {
      const rows = await selectAll<{ schedule_id: ScheduleId }>(
        db,
        `SELECT schedule_id FROM schedules WHERE schedule_id > ? AND status = 'cancelled'
         AND (cancellation_settled_at IS NULL OR taken_seats IS NULL OR taken_seats > 0)
         ORDER BY schedule_id LIMIT ?`,
        [after ?? '', limit],
      );
      return rows.map((row) => row.schedule_id);
    },

    /** How far the refunds of a cancelled date are; null when the date is unknown or not cancelled. */
    async cancellation(scheduleId: ScheduleId): Promise<CancellationReply | null> {
      const row = await selectFirst<ScheduleRow>(db, 'SELECT * FROM schedules WHERE schedule_id = ?', [
        scheduleId,
      ]);
      if (row?.status !== 'cancelled') return null;
      // Not the schedule's own counts: they leave out seats that were withdrawn from sale.
      const taken = await selectFirst<{ held_count: number | null; reserved_count: number | null }>(
        db,
        `SELECT SUM(CASE WHEN status = 'held' THEN 1 ELSE 0 END) AS held_count,
           SUM(CASE WHEN status = 'reserved' THEN 1 ELSE 0 END) AS reserved_count
         FROM schedule_seats WHERE schedule_id = ?`,
        [scheduleId],
      );
      return {
        scheduleId,
        reason: row.cancel_reason,
        cancelledAt: row.cancelled_at,
        settledAt: row.cancellation_settled_at,
        seatsHeld: Number(taken?.held_count ?? 0),
        seatsReserved: Number(taken?.reserved_count ?? 0),
      };
    },

    /** In the order of their dates, then ids; at most 10,000. */
    async schedulesOfVenue(venueId: VenueId): Promise<ScheduleId[]> {
      const rows = await ask(() =>
        db.getRepository(ScheduleRow).find({
          select: { schedule_id: true, schedule_date_time: true },
          where: { venue_id: venueId },
          order: { schedule_date_time: 'ASC', schedule_id: 'ASC' },
          take: maxSchedulesOfVenue,
        }),
      );
      return rows.map((row) => row.schedule_id);
    },
  };
}

/** Of the columns that are named differently in the tables. */
const summaryAliases = { venue_names: 'names', next_schedule_at: 'schedule_date_time' };

interface SummaryRow extends PerformanceRow {
  readonly venue_name: string | null;
  readonly venue_names: Translations | null;
  readonly location: string | null;
  readonly venue_zone: string | null;
  readonly next_schedule_at: Instant | null;
  /** Of the next date, which may be announced in another zone than the venue's. */
  readonly next_zone: string | null;
  readonly schedule_count: number;
}

/** The parameters of {@link selectSummaries}. */
const summaryMoments = (now: Instant) => [storedMoment(now), storedMoment(now)];

/** Selects {@link SummaryRow}s; its parameters are {@link summaryMoments}. Add conditions on `p`. */
const selectSummaries = `
  SELECT p.*, v.venue_name, v.names AS venue_names, v.location, v.time_zone AS venue_zone,
    (SELECT MIN(s.schedule_date_time) FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled' AND s.schedule_date_time >= ?) AS next_schedule_at,
    (SELECT s.time_zone FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled' AND s.schedule_date_time >= ?
      ORDER BY s.schedule_date_time LIMIT 1) AS next_zone,
    (SELECT COUNT(*) FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled') AS schedule_count
  FROM performances p LEFT JOIN venues v ON v.venue_id = p.venue_id`;

function toSummary(row: SummaryRow, language: Language | null): PerformanceSummary {
  const timeZone = row.next_zone ?? row.venue_zone ?? 'UTC';
  return {
    performanceId: row.performance_id,
    name: pickName(row.performance_name, row.names, language),
    names: row.names,
    venue: {
      venueId: row.venue_id,
      name: pickName(row.venue_name ?? '', row.venue_names, language),
      location: row.location ?? '',
    },
    startDate: row.start_date,
    endDate: row.end_date,
    timeZone,
    nextScheduleAt: row.next_schedule_at,
    nextScheduleAtLocal: row.next_schedule_at && localTimeOf(row.next_schedule_at, timeZone),
    scheduleCount: row.schedule_count,
    priceFrom: row.price_from,
    priceTo: row.price_to,
    salesOpensAt: row.sales_opens_at,
    salesOpensAtLocal: row.sales_opens_at && localTimeOf(row.sales_opens_at, timeZone),
  };
}

function toSchedule(row: ScheduleRow): ScheduleReply {
  const timeZone = row.time_zone ?? 'UTC';
  return {
    scheduleId: row.schedule_id,
    performanceId: row.performance_id,
    venueId: row.venue_id,
    startsAt: row.schedule_date_time,
    startsAtLocal: localTimeOf(row.schedule_date_time, timeZone),
    timeZone,
    status: row.status,
    cancellation:
      row.status === 'cancelled'
        ? {
            reason: row.cancel_reason,
            cancelledAt: row.cancelled_at,
            refundedAt: row.cancellation_settled_at,
          }
        : null,
    refundWindowUntil: row.refund_window_until,
    capacity: row.capacity,
    availableSeats: row.available_seats,
  };
}

/** LIKE patterns of the words searched for, with `!` as escape character. */
function wordPatterns(search: string): string[] {
  const words = searchable(search).split(/\s+/u).filter(Boolean).slice(0, maxSearchWords);
  return words.map((word) => `%${word.replace(/[!%_]/g, '!$&')}%`);
}

/** The name in the language asked for when there is one, else the main one. */
export function pickName<Name extends string | null>(
  main: Name,
  names: Translations | null,
  language: Language | null,
): Name | string {
  return (language === null ? undefined : names?.[language]) ?? main;
}
