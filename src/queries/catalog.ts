import {
  addMs,
  type Instant,
  type PerformanceId,
  type ScheduleId,
  toInstant,
  type VenueId,
} from '../events/ids.js';
import { PerformanceRow, ScheduleRow, SectionRow, VenueRow } from '../projections/catalog/entities.js';
import { PriceList } from '../projections/catalog/prices.js';
import { searchable } from '../projections/catalog/publish.js';
import { type CellValue, storedMoment } from '../projections/engine/entity.js';
import { ask, selectAll, selectFirst } from './database.js';
import {
  decodeCursor,
  firstMoment,
  lastMoment,
  maxPageSize,
  momentAndId,
  rowsToRead,
  timeAndId,
  toPage,
} from './paging.js';
import type { QueryContext } from './queries.js';
import type {
  PerformanceReply,
  PerformanceSummary,
  ScheduleReply,
  Translations,
  VenueReply,
} from './replies/catalog.js';
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
/** Most dates of one venue. */
const maxSchedulesOfVenue = 10_000;
const dayMs = 86_400_000;

/** Names are in `language` where the organiser gave them in it, else in the main one. */
export function catalogQueries({ db, clock }: QueryContext) {
  /** From `from` inclusive to `to` exclusive. */
  async function schedulesBetween(
    performanceId: PerformanceId,
    range: { readonly from?: Instant | undefined; readonly to?: Instant | undefined },
    page: PageRequest,
  ): Promise<Page<ScheduleReply>> {
    const [after, id] = decodeCursor(page.cursor, momentAndId) ?? [firstMoment, ''];
    const time = storedMoment(after);
    const { from = firstMoment, to = lastMoment } = range;
    const rows = await selectAll<ScheduleRow>(
      db,
      `SELECT * FROM schedules
       WHERE performance_id = ? AND schedule_date_time >= ? AND schedule_date_time < ?
         AND (schedule_date_time > ? OR (schedule_date_time = ? AND schedule_id > ?))
       ORDER BY schedule_date_time, schedule_id LIMIT ${rowsToRead(page)}`,
      [performanceId, storedMoment(from), storedMoment(to), time, time, id],
    );
    return toPage(rows, page, toSchedule, (row) => [row.schedule_date_time, row.schedule_id]);
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

    /** Performances by first date. @throws {InvalidCursor} */
    async performances(
      { search = '', from, to }: PerformanceSearch,
      page: PageRequest,
      language: Language | null = null,
    ): Promise<Page<PerformanceSummary>> {
      const conditions = ['1 = 1'];
      const parameters: CellValue[] = [storedMoment(clock.now())];
      const where = (condition: string, ...values: CellValue[]): void => {
        conditions.push(condition);
        parameters.push(...values);
      };
      if (from !== undefined) where('p.end_date >= ?', from);
      if (to !== undefined) where('p.start_date <= ?', to);
      for (const pattern of wordPatterns(search)) where("p.search_text LIKE ? ESCAPE '!'", pattern);
      const after = decodeCursor(page.cursor, timeAndId);
      if (after) {
        const [date, id] = after;
        where('(p.start_date > ? OR (p.start_date = ? AND p.performance_id > ?))', date, date, id);
      }
      const rows = await selectAll<SummaryRow>(
        db,
        `${selectSummaries} WHERE ${conditions.join(' AND ')}
         ORDER BY p.start_date, p.performance_id LIMIT ${rowsToRead(page)}`,
        parameters,
        summaryAliases,
      );
      return toPage(
        rows,
        page,
        (row) => toSummary(row, language),
        (row) => [row.start_date, row.performance_id],
      );
    },

    /** A performance with its prices, rules of sale and first dates; null when unknown. */
    async performance(
      performanceId: PerformanceId,
      language: Language | null = null,
    ): Promise<PerformanceReply | null> {
      const row = await selectFirst<SummaryRow>(
        db,
        `${selectSummaries} WHERE p.performance_id = ?`,
        [storedMoment(clock.now()), performanceId],
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
        schedules: schedules.items,
      };
    },

    /**
     * A performance's dates, earliest first; null when the performance is unknown.
     * @param days calendar dates in UTC, YYYY-MM-DD, inclusive.
     * @throws {InvalidCursor}
     */
    async schedules(
      performanceId: PerformanceId,
      { from, to }: Pick<PerformanceSearch, 'from' | 'to'>,
      page: PageRequest,
    ): Promise<Page<ScheduleReply> | null> {
      const performances = db.getRepository(PerformanceRow);
      const isKnown = await ask(() => performances.existsBy({ performance_id: performanceId }));
      if (!isKnown) return null;
      const range = {
        from: from === undefined ? undefined : startOfDay(from),
        to: to === undefined ? undefined : addMs(startOfDay(to), dayMs),
      };
      return schedulesBetween(performanceId, range, page);
    },

    /** One date; null when unknown. Holds that lapsed a moment ago may still count as taken here. */
    async schedule(scheduleId: ScheduleId): Promise<ScheduleReply | null> {
      const row = await selectFirst<ScheduleRow>(db, 'SELECT * FROM schedules WHERE schedule_id = ?', [
        scheduleId,
      ]);
      return row ? toSchedule(row) : null;
    },

    /** Performances with a scheduled date after `now`, in id order, after `after`. */
    async performancesOnSale(
      now: Instant,
      after: PerformanceId | null,
      limit: number,
    ): Promise<PerformanceId[]> {
      const rows = await selectAll<{ performance_id: PerformanceId }>(
        db,
        `SELECT p.performance_id FROM performances p WHERE p.performance_id > ? AND EXISTS (
           SELECT 1 FROM schedules s WHERE s.performance_id = p.performance_id
           AND s.status = 'scheduled' AND s.schedule_date_time > ?)
         ORDER BY p.performance_id LIMIT ?`,
        [after ?? '', storedMoment(now), limit],
      );
      return rows.map((row) => row.performance_id);
    },

    /** Whether a performance has dates and every one of them has begun at `now` or was cancelled. */
    async isSaleOver(performanceId: PerformanceId, now: Instant): Promise<boolean> {
      const dates = await selectFirst<{ count: number; last_at: Instant | null }>(
        db,
        `SELECT COUNT(*) AS count, MAX(CASE WHEN status = 'scheduled' THEN schedule_date_time END) AS last_at
         FROM schedules WHERE performance_id = ?`,
        [performanceId],
        { last_at: 'schedule_date_time' },
      );
      if (!dates || dates.count === 0) return false;
      // Null: all are cancelled.
      return dates.last_at === null || dates.last_at <= now;
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
  readonly next_schedule_at: Instant | null;
  readonly schedule_count: number;
}

/** Selects {@link SummaryRow}s; its one parameter is the present moment. Add conditions on `p`. */
const selectSummaries = `
  SELECT p.*, v.venue_name, v.names AS venue_names, v.location,
    (SELECT MIN(s.schedule_date_time) FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled' AND s.schedule_date_time >= ?) AS next_schedule_at,
    (SELECT COUNT(*) FROM schedules s WHERE s.performance_id = p.performance_id
      AND s.status = 'scheduled') AS schedule_count
  FROM performances p LEFT JOIN venues v ON v.venue_id = p.venue_id`;

function toSummary(row: SummaryRow, language: Language | null): PerformanceSummary {
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
    nextScheduleAt: row.next_schedule_at,
    scheduleCount: row.schedule_count,
    priceFrom: row.price_from,
    priceTo: row.price_to,
    salesOpensAt: row.sales_opens_at,
  };
}

function toSchedule(row: ScheduleRow): ScheduleReply {
  return {
    scheduleId: row.schedule_id,
    performanceId: row.performance_id,
    venueId: row.venue_id,
    startsAt: row.schedule_date_time,
    status: row.status,
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

function startOfDay(date: string): Instant {
  return toInstant(Date.parse(`${date}T00:00:00.000Z`));
}
