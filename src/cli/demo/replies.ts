/** What the demo reads of the API's replies. */
import { z } from 'zod';

export const sessionSchema = z.object({ accessToken: z.string(), accessTokenExpiresAt: z.string() });
export const registeredSchema = z.object({ userId: z.string() });
export const chargeSchema = z.object({ chargeId: z.string(), status: z.string() });
export const positionSchema = z.object({ position: z.number().nullable() });

export const queueStatusSchema = z.object({
  status: z.enum(['waiting', 'admitted', 'entered', 'completed', 'expired', 'left']),
});
export const queueTokenSchema = queueStatusSchema.extend({ queueToken: z.string() });

export const holdSchema = z.object({
  holdId: z.string(),
  seats: z.array(z.object({ seatId: z.string() })),
  total: z.number(),
  expiresAt: z.string(),
});
export const holdsSchema = z.object({ items: z.array(z.object({ holdId: z.string() })) });

export const orderSchema = z.object({
  orderId: z.string(),
  orderStatus: z.string(),
  totalAmount: z.number(),
  items: z.array(z.object({ scheduleId: z.string(), seatId: z.string() })),
  position: z.number().nullable(),
});

export const seatMapSchema = z.object({
  sections: z.array(
    z.object({
      rows: z.array(
        z.object({
          seats: z.array(z.object({ seatId: z.string(), x: z.number(), y: z.number(), status: z.string() })),
        }),
      ),
    }),
  ),
  focus: z.object({ x: z.number(), y: z.number() }).nullable(),
});
export type SeatMap = z.infer<typeof seatMapSchema>;

export const performancesSchema = z.object({
  items: z.array(z.object({ performanceId: z.string(), venue: z.object({ venueId: z.string() }) })),
  nextCursor: z.string().nullable(),
});
export const performanceSchema = z.object({
  performanceId: z.string(),
  name: z.string(),
  priceTo: z.number().nullable(),
  sales: z.object({ seatLimitPerUser: z.number() }),
  schedules: z.array(
    z.object({
      scheduleId: z.string(),
      startsAt: z.string(),
      status: z.string(),
      availableSeats: z.number(),
    }),
  ),
});
export type Performance = z.infer<typeof performanceSchema>;
export const venueSchema = z.object({ venueId: z.string(), seatCount: z.number() });

export const reservationsSchema = z.object({
  items: z.array(
    z.object({
      orderId: z.string(),
      scheduleId: z.string(),
      seatId: z.string(),
      reservationStatus: z.enum(['confirmed', 'cancelled']),
    }),
  ),
  nextCursor: z.string().nullable(),
});

export const auditSchema = z.object({
  clean: z.boolean(),
  events: z.number(),
  findingCount: z.number(),
  findings: z.array(z.object({ code: z.string(), message: z.string() })),
  checks: z.array(z.object({ code: z.string(), examined: z.number() })),
});
