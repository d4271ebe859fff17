/** What the queries of venues, performances, dates and seats answer. */
import { z } from 'zod';
import { decorationSchema, salesRulesSchema, translationsSchema } from '../../events/catalog-events.js';
import {
  instantSchema,
  performanceIdSchema,
  pointsSchema,
  scheduleIdSchema,
  seatIdSchema,
  venueIdSchema,
} from '../../events/ids.js';
import { seatFeatureFields } from '../../events/seat-features.js';
import { namedRoundSchema } from './queue.js';
import { asOfField, count, named, type Reply, sample } from './reply.js';

const decoration = decorationSchema.meta({ id: 'Decoration' });
/** A shape drawn around the seats. */
export type Decoration = Reply<typeof decoration>;

const translations = translationsSchema.meta({ id: 'Translations' });
/** A name in the languages given beside the main one. */
export type Translations = Reply<typeof translations>;

const pointSchema = z.strictObject({ x: z.number(), y: z.number() });
/** Plan coordinates in the feed's own unit; x grows to the right, y away from the top edge. */
export type Point = Reply<typeof pointSchema>;

const sectionSchema = z
  .strictObject({ sectionId: z.string(), name: z.string(), seatCount: count })
  .meta({ id: 'Section' });
export type Section = Reply<typeof sectionSchema>;

const focus = pointSchema.nullable().describe('Where the audience looks, in plan coordinates.');
/** Beside every moment in UTC. */
export const localTime = z
  .string()
  .describe('The same moment as the clocks at the venue show it, with their offset from UTC.');
export const timeZone = z.string().describe('IANA name of the time zone of local times and calendar dates.');

const names = { ko: '겨울밤의 현', en: 'Strings on a Winter Night' };
const venueNames = { ko: '한강 소극장', en: 'Hangang Little Hall' };
const stage = { shape: 'rectangle' as const, x: 0, y: -60, width: 240, height: 50, text: 'STAGE' };

export const venueReply = named(
  'Venue',
  z.strictObject({
    venueId: venueIdSchema,
    name: z.string(),
    names: translations,
    location: z.string(),
    timeZone,
    capacity: count.describe('Seats the organiser states.'),
    seatCount: count.describe('Seats the plan has.'),
    sections: z.array(sectionSchema),
    focus,
    decorations: z.array(decoration),
  }),
  {
    venueId: sample.venueId,
    name: venueNames.en,
    names: venueNames,
    location: '서울특별시 마포구',
    timeZone: 'Asia/Seoul',
    capacity: 208,
    seatCount: 208,
    sections: [{ sectionId: 'stalls', name: 'Stalls', seatCount: 144 }],
    focus: { x: 120, y: 0 },
    decorations: [stage],
  },
);
export type VenueReply = Reply<typeof venueReply>;

const scheduleExample = {
  scheduleId: sample.scheduleId,
  performanceId: sample.performanceId,
  venueId: sample.venueId,
  startsAt: '2026-12-05T10:00:00.000Z',
  startsAtLocal: '2026-12-05T19:00:00+09:00',
  timeZone: 'Asia/Seoul',
  status: 'scheduled' as const,
  cancellation: null,
  refundWindowUntil: null,
  capacity: 208,
  availableSeats: 131,
};

export const scheduleReply = named(
  'Schedule',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    performanceId: performanceIdSchema,
    venueId: venueIdSchema,
    startsAt: instantSchema,
    startsAtLocal: localTime,
    timeZone,
    status: z.enum(['scheduled', 'cancelled']),
    cancellation: z
      .strictObject({
        reason: z.string().nullable(),
        cancelledAt: instantSchema.nullable(),
        refundedAt: instantSchema
          .nullable()
          .describe('Since when every order of the date is refunded; null while that is under way.'),
      })
      .nullable()
      .describe('Null unless the date is cancelled.'),
    refundWindowUntil: instantSchema
      .nullable()
      .describe('Tickets may be given back until then, even after the performance’s own deadline.'),
    capacity: count.describe('Seats for sale.'),
    availableSeats: count,
  }),
  scheduleExample,
);
export type ScheduleReply = Reply<typeof scheduleReply>;

export const cancellationReply = named(
  'Cancellation',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    reason: z.string().nullable(),
    cancelledAt: instantSchema.nullable(),
    settledAt: instantSchema
      .nullable()
      .describe('Since when every hold has ended and every order is refunded; null while that is under way.'),
    seatsHeld: count.describe('Seats whose hold has not ended yet.'),
    seatsReserved: count.describe('Sold seats that are not refunded yet.'),
  }),
  {
    scheduleId: sample.scheduleId,
    reason: 'The singer is ill.',
    cancelledAt: '2026-11-30T02:00:00.000Z',
    settledAt: null,
    seatsHeld: 0,
    seatsReserved: 1240,
  },
);
export type CancellationReply = Reply<typeof cancellationReply>;

const summarySchema = z.strictObject({
  performanceId: performanceIdSchema,
  name: z.string(),
  names: translations,
  venue: z.strictObject({ venueId: venueIdSchema, name: z.string(), location: z.string() }),
  startDate: z.string().describe('Local calendar date, YYYY-MM-DD.'),
  endDate: z.string(),
  timeZone,
  nextScheduleAt: instantSchema.nullable(),
  nextScheduleAtLocal: localTime.nullable(),
  scheduleCount: count,
  priceFrom: pointsSchema.nullable(),
  priceTo: pointsSchema.nullable(),
  salesOpensAt: instantSchema.nullable(),
  salesOpensAtLocal: localTime.nullable(),
});
const summaryExample = {
  performanceId: sample.performanceId,
  name: names.en,
  names,
  venue: { venueId: sample.venueId, name: venueNames.en, location: '서울특별시 마포구' },
  startDate: '2026-12-05',
  endDate: '2026-12-06',
  timeZone: 'Asia/Seoul',
  nextScheduleAt: '2026-12-05T10:00:00.000Z',
  nextScheduleAtLocal: '2026-12-05T19:00:00+09:00',
  scheduleCount: 2,
  priceFrom: 55000,
  priceTo: 77000,
  salesOpensAt: null,
  salesOpensAtLocal: null,
};

export const performanceSummary = named('PerformanceSummary', summarySchema, summaryExample);
export type PerformanceSummary = Reply<typeof performanceSummary>;

const priceSchema = z
  .strictObject({
    category: z.string(),
    label: z.string(),
    price: pointsSchema.nullable().describe('Null: not for sale.'),
    color: z.string().nullable(),
  })
  .meta({ id: 'Price' });

export const performanceReply = named(
  'Performance',
  summarySchema.extend({
    description: z.string(),
    prices: z.array(priceSchema),
    sales: salesRulesSchema.meta({ id: 'SalesRules' }),
    seedHash: z
      .string()
      .describe('SHA-256 of the seed that shuffles those who queue before the opening; revealed then.'),
    beacon: namedRoundSchema
      .nullable()
      .describe('The round of a public beacon that is mixed into the seed; null: none.'),
    schedules: z
      .array(scheduleReply)
      .describe('Those to come, then those that have begun; 100 at most: page the schedules for the rest.'),
  }),
  {
    ...summaryExample,
    description: 'Chamber music for two violins, viola and cello.',
    prices: [{ category: 'R', label: 'R석', price: 77000, color: '#b22222' }],
    sales: {
      opensAt: null,
      seatLimitPerUser: 4,
      queueCapacity: 10000,
      maxActive: 100,
      admitPerSecond: 20,
      claimWindowMs: 180000,
      serviceWindowMs: 900000,
      holdTtlMs: 300000,
      closesAt: null,
      cancelBeforeStartMs: 0,
      refundWindowMs: 604_800_000,
    },
    seedHash: '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    beacon: null,
    schedules: [scheduleExample],
  },
);
export type PerformanceReply = Reply<typeof performanceReply>;

const categoryAvailability = z
  .strictObject({
    category: z.string(),
    label: z.string(),
    price: pointsSchema,
    capacity: count,
    available: count,
  })
  .meta({ id: 'CategoryAvailability' });
export type CategoryAvailability = Reply<typeof categoryAvailability>;

const sectionAvailability = z
  .strictObject({
    sectionId: z.string(),
    name: z.string(),
    capacity: count,
    available: count,
  })
  .meta({ id: 'SectionAvailability' });
export type SectionAvailability = Reply<typeof sectionAvailability>;

export const availabilityReply = named(
  'Availability',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    capacity: count,
    available: count,
    held: count,
    reserved: count,
    byCategory: z.array(categoryAvailability),
    bySection: z.array(sectionAvailability),
    position: z.number().int().describe('Log position the numbers are at least as new as.'),
  }),
  {
    scheduleId: sample.scheduleId,
    capacity: 208,
    available: 131,
    held: 4,
    reserved: 73,
    byCategory: [{ category: 'R', label: 'R석', price: 77000, capacity: 64, available: 12 }],
    bySection: [{ sectionId: 'stalls', name: 'Stalls', capacity: 144, available: 90 }],
    position: 4711,
  },
);
export type AvailabilityReply = Reply<typeof availabilityReply>;

export const seatStatus = z.enum(['free', 'held', 'reserved', 'not-for-sale']);
export type SeatStatus = z.infer<typeof seatStatus>;

const seatSchema = z
  .strictObject({
    seatId: seatIdSchema,
    number: z.string(),
    category: z.string(),
    price: pointsSchema.nullable().describe('Null: not for sale.'),
    x: z.number(),
    y: z.number(),
    status: seatStatus,
    ...seatFeatureFields,
  })
  .meta({ id: 'Seat' });
export type SeatReply = Reply<typeof seatSchema>;

const standingSchema = z
  .strictObject({
    category: z.string(),
    price: pointsSchema.nullable().describe('Null: not for sale.'),
    x: z.number(),
    y: z.number(),
    capacity: count.describe('Number of places; their entry numbers are 1 to `capacity`.'),
    free: count,
    held: count,
    reserved: count,
  })
  .meta({ id: 'StandingArea' });
export type StandingReply = Reply<typeof standingSchema>;

const plannedSeatSchema = seatSchema.omit({ status: true }).meta({ id: 'PlannedSeat' });
const plannedStandingSchema = standingSchema
  .omit({ free: true, held: true, reserved: true })
  .meta({ id: 'PlannedStandingArea' });

export const seatPlanReply = named(
  'SeatPlan',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    venueId: venueIdSchema,
    revision: z.string().describe('Names this plan with these prices: another one has another revision.'),
    sections: z
      .array(
        z.strictObject({
          sectionId: z.string(),
          name: z.string(),
          rows: z.array(z.strictObject({ label: z.string(), seats: z.array(plannedSeatSchema) })),
          standing: plannedStandingSchema.optional(),
        }),
      )
      .describe(
        'The order of the statuses: section by section the seats of its rows, or the places of its standing area from 1 to its capacity.',
      ),
    focus,
    decorations: z.array(decoration),
  }),
  {
    scheduleId: sample.scheduleId,
    venueId: sample.venueId,
    revision: 'nQx3f0aBLk27TzWc',
    sections: [
      {
        sectionId: 'stalls',
        name: 'Stalls',
        rows: [
          { label: 'A', seats: [{ seatId: 'A-1', number: '1', category: 'R', price: 77000, x: 10, y: 20 }] },
        ],
      },
    ],
    focus: { x: 120, y: 0 },
    decorations: [stage],
  },
);
export type SeatPlanReply = Reply<typeof seatPlanReply>;

/** In the order of their codes, two bits each. */
const statusCodes: readonly SeatStatus[] = ['free', 'held', 'reserved', 'not-for-sale'];
const seatsPerByte = 4;

/** Base64 of two bits a seat, the first seat in the lowest bits of the first byte. */
export function encodeSeatStatuses(statuses: readonly SeatStatus[]): string {
  const bytes = new Uint8Array(Math.ceil(statuses.length / seatsPerByte));
  for (const [index, status] of statuses.entries()) {
    const byte = Math.floor(index / seatsPerByte);
    bytes[byte] = (bytes[byte] ?? 0) | (statusCodes.indexOf(status) << ((index % seatsPerByte) * 2));
  }
  return Buffer.from(bytes).toString('base64');
}

/** What {@link encodeSeatStatuses} was given. */
export function decodeSeatStatuses(encoded: string, seatCount: number): SeatStatus[] {
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  return Array.from({ length: seatCount }, (_, index) => {
    const byte = bytes[Math.floor(index / seatsPerByte)] ?? 0;
    return statusCodes[(byte >> ((index % seatsPerByte) * 2)) & 3] ?? 'free';
  });
}

export const seatStatusesReply = named(
  'SeatStatuses',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    plan: z.string().describe('Revision of the plan whose seats these are.'),
    position: z
      .number()
      .int()
      .describe('Log position the statuses are at least as new as: follow the live changes `after` it.'),
    seatCount: count,
    statuses: z
      .string()
      .describe(
        'Base64 of two bits a seat in the order of the plan, the first seat in the lowest bits of the first byte. 0 free, 1 held, 2 reserved, 3 not for sale.',
      ),
  }),
  {
    scheduleId: sample.scheduleId,
    plan: 'nQx3f0aBLk27TzWc',
    position: 4711,
    seatCount: 4,
    statuses: encodeSeatStatuses(['free', 'held', 'reserved', 'not-for-sale']),
  },
);
export type SeatStatusesReply = Reply<typeof seatStatusesReply>;

export const seatMapReply = named(
  'SeatMap',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    venueId: venueIdSchema,
    position: z
      .number()
      .int()
      .describe('Log position the statuses are at least as new as: follow the live changes `after` it.'),
    sections: z.array(
      z.strictObject({
        sectionId: z.string(),
        name: z.string(),
        rows: z
          .array(z.strictObject({ label: z.string(), seats: z.array(seatSchema) }))
          .describe('Empty in a standing area.'),
        standing: standingSchema
          .optional()
          .describe(
            'Only for a standing area, which has places instead of seats: hold them by `bestAvailable` with this section. In live changes and holds the id of a place is the section’s id, a colon and the entry number.',
          ),
      }),
    ),
    focus,
    decorations: z.array(decoration),
    ...asOfField,
  }),
  {
    scheduleId: sample.scheduleId,
    venueId: sample.venueId,
    position: 4711,
    sections: [
      {
        sectionId: 'stalls',
        name: 'Stalls',
        rows: [
          {
            label: 'A',
            seats: [
              { seatId: 'A-1', number: '1', category: 'R', price: 77000, x: 10, y: 20, status: 'free' },
              { seatId: 'A-2', number: '2', category: 'R', price: 77000, x: 30, y: 20, status: 'held' },
            ],
          },
        ],
      },
      {
        sectionId: 'floor',
        name: 'Floor',
        rows: [],
        standing: {
          category: 'Standing',
          price: 99000,
          x: 120,
          y: 40,
          capacity: 300,
          free: 212,
          held: 8,
          reserved: 80,
        },
      },
    ],
    focus: { x: 120, y: 0 },
    decorations: [stage],
  },
);
export type SeatMapReply = Reply<typeof seatMapReply>;
