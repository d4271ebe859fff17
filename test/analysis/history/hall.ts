import {
  type Instant,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  seatIdSchema,
  type VenueId,
} from '../../../src/events/ids.js';
import { streams } from '../../../src/events/streams.js';
import { type History, id } from '../../projections/history.js';

export const venueId = id<VenueId>('hall');
export const performanceId = id<PerformanceId>('show');
export const seatNames = ['A-1', 'A-2', 'A-3', 'A-4'].map((name) => seatIdSchema.parse(name)) as [
  SeatId,
  ...SeatId[],
];

/** Publishes a hall of one row, a performance in it and its dates. */
export async function publishHall(
  history: History,
  scheduleIds: readonly ScheduleId[],
  at: Instant,
  { price = 100, seats = seatNames as readonly string[], maxActive = 100 } = {},
): Promise<void> {
  await history.add(
    streams.venue(venueId),
    {
      type: 'VenuePublished',
      data: { venueId, name: 'Hall', location: 'Seoul', timeZone: 'Asia/Seoul', capacity: 4 },
    },
    at,
  );
  const row = {
    label: 'A',
    seats: seats.map((name, x) => {
      return { seatId: seatIdSchema.parse(name), number: `${x + 1}`, category: 'R', x, y: 0 };
    }),
  };
  await history.add(
    streams.venue(venueId),
    { type: 'SectionPublished', data: { venueId, sectionId: 'stalls', name: 'Stalls', rows: [row] } },
    at,
  );
  await history.add(
    streams.performance(performanceId),
    {
      type: 'PerformancePublished',
      data: {
        performanceId,
        venueId,
        name: 'Show',
        description: '',
        startDate: '2026-12-24',
        endDate: '2026-12-24',
        prices: [{ category: 'R', price }],
        sales: {
          opensAt: null,
          seatLimitPerUser: 4,
          queueCapacity: 1000,
          maxActive,
          admitPerSecond: 10,
          claimWindowMs: 60_000,
          serviceWindowMs: 600_000,
          holdTtlMs: 60_000,
          closesAt: null,
          cancelBeforeStartMs: 0,
          refundWindowMs: 604_800_000,
        },
        seedHash: '0'.repeat(64),
      },
    },
    at,
  );
  for (const scheduleId of scheduleIds) {
    const startsAt = '2026-12-24T10:00:00.000Z' as Instant;
    const data = {
      scheduleId,
      performanceId,
      venueId,
      startsAt,
      timeZone: 'Asia/Seoul',
      status: 'scheduled' as const,
    };
    await history.add(streams.schedule(scheduleId), { type: 'SchedulePublished', data }, at);
  }
}
