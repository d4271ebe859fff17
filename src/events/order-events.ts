import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import {
  holdIdSchema,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  pointsSchema,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
} from './ids.js';

/** One seat of an order at the price recorded when it was held. */
const orderItemSchema = z.object({
  scheduleId: scheduleIdSchema,
  seatId: seatIdSchema,
  holdId: holdIdSchema,
  price: pointsSchema,
});
export type OrderItem = z.infer<typeof orderItemSchema>;

const orderFailureSchema = z.enum(['insufficient-points', 'hold-lapsed', 'seat-taken']);

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
  ),
  OrderPaid: defineEvent(
    'OrderPaid',
    z.object({ ...order, paymentId: paymentIdSchema, total: pointsSchema }),
  ),
  OrderFailed: defineEvent(
    'OrderFailed',
    z.object({ ...order, reason: orderFailureSchema, seatId: seatIdSchema.optional() }),
  ),
  OrderCancelled: defineEvent('OrderCancelled', z.object(order)),
  /** Ends a failed or cancelled order: its seats are free and `amount` points went back (0 if none were spent). */
  OrderRefunded: defineEvent('OrderRefunded', z.object({ ...order, amount: pointsSchema })),
};
export type OrderEvent = EventsOf<typeof orderEvents>;
