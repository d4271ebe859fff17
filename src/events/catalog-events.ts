import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  instantSchema,
  nfcText,
  performanceIdSchema,
  pointsSchema,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  venueIdSchema,
} from './ids.js';
import { timeZoneSchema } from './local-time.js';
import { seatFeatureFields } from './seat-features.js';

/** The plan's own name of a section. Like an id, it is compared exactly as written. */
const sectionIdSchema = z.string().trim().min(1).max(64);

/** A name in the languages the organiser gave beside the main one. */
export const translationsSchema = z.object({ ko: nfcText(300).optional(), en: nfcText(300).optional() });

const point = { x: z.number(), y: z.number() };

/** A shape drawn around the seats (stage, wall, label): decoration, never sold. */
export type Translations = z.infer<typeof translationsSchema>;

export const decorationSchema = z.object({
  shape: z.enum(['rectangle', 'circle', 'ellipse', 'polygon', 'text']),
  ...point,
  width: z.number().optional(),
  height: z.number().optional(),
  rotation: z.number().optional(),
  color: z.string().max(30).optional(),
  text: z.string().max(200).optional(),
  points: z.array(z.object(point)).max(500).optional(),
});

export type Decoration = z.infer<typeof decorationSchema>;

export const planSeatSchema = z.object({
  seatId: seatIdSchema,
  /** As printed on the ticket. */
  number: nfcText(20),
  category: nfcText(100),
  /** Plan coordinates: x grows to the right, y away from the top edge; one unit is the feed's own. */
  ...point,
  ...seatFeatureFields,
});
export type PlanSeat = z.infer<typeof planSeatSchema>;

/** Seats that stand side by side, left to right. Two rows of a section may share a label (left and right block). */
const planRowSchema = z.object({ label: nfcText(20), seats: z.array(planSeatSchema).min(1).max(1000) });
export type PlanRow = z.infer<typeof planRowSchema>;

/** Most seats a section may have: keeps its event well below the store's 1 MiB. It does not limit standing areas, whose events are short. */
export const maxSeatsPerSection = 4000;
/** Most seats one venue may have, places of standing areas included. */
export const maxSeatsPerVenue = 100_000;

/** A section without seats, sold as `capacity` places with the entry numbers 1 … capacity. */
const standingAreaSchema = z.object({
  category: nfcText(100),
  capacity: z.number().int().min(1).max(maxSeatsPerVenue),
  /** The middle of the area, in plan coordinates. */
  ...point,
});
export type StandingArea = z.infer<typeof standingAreaSchema>;

/** Either rows of seats or a standing area: {@link rowsOf} gives the seats of both. */
export const planSectionSchema = z
  .object({
    sectionId: sectionIdSchema,
    name: nfcText(100),
    /** Empty in a standing area. */
    rows: z.array(planRowSchema).max(1000).default([]),
    standing: standingAreaSchema.optional(),
  })
  .superRefine(({ sectionId, rows, standing }, context) => {
    if (standing === undefined) {
      if (rows.length === 0)
        context.addIssue({ code: 'custom', path: ['rows'], message: 'must not be empty' });
      return;
    }
    if (rows.length > 0) {
      const message = 'must be empty in a standing area: make two sections of it';
      context.addIssue({ code: 'custom', path: ['rows'], message });
    }
    if (!seatIdSchema.safeParse(placeId(sectionId, standing.capacity)).success) {
      const message = `must be printable and so short that "${placeId('…', standing.capacity)}" has at most 64 characters: the ids of a standing area’s places begin with it`;
      context.addIssue({ code: 'custom', path: ['sectionId'], message });
    }
  });
export type PlanSection = z.infer<typeof planSectionSchema>;

/** The row label of places in a standing area, whose number is an entry number. No seat in a row has this label. */
export const standingRow = '';

/** The id under which an entry number of a standing area is sold. */
const placeId = (sectionId: string, entryNumber: number) => `${sectionId}:${entryNumber}`;

/** The rows of standing areas: sections are immutable, so the rows of each are made only once. */
const rowsOfAreas = new WeakMap<object, readonly PlanRow[]>();

/** The seats of a section by row; the places of a standing area are one row, lowest number first. */
export function rowsOf(section: PlanSection): readonly PlanRow[] {
  const { sectionId, rows, standing } = section;
  if (standing === undefined) return rows;
  let places = rowsOfAreas.get(section);
  if (places === undefined) {
    places = [{ label: standingRow, seats: placesOf(sectionId, standing) }];
    rowsOfAreas.set(section, places);
  }
  return places;
}

function placesOf(sectionId: string, { category, capacity, x, y }: StandingArea): PlanSeat[] {
  return Array.from({ length: capacity }, (_, index) => ({
    // The schema has checked the longest of these ids.
    seatId: placeId(sectionId, index + 1) as SeatId,
    number: String(index + 1),
    category,
    x,
    y,
  }));
}

export const priceCategorySchema = z.object({
  /** The plan's category, or `*` for every category not listed. */
  category: nfcText(100),
  /** What fans read; the category itself when absent. */
  label: nfcText(100).optional(),
  /** Points for one seat; null: seats of this category are not for sale. */
  price: pointsSchema.nullable(),
  color: z.string().max(30).optional(),
});
export type PriceCategory = z.infer<typeof priceCategorySchema>;

/** How a performance is put on sale. */
export const salesRulesSchema = z.object({
  /** When the queue opens; fans who join before are shuffled. Null: it is open at once. */
  opensAt: instantSchema.nullable(),
  seatLimitPerUser: z.number().int().min(1).max(20),
  /** Fans who may wait at the same time. */
  queueCapacity: z.number().int().min(1).max(1_000_000),
  /** Fans who may be inside at the same time. */
  maxActive: z.number().int().min(1).max(100_000),
  admitPerSecond: z.number().min(0.1).max(10_000),
  /** An admitted fan must enter within this time. */
  claimWindowMs: z.number().int().min(1_000).max(3_600_000),
  /** A fan's time inside. */
  serviceWindowMs: z.number().int().min(1_000).max(7_200_000),
  holdTtlMs: z.number().int().min(1_000).max(3_600_000),
  /** End of the sale; null: the start of the last date. */
  closesAt: instantSchema.nullable(),
  /** A fan may give tickets back until this long before the start: 0 = until the start. At most a year. */
  cancelBeforeStartMs: z.number().int().min(0).max(31_536_000_000),
  /** How long tickets of a date that was moved may be given back, even after the deadline above. At most a year. */
  refundWindowMs: z.number().int().min(0).max(31_536_000_000),
  // The rules below are newer: where one is absent, nothing limits what it is about.
  /** The turn of a fan ends when this many of its holds have lapsed unpaid. */
  maxLapsedHolds: z.number().int().min(1).max(50).optional(),
  /** The turn of a fan ends when the fan has given back this many of its holds. */
  maxReleasedHolds: z.number().int().min(1).max(50).optional(),
  /** For so long a fan whose hold lapsed or was given back cannot hold the same seats again. 0: at once. */
  seatCoolDownMs: z.number().int().min(0).max(3_600_000).optional(),
  /** A fan inside who holds no seat for this long loses the turn. */
  idleWindowMs: z.number().int().min(1_000).max(7_200_000).optional(),
  /**
   * A seat that is given back or lapses is on sale again at a random moment within this time, together with others: so
   * nobody can hand it to a chosen account. 0: at once.
   */
  seatReturnWindowMs: z.number().int().min(0).max(60_000).optional(),
  /** A fan may hold no more seats than the number of tickets asked for at joining. */
  ticketsAskedBind: z.boolean().optional(),
});
export type SalesRules = z.infer<typeof salesRulesSchema>;

const placeSchema = z.object({ sectionName: z.string(), row: z.string(), number: z.string() });

/** Streams `venue-<venueId>`: the hall and its seating plan, published section by section. */
export const venueEvents = {
  VenuePublished: defineEvent(
    'VenuePublished',
    z.object({
      venueId: venueIdSchema,
      name: nfcText(300),
      names: translationsSchema.optional(),
      location: z.string().max(500),
      /** The hall's local time; `UTC` until a feed or the operator states another. */
      timeZone: timeZoneSchema,
      /** Seats the organiser states; the plan's own count may differ. */
      capacity: z.number().int().min(0),
      /** Where the audience looks: best-available seats are near it. */
      focus: z.object(point).optional(),
      decorations: z.array(decorationSchema).max(2000).optional(),
    }),
    { version: 2 },
  ),
  SectionPublished: defineEvent(
    'SectionPublished',
    planSectionSchema.safeExtend({ venueId: venueIdSchema }),
    {
      version: 3,
    },
  ),
  SectionWithdrawn: defineEvent(
    'SectionWithdrawn',
    z.object({ venueId: venueIdSchema, sectionId: sectionIdSchema }),
  ),
  /** An operator has accepted that the sections published next call held or sold seats differently. */
  SeatsRenumbered: defineEvent(
    'SeatsRenumbered',
    z.object({
      venueId: venueIdSchema,
      seats: z
        .array(z.object({ seatId: seatIdSchema, from: placeSchema, to: placeSchema }))
        .min(1)
        .max(1000),
    }),
  ),
};
export type VenueEvent = EventsOf<typeof venueEvents>;

/** Stream `performance-<performanceId>`: each feed revision is one whole PerformancePublished. */
export const performanceEvents = {
  PerformancePublished: defineEvent(
    'PerformancePublished',
    z.object({
      performanceId: performanceIdSchema,
      venueId: venueIdSchema,
      name: nfcText(300),
      names: translationsSchema.optional(),
      description: z.string().max(10_000),
      /** Local calendar dates, YYYY-MM-DD. */
      startDate: z.iso.date(),
      endDate: z.iso.date(),
      prices: z.array(priceCategorySchema).max(200),
      sales: salesRulesSchema,
      /** SHA-256 (hex) of the seed that will shuffle those who join before the opening. */
      seedHash: z.string().regex(/^[0-9a-f]{64}$/),
      /** The round of a public beacon that will be mixed into the seed; absent: none is. */
      beacon: z.object({ chain: z.literal('drand-quicknet'), round: z.number().int().min(1) }).optional(),
    }),
    { version: 5 },
  ),
};
export type PerformanceEvent = EventsOf<typeof performanceEvents>;

const schedule = { scheduleId: scheduleIdSchema, performanceId: performanceIdSchema };

/** Stream `schedule-<scheduleId>`: one date of a performance. */
export const scheduleEvents = {
  SchedulePublished: defineEvent(
    'SchedulePublished',
    z.object({
      scheduleId: scheduleIdSchema,
      performanceId: performanceIdSchema,
      venueId: venueIdSchema,
      startsAt: instantSchema,
      /** The zone in which the start is announced: the venue's, unless the performance states its own. */
      timeZone: timeZoneSchema,
      /** `cancelled` means the same as ScheduleCancelled. Newer builds append that event as well. */
      status: z.enum(['scheduled', 'cancelled']),
    }),
    { version: 2 },
  ),
  /** Final: no hold and no payment after this event; a process ends the holds and refunds the orders. */
  ScheduleCancelled: defineEvent('ScheduleCancelled', z.object({ ...schedule, reason: nfcText(500) })),
  /** Every hold of the cancelled date has ended and every paid seat is refunded. */
  ScheduleCancellationSettled: defineEvent('ScheduleCancellationSettled', z.object(schedule), { version: 2 }),
  /** Fans may give their tickets of the date back until this moment, even after the performance's own deadline. */
  RefundWindowOpened: defineEvent(
    'RefundWindowOpened',
    z.object({
      ...schedule,
      until: instantSchema,
      cause: z.enum(['date-moved', 'hall-changed', 'operator']),
      note: nfcText(500).optional(),
    }),
  ),
};
export type ScheduleEvent = EventsOf<typeof scheduleEvents>;
