import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  holdIdSchema,
  instantSchema,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  pointsSchema,
  refundIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
  venueIdSchema,
} from './ids.js';
import { seatFeatureFields } from './seat-features.js';

/** What a ticket says, as it was in the catalog when the order was placed: no later import changes it. */
const soldSchema = z.object({
  performanceName: z.string(),
  venueId: venueIdSchema,
  venueName: z.string(),
  startsAt: instantSchema,
  /** IANA name of the venue's time zone. */
  timeZone: z.string(),
  sectionName: z.string(),
  row: z.string(),
  number: z.string(),
  category: z.string(),
  ...seatFeatureFields,
});
export type Sold = z.infer<typeof soldSchema>;

/** One seat of an order at the price recorded when it was held. */
const orderItemSchema = z.object({
  scheduleId: scheduleIdSchema,
  seatId: seatIdSchema,
  holdId: holdIdSchema,
  price: pointsSchema,
  /** Null in orders of older builds: the catalog says then what the seat is called. */
  sold: soldSchema.nullable(),
});
export type OrderItem = z.infer<typeof orderItemSchema>;

/** A seat of an order, by what identifies it within the order. */
const itemNameSchema = orderItemSchema.pick({ scheduleId: true, seatId: true });
export type ItemName = z.infer<typeof itemNameSchema>;

/** An {@link ItemName} as one text, for sets and maps. */
export function itemKey({ scheduleId, seatId }: ItemName): string {
  return `${scheduleId} ${seatId}`;
}

/**
 * Why seats of a paid order were given back: by the fan, by an operator, because the organiser cancelled the date, or
 * because the date or the hall changed.
 */
export const cancellationCauseSchema = z.enum(['fan', 'operator', 'schedule-cancelled', 'date-changed']);
export type CancellationCause = z.infer<typeof cancellationCauseSchema>;

const cancellation = {
  cause: cancellationCauseSchema,
  /** An operator's or organiser's words about it. */
  note: z.string().min(1).max(500).optional(),
};

/** `not-on-sale`: a date of the order was cancelled before it was paid. */
const orderFailureSchema = z.enum(['insufficient-points', 'hold-lapsed', 'seat-taken', 'not-on-sale']);
export type OrderFailure = z.infer<typeof orderFailureSchema>;

const order = { orderId: orderIdSchema, userId: userIdSchema };

/** Stream `order-<orderId>`: one checkout from placing to its end. */
export const orderEvents = {
  OrderPlaced: defineEvent(
    'OrderPlaced',
    z.object({
      ...order,
      tokenId: tokenIdSchema,
      performanceId: performanceIdSchema,
      items: z.array(orderItemSchema).min(1).max(100),
      total: pointsSchema,
    }),
    { version: 3 },
  ),
  OrderPaid: defineEvent(
    'OrderPaid',
    z.object({ ...order, paymentId: paymentIdSchema, total: pointsSchema }),
  ),
  OrderFailed: defineEvent(
    'OrderFailed',
    z.object({ ...order, reason: orderFailureSchema, seatId: seatIdSchema.optional() }),
    { version: 2 },
  ),
  /** Some of a paid order's seats are given back and `amount` points are due; the rest of the order stands. */
  OrderItemsCancelled: defineEvent(
    'OrderItemsCancelled',
    z.object({
      ...order,
      refundId: refundIdSchema,
      items: z.array(itemNameSchema).min(1).max(100),
      amount: pointsSchema,
      ...cancellation,
    }),
  ),
  /** Those seats are free and the points went back. */
  OrderItemsRefunded: defineEvent(
    'OrderItemsRefunded',
    z.object({ ...order, refundId: refundIdSchema, amount: pointsSchema }),
  ),
  /** All seats that the order still has are given back. */
  OrderCancelled: defineEvent('OrderCancelled', z.object({ ...order, ...cancellation }), { version: 2 }),
  /**
   * Ends a failed or cancelled order: its seats are free and `amount` points went back (0 if none were spent), beside
   * those of seats given back before.
   */
  OrderRefunded: defineEvent('OrderRefunded', z.object({ ...order, amount: pointsSchema })),
};
export type OrderEvent = EventsOf<typeof orderEvents>;
