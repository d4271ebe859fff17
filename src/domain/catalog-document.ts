import { z } from 'zod';
import {
  maxSeatsPerSection,
  maxSeatsPerVenue,
  performanceEvents,
  planSectionSchema,
  rowsOf,
  salesRulesSchema,
  scheduleEvents,
  venueEvents,
} from '../events/catalog-events.js';
import { instantSchema, venueIdSchema } from '../events/ids.js';
import { isKnownTimeZone, timeZoneSchema } from '../events/local-time.js';
import { hasFeature } from '../events/seat-features.js';
import { placeText, repeatedPlaces } from './plan-identity.js';

/**
 * The catalog document: the one form every organiser's feed is turned into before it is imported, and the
 * JSON format an organiser may write directly (described in docs/feeds.md).
 */

const venueFields = venueEvents.VenuePublished.schema.shape;
const performanceFields = performanceEvents.PerformancePublished.schema.shape;
const scheduleFields = scheduleEvents.SchedulePublished.schema.shape;

/** Most venues and performances one document may have. */
export const maxVenues = 1000;
export const maxPerformances = 10_000;

/** An organiser's own name of a record; the catalog's UUIDs derive from it and the document's source. */
const externalIdSchema = z.string().trim().min(1).max(200);

/** A moment with `Z` or any offset ("2026-11-22T19:00:00+09:00"), normalised to an Instant. */
export const momentSchema = z.iso
  .datetime({ offset: true })
  .transform((text, context) => {
    const ms = Date.parse(text);
    if (Number.isNaN(ms)) context.addIssue({ code: 'custom', message: 'is not a moment in time' });
    return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  })
  .pipe(instantSchema);

/** A time zone that this build knows. */
export const knownTimeZoneSchema = timeZoneSchema.refine(isKnownTimeZone, {
  message: 'is not a known time zone',
  abort: true,
});

/** Sales rules of which an organiser states some; the import completes them. */
export const partialSalesSchema = z
  .strictObject({
    ...salesRulesSchema.shape,
    opensAt: momentSchema.nullable(),
    closesAt: momentSchema.nullable(),
  })
  .partial();
export type PartialSales = z.infer<typeof partialSalesSchema>;

export const venueDocumentSchema = z.strictObject({
  id: externalIdSchema,
  /**
   * Publish this plan onto that venue, already in the catalog: it keeps its name, location and capacity, and
   * takes sections, focus and decorations from here.
   */
  venueId: venueIdSchema.optional(),
  /** Publish the venue only if the catalog has none of this id; a venue it has stays as it is. */
  ifAbsent: z.literal(true).optional(),
  name: venueFields.name,
  names: venueFields.names,
  location: venueFields.location,
  /** Absent: what is published already, or UTC. */
  timeZone: knownTimeZoneSchema.optional(),
  /** Seats the organiser states. Absent: the plan's own count, or what is published already. */
  capacity: venueFields.capacity.optional(),
  focus: venueFields.focus,
  decorations: venueFields.decorations,
  /** The seating plan. Empty: this document says nothing about it, and a published plan stays. */
  sections: z.array(planSectionSchema).max(2000),
});
export type VenueDocument = z.infer<typeof venueDocumentSchema>;

const scheduleDocumentSchema = z.strictObject({
  id: externalIdSchema,
  startsAt: momentSchema,
  status: scheduleFields.status.default('scheduled'),
});
export type ScheduleDocument = z.infer<typeof scheduleDocumentSchema>;

/** Where a performance is held: a venue by the organiser's id, or one already in the catalog. */
type VenueReference =
  | { readonly venue: string; readonly venueId?: undefined }
  | { readonly venueId: z.infer<typeof venueIdSchema>; readonly venue?: undefined };

export const performanceDocumentSchema = z
  .strictObject({
    id: externalIdSchema,
    venue: externalIdSchema.optional(),
    venueId: venueIdSchema.optional(),
    /** The zone in which its dates are announced. Absent: the venue's. */
    timeZone: knownTimeZoneSchema.optional(),
    name: performanceFields.name,
    names: performanceFields.names,
    description: performanceFields.description.default(''),
    startDate: performanceFields.startDate,
    endDate: performanceFields.endDate,
    prices: performanceFields.prices,
    sales: partialSalesSchema.optional(),
    schedules: z.array(scheduleDocumentSchema).max(1000),
  })
  .transform(({ venue, venueId, ...performance }, context) => {
    if (venue !== undefined && venueId === undefined) return { ...performance, venue };
    if (venueId !== undefined && venue === undefined) return { ...performance, venueId };
    context.addIssue({ code: 'custom', message: 'give exactly one of venue and venueId' });
    return z.NEVER;
  });
type PerformanceFields = Omit<z.infer<typeof performanceDocumentSchema>, 'venue' | 'venueId'>;
export type PerformanceDocument = PerformanceFields & VenueReference;

export const catalogDocumentSchema = z.strictObject({
  format: z.literal('boxoffice-catalog'),
  version: z.literal(1),
  /** Namespace of the ids in this document, e.g. `kopis`. */
  source: z.string().trim().min(1).max(100),
  venues: z.array(venueDocumentSchema).max(maxVenues),
  performances: z.array(performanceDocumentSchema).max(maxPerformances),
});
export type CatalogDocument = Omit<z.infer<typeof catalogDocumentSchema>, 'performances'> & {
  performances: PerformanceDocument[];
};

/** Most bytes of JSON in one published event: less than any event store accepts (1 MiB with the metadata). */
export const maxPublishedEventBytes = 900_000;

/** Why a document cannot be published although each value alone is well-formed. */
interface CatalogProblem {
  /** Which record, for people: `venue "arena", section "B"`. */
  readonly record: string;
  readonly field?: string;
  readonly reason: string;
}

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

/** Values that occur more than once: one entry for each repetition. */
function repetitions(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => {
    const repeated = seen.has(value);
    seen.add(value);
    return repeated;
  });
}

/** Why companion places of a plan could never be sold with their wheelchair places. */
function companionProblems(record: string, sections: VenueDocument['sections']): CatalogProblem[] {
  const seats = sections.flatMap(({ rows }) => rows.flatMap((row) => row.seats));
  const wheelchairPlaces = new Set(
    seats.filter((seat) => hasFeature(seat, 'wheelchair')).map(({ seatId }) => seatId),
  );
  return seats.flatMap(({ seatId, companionOf }) => {
    if (companionOf === undefined) return [];
    const reason = wheelchairPlaces.has(seatId)
      ? 'a wheelchair place cannot be a companion place too'
      : `names "${companionOf}", which is no wheelchair place of the venue`;
    const isRight = !wheelchairPlaces.has(seatId) && wheelchairPlaces.has(companionOf);
    return isRight ? [] : [{ record: `${record}, seat "${seatId}"`, field: 'companionOf', reason }];
  });
}

/**
 * The problems of one venue: repeated seats, places or section ids, too many seats, events too large, companion places
 * without a wheelchair place.
 */
export function venueProblems(venue: VenueDocument): CatalogProblem[] {
  const record = `venue "${venue.id}"`;
  const { sections, ...header } = venue;
  const problems: CatalogProblem[] = [];
  const areas = sections.flatMap(({ standing }) => standing ?? []);
  const places = areas.reduce((sum, { capacity }) => sum + capacity, 0);
  // Not written out then: each of two thousand sections may be an area of a hundred thousand places.
  if (places > maxSeatsPerVenue) {
    const reason = `has ${places} places in ${areas.length} standing areas; a venue may have ${maxSeatsPerVenue} seats`;
    return [{ record, field: 'sections', reason }];
  }
  const seatIds: string[] = [];
  for (const section of sections) {
    const seats = rowsOf(section).flatMap((row) => row.seats);
    const where = `${record}, section "${section.sectionId}"`;
    if (section.standing === undefined && seats.length > maxSeatsPerSection) {
      problems.push({
        record: where,
        field: 'rows',
        reason: `has ${seats.length} seats; a section may have ${maxSeatsPerSection}`,
      });
    } else if (bytesOf(section) > maxPublishedEventBytes) {
      problems.push({ record: where, reason: `is larger than ${maxPublishedEventBytes} bytes; split it` });
    }
    for (const seat of seats) seatIds.push(seat.seatId);
  }
  if (seatIds.length > maxSeatsPerVenue) {
    problems.push({
      record,
      field: 'sections',
      reason: `has ${seatIds.length} seats; a venue may have ${maxSeatsPerVenue}`,
    });
  }
  if (bytesOf(header) > maxPublishedEventBytes) {
    problems.push({
      record,
      field: 'decorations',
      reason: `takes more than ${maxPublishedEventBytes} bytes without its seats`,
    });
  }
  for (const id of repetitions(sections.map((section) => section.sectionId))) {
    problems.push({
      record: `${record}, section "${id}"`,
      field: 'sectionId',
      reason: 'another section has this id',
    });
  }
  for (const id of repetitions(seatIds)) {
    problems.push({ record: `${record}, seat "${id}"`, field: 'seatId', reason: 'another seat has this id' });
  }
  for (const { place, seatIds } of repeatedPlaces(sections)) {
    // Repeated ids are reported above.
    if (new Set(seatIds).size === 1) continue;
    const shown = seatIds.slice(0, 10).join(', ') + (seatIds.length > 10 ? ' and more' : '');
    problems.push({
      record: `${record}, ${placeText(place)}`,
      field: 'number',
      reason: `${seatIds.length} seats have this section, row and number, so tickets could not tell them apart: give them other numbers or sections of other names (${shown})`,
    });
  }
  return [...problems, ...companionProblems(record, sections)];
}

/** The problems of one performance. The import checks whether its venue is in the catalog. */
export function performanceProblems(performance: PerformanceDocument): CatalogProblem[] {
  const record = `performance "${performance.id}"`;
  const problems: CatalogProblem[] = [];
  if (performance.endDate < performance.startDate) {
    problems.push({
      record,
      field: 'endDate',
      reason: `${performance.endDate} is before startDate ${performance.startDate}`,
    });
  }
  const { opensAt, closesAt } = performance.sales ?? {};
  if (opensAt && closesAt && closesAt <= opensAt) {
    const reason = `${closesAt} is not after opensAt ${opensAt}: nothing could be sold`;
    problems.push({ record, field: 'sales.closesAt', reason });
  }
  for (const category of repetitions(performance.prices.map((price) => price.category))) {
    problems.push({ record, field: 'prices', reason: `category "${category}" is priced twice` });
  }
  for (const id of repetitions(performance.schedules.map((schedule) => schedule.id))) {
    const reason = 'another schedule of the performance has this id';
    problems.push({ record: `${record}, schedule "${id}"`, field: 'id', reason });
  }
  return problems;
}
