import { z } from 'zod';
import {
  holdIdSchema,
  instantSchema,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  pointsSchema,
  scheduleIdSchema,
  seatIdSchema,
  userIdSchema,
} from '../../../events/ids.js';
import type { HoldReply, OrderReply, ReservationReply } from '../../../queries/replies.js';
import { documented, positionSchema, sample } from '../operation.js';
import { asOfField } from './as-of.js';

const paidAt = '2026-11-22T09:03:12.480Z';
const where = { seatId: seatIdSchema, scheduleId: scheduleIdSchema };
const whereExample = { seatId: 'A-1', scheduleId: sample.scheduleId };
const seatNames = {
  sectionName: z.string().nullable(),
  row: z.string().nullable(),
  number: z.string().nullable(),
};
const seatNamesExample = { sectionName: 'Stalls', row: 'A', number: '1' };

const heldSeat = z.strictObject({
  seatId: seatIdSchema,
  ...seatNames,
  category: z.string().nullable(),
  price: pointsSchema,
});
const holdSchema = z.strictObject({
  holdId: holdIdSchema,
  scheduleId: scheduleIdSchema,
  performanceId: performanceIdSchema.nullable(),
  seats: z.array(heldSeat),
  total: pointsSchema,
  expiresAt: instantSchema.describe('Pay before this.'),
}) satisfies z.ZodType<HoldReply>;
const holdExample = {
  holdId: sample.holdId,
  scheduleId: sample.scheduleId,
  seats: [{ seatId: 'A-1', ...seatNamesExample, category: 'R', price: 77000 }],
  total: 77000,
  expiresAt: '2026-11-22T09:05:00.000Z',
};

export const newHold = documented(
  'NewHold',
  holdSchema.omit({ performanceId: true }).extend({ position: positionSchema }),
  { ...holdExample, position: 4711 },
);

export const holds = documented('Holds', z.strictObject({ items: z.array(holdSchema) }), {
  items: [{ ...holdExample, performanceId: sample.performanceId }],
});

const orderSchema = z.strictObject({
  orderId: orderIdSchema,
  userId: userIdSchema,
  performanceId: performanceIdSchema,
  orderDate: instantSchema,
  totalAmount: pointsSchema,
  orderStatus: z.enum(['placed', 'paid', 'failed', 'cancelled', 'refunded']),
  failureReason: z.string().nullable(),
  items: z.array(z.strictObject({ ...where, quantity: z.literal(1), price: pointsSchema, ...seatNames })),
  payment: z
    .strictObject({
      paymentId: paymentIdSchema,
      amount: pointsSchema,
      paymentStatus: z.enum(['completed', 'refunded']),
      paymentDate: instantSchema,
      points: z.array(z.strictObject({ userId: userIdSchema, amount: pointsSchema })),
    })
    .nullable(),
  reservations: z.array(
    z.strictObject({
      reservationId: z.string(),
      ...where,
      reservationDate: instantSchema,
      reservationStatus: z.enum(['confirmed', 'cancelled']),
    }),
  ),
  updatedAt: instantSchema,
}) satisfies z.ZodType<OrderReply>;
const orderExample = {
  orderId: sample.orderId,
  userId: sample.userId,
  performanceId: sample.performanceId,
  orderDate: paidAt,
  totalAmount: 77000,
  orderStatus: 'paid' as const,
  failureReason: null,
  items: [{ ...whereExample, quantity: 1 as const, price: 77000, ...seatNamesExample }],
  payment: {
    paymentId: sample.paymentId,
    amount: 77000,
    paymentStatus: 'completed' as const,
    paymentDate: paidAt,
    points: [{ userId: sample.userId, amount: 77000 }],
  },
  reservations: [
    {
      reservationId: sample.reservationId,
      ...whereExample,
      reservationDate: paidAt,
      reservationStatus: 'confirmed' as const,
    },
  ],
  updatedAt: paidAt,
};

export const order = documented('Order', orderSchema.extend(asOfField), orderExample);
export const changedOrder = documented('ChangedOrder', orderSchema.extend({ position: positionSchema }), {
  ...orderExample,
  position: 4730,
});

export const reservation = documented(
  'Reservation',
  z.strictObject({
    reservationId: z.string(),
    userId: userIdSchema,
    orderId: orderIdSchema,
    ...where,
    performanceId: performanceIdSchema,
    performanceName: z.string().nullable(),
    startsAt: instantSchema.nullable(),
    venueName: z.string().nullable(),
    ...seatNames,
    price: pointsSchema,
    reservationDate: instantSchema,
    reservationStatus: z.enum(['confirmed', 'cancelled']),
  }) satisfies z.ZodType<ReservationReply>,
  {
    reservationId: sample.reservationId,
    userId: sample.userId,
    orderId: sample.orderId,
    ...whereExample,
    performanceId: sample.performanceId,
    performanceName: 'Strings on a Winter Night',
    startsAt: '2026-12-05T10:00:00.000Z',
    venueName: 'Hangang Little Hall',
    ...seatNamesExample,
    price: 77000,
    reservationDate: paidAt,
    reservationStatus: 'confirmed',
  },
);
