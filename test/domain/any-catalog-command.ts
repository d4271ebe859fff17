import fc from 'fast-check';
import type {
  PerformanceDetails,
  ScheduleCommand,
  ScheduleDetails,
  VenueCommand,
  VenueDetails,
} from '../../src/domain/catalog.js';
import type { PlanSection } from '../../src/events/catalog-events.js';
import { performanceIdSchema, scheduleIdSchema, seatIdSchema, venueIdSchema } from '../../src/events/ids.js';
import { at, named } from './given.js';

const venueId = named(venueIdSchema, 'hall');
const performanceId = named(performanceIdSchema, 'show');
/** Left out, given as undefined, or there: as parsers hand optional fields over. */
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const names = optional(fc.record({ ko: fc.constant('홀'), en: optional(fc.constant('Hall')) }));

const venueDetails: fc.Arbitrary<VenueDetails> = fc.record(
  {
    venueId: fc.constant(venueId),
    name: fc.constantFrom('Hall', 'Great Hall'),
    names,
    location: fc.constant('Seoul'),
    timeZone: fc.constantFrom('Asia/Seoul', 'UTC'),
    capacity: fc.nat({ max: 2 }),
    focus: optional(fc.record({ x: fc.nat({ max: 1 }), y: fc.constant(0) })),
  },
  { requiredKeys: ['venueId', 'name', 'location', 'timeZone', 'capacity'] },
);

const sectionIds = fc.constantFrom('l', 'r');
const sections: fc.Arbitrary<PlanSection> = fc.record({
  sectionId: sectionIds,
  name: fc.constantFrom('Left', 'Right'),
  rows: fc.uniqueArray(fc.constantFrom('A-1', 'A-2', 'A-3'), { minLength: 1 }).map((ids) => [
    {
      label: 'A',
      seats: ids.map((id, x) => ({ seatId: seatIdSchema.parse(id), number: id, category: 'R', x, y: 0 })),
    },
  ]),
});

export const venueCommands: fc.Arbitrary<VenueCommand> = fc.oneof(
  venueDetails.map((details) => ({ kind: 'describe' as const, details })),
  sections.map((section) => ({ kind: 'publish-section' as const, venueId, section })),
  sectionIds.map((sectionId) => ({ kind: 'withdraw-section' as const, venueId, sectionId })),
);

export const performanceCommands: fc.Arbitrary<PerformanceDetails> = fc.record(
  {
    performanceId: fc.constant(performanceId),
    venueId: fc.constant(venueId),
    name: fc.constantFrom('Show', 'Encore'),
    names,
    description: fc.constant(''),
    startDate: fc.constant('2026-12-24'),
    endDate: fc.constantFrom('2026-12-24', '2026-12-25'),
    prices: fc.array(
      fc.record(
        {
          category: fc.constantFrom('R', '*'),
          label: optional(fc.constant('Best')),
          price: fc.option(fc.nat({ max: 2 })),
        },
        { requiredKeys: ['category', 'price'] },
      ),
      { maxLength: 2 },
    ),
    sales: fc.record({
      opensAt: fc.option(fc.constant(at(0))),
      seatLimitPerUser: fc.integer({ min: 1, max: 2 }),
      queueCapacity: fc.constant(10),
      maxActive: fc.constant(10),
      admitPerSecond: fc.constant(1),
      claimWindowMs: fc.constant(1_000),
      serviceWindowMs: fc.constant(1_000),
      holdTtlMs: fc.constant(1_000),
      closesAt: fc.constant(null),
      cancelBeforeStartMs: fc.constant(0),
      refundWindowMs: fc.constantFrom(0, 1_000),
    }),
    seedHash: fc.constant('ab'.repeat(32)),
  },
  {
    requiredKeys: [
      'performanceId',
      'venueId',
      'name',
      'description',
      'startDate',
      'endDate',
      'prices',
      'sales',
      'seedHash',
    ],
  },
);

const scheduleDetails: fc.Arbitrary<ScheduleDetails> = fc.record({
  scheduleId: fc.constant(named(scheduleIdSchema, 's')),
  performanceId: fc.constant(performanceId),
  venueId: fc.constant(venueId),
  startsAt: fc.constantFrom(at(0), at(1_000)),
  timeZone: fc.constantFrom('Asia/Seoul', 'UTC'),
  status: fc.constantFrom('scheduled' as const, 'cancelled' as const),
});

export const scheduleCommands: fc.Arbitrary<ScheduleCommand> = fc.oneof(
  scheduleDetails.map((details) => ({
    kind: 'publish' as const,
    details,
    refundWindowMs: 1_000,
    reason: 'cancelled by the organiser',
  })),
  fc.constant({ kind: 'cancel' as const, reason: 'the singer is ill' }),
  fc.constant({ kind: 'settle' as const, endedHolds: 1, refundedOrders: 2, refundedSeats: 3, points: 300 }),
  fc.constantFrom(at(500), at(5_000)).map((until) => ({
    kind: 'open-refund-window' as const,
    until,
    cause: 'operator' as const,
    note: undefined,
  })),
);
