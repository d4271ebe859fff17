import { z } from 'zod';
import { decorationSchema, salesRulesSchema, translationsSchema } from '../../../events/catalog-events.js';
import {
  instantSchema,
  performanceIdSchema,
  pointsSchema,
  scheduleIdSchema,
  venueIdSchema,
} from '../../../events/ids.js';
import type {
  PerformanceReply,
  PerformanceSummary,
  ScheduleReply,
  VenueReply,
} from '../../../queries/replies.js';
import { documented, sample } from '../operation.js';

export const count = z.number().int().min(0);
export const focus = z.strictObject({ x: z.number(), y: z.number() }).nullable();
const names = { ko: '겨울밤의 현', en: 'Strings on a Winter Night' };
const venueNames = { ko: '한강 소극장', en: 'Hangang Little Hall' };
export const stage = { shape: 'rectangle' as const, x: 0, y: -60, width: 240, height: 50, text: 'STAGE' };
const scheduleExample = {
  scheduleId: sample.scheduleId,
  performanceId: sample.performanceId,
  venueId: sample.venueId,
  startsAt: '2026-12-05T10:00:00.000Z',
  status: 'scheduled' as const,
  capacity: 208,
  availableSeats: 131,
};

export const venue = documented(
  'Venue',
  z.strictObject({
    venueId: venueIdSchema,
    name: z.string(),
    names: translationsSchema,
    location: z.string(),
    capacity: count.describe('Seats the organiser states.'),
    seatCount: count.describe('Seats the plan has.'),
    sections: z.array(z.strictObject({ sectionId: z.string(), name: z.string(), seatCount: count })),
    focus: focus.describe('Where the audience looks, in plan coordinates.'),
    decorations: z.array(decorationSchema),
  }) satisfies z.ZodType<VenueReply>,
  {
    venueId: sample.venueId,
    name: venueNames.en,
    names: venueNames,
    location: '서울특별시 마포구',
    capacity: 208,
    seatCount: 208,
    sections: [{ sectionId: 'stalls', name: 'Stalls', seatCount: 144 }],
    focus: { x: 120, y: 0 },
    decorations: [stage],
  },
);

export const schedule = documented(
  'Schedule',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    performanceId: performanceIdSchema,
    venueId: venueIdSchema,
    startsAt: instantSchema,
    status: z.enum(['scheduled', 'cancelled']),
    capacity: count.describe('Seats for sale.'),
    availableSeats: count,
  }) satisfies z.ZodType<ScheduleReply>,
  scheduleExample,
);

const summarySchema = z.strictObject({
  performanceId: performanceIdSchema,
  name: z.string(),
  names: translationsSchema,
  venue: z.strictObject({ venueId: venueIdSchema, name: z.string(), location: z.string() }),
  startDate: z.string(),
  endDate: z.string(),
  nextScheduleAt: instantSchema.nullable(),
  scheduleCount: count,
  priceFrom: pointsSchema.nullable(),
  priceTo: pointsSchema.nullable(),
  salesOpensAt: instantSchema.nullable(),
}) satisfies z.ZodType<PerformanceSummary>;
const summaryExample = {
  performanceId: sample.performanceId,
  name: names.en,
  names,
  venue: { venueId: sample.venueId, name: venueNames.en, location: '서울특별시 마포구' },
  startDate: '2026-12-05',
  endDate: '2026-12-06',
  nextScheduleAt: '2026-12-05T10:00:00.000Z',
  scheduleCount: 2,
  priceFrom: 55000,
  priceTo: 77000,
  salesOpensAt: null,
};

export const performanceSummary = documented('PerformanceSummary', summarySchema, summaryExample);

export const performance = documented(
  'Performance',
  summarySchema.extend({
    description: z.string(),
    prices: z.array(
      z.strictObject({
        category: z.string(),
        label: z.string(),
        price: pointsSchema.nullable().describe('Null: not for sale.'),
        color: z.string().nullable(),
      }),
    ),
    sales: salesRulesSchema,
    seedHash: z
      .string()
      .describe('SHA-256 of the seed that shuffles those who queue before the opening; revealed then.'),
    schedules: z.array(schedule.schema).describe('The first 100 by date.'),
  }) satisfies z.ZodType<PerformanceReply>,
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
    },
    seedHash: '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    schedules: [scheduleExample],
  },
);
