import { z } from 'zod';
import {
  performanceEvents,
  planSectionSchema,
  salesRulesSchema,
  scheduleEvents,
  venueEvents,
} from '../../events/catalog-events.js';
import { instantSchema, venueIdSchema } from '../../events/ids.js';

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
export const externalIdSchema = z.string().trim().min(1).max(200);

/** A moment with `Z` or any offset ("2026-11-22T19:00:00+09:00"), normalised to an Instant. */
export const momentSchema = z.iso
  .datetime({ offset: true })
  .transform((text, context) => {
    const ms = Date.parse(text);
    if (Number.isNaN(ms)) context.addIssue({ code: 'custom', message: 'is not a moment in time' });
    return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
  })
  .pipe(instantSchema);

/** Sales rules of which an organiser states some; the import completes them. */
export const partialSalesSchema = z
  .strictObject({ ...salesRulesSchema.shape, opensAt: momentSchema.nullable() })
  .partial();
export type PartialSales = z.infer<typeof partialSalesSchema>;

export const venueDocumentSchema = z.strictObject({
  id: externalIdSchema,
  /**
   * Publish this plan onto that venue, already in the catalog: it keeps its name, location and capacity, and
   * takes sections, focus and decorations from here.
   */
  venueId: venueIdSchema.optional(),
  /** A mention in passing: publish the venue only when the catalog has none of this id, never over what it has. */
  ifAbsent: z.literal(true).optional(),
  name: venueFields.name,
  names: venueFields.names,
  location: venueFields.location,
  /** Seats the organiser states. Absent: the plan's own count, or what is published already. */
  capacity: venueFields.capacity.optional(),
  focus: venueFields.focus,
  decorations: venueFields.decorations,
  /** The seating plan. Empty: this document says nothing about it, and a published plan stays. */
  sections: z.array(planSectionSchema).max(2000),
});
export type VenueDocument = z.infer<typeof venueDocumentSchema>;

export const scheduleDocumentSchema = z.strictObject({
  id: externalIdSchema,
  startsAt: momentSchema,
  status: scheduleFields.status.default('scheduled'),
});
export type ScheduleDocument = z.infer<typeof scheduleDocumentSchema>;

/** Where a performance is held: a venue by the organiser's id, or one already in the catalog. */
export type VenueReference =
  | { readonly venue: string; readonly venueId?: undefined }
  | { readonly venueId: z.infer<typeof venueIdSchema>; readonly venue?: undefined };

export const performanceDocumentSchema = z
  .strictObject({
    id: externalIdSchema,
    venue: externalIdSchema.optional(),
    venueId: venueIdSchema.optional(),
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
