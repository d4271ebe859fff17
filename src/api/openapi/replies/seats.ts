import { z } from 'zod';
import { decorationSchema } from '../../../events/catalog-events.js';
import { pointsSchema, scheduleIdSchema, seatIdSchema, venueIdSchema } from '../../../events/ids.js';
import type { AvailabilityReply, SeatMapReply } from '../../../queries/replies.js';
import { documented, sample } from '../operation.js';
import { asOfField } from './as-of.js';
import { count, focus, stage } from './catalog.js';

export const availability = documented(
  'Availability',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    capacity: count,
    available: count,
    held: count,
    reserved: count,
    byCategory: z.array(
      z.strictObject({
        category: z.string(),
        label: z.string(),
        price: pointsSchema,
        capacity: count,
        available: count,
      }),
    ),
    bySection: z.array(
      z.strictObject({ sectionId: z.string(), name: z.string(), capacity: count, available: count }),
    ),
    position: z.number().int(),
  }) satisfies z.ZodType<AvailabilityReply>,
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

export const seatMap = documented(
  'SeatMap',
  z.strictObject({
    scheduleId: scheduleIdSchema,
    venueId: venueIdSchema,
    position: z.number().int().describe('Follow the live changes from here (`after`).'),
    sections: z.array(
      z.strictObject({
        sectionId: z.string(),
        name: z.string(),
        rows: z.array(
          z.strictObject({
            label: z.string(),
            seats: z.array(
              z.strictObject({
                seatId: seatIdSchema,
                number: z.string(),
                category: z.string(),
                price: pointsSchema.nullable(),
                x: z.number(),
                y: z.number(),
                status: z.enum(['free', 'held', 'reserved', 'not-for-sale']),
              }),
            ),
          }),
        ),
      }),
    ),
    focus,
    decorations: z.array(decorationSchema),
    ...asOfField,
  }) satisfies z.ZodType<SeatMapReply>,
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
    ],
    focus: { x: 120, y: 0 },
    decorations: [stage],
  },
);
