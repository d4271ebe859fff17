/** What the queries of holds, orders and reservations answer. */
import { z } from 'zod';
import { standingRow } from '../../events/catalog-events.js';
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
} from '../../events/ids.js';
import { localTimeOf } from '../../events/local-time.js';
import { cancellationCauseSchema, type Sold } from '../../events/order-events.js';
import { featuresOf, seatFeatureFields } from '../../events/seat-features.js';
import { localTime, timeZone } from './catalog.js';
import { asOfField, named, type Reply, sample } from './reply.js';

const paidAt = '2026-11-22T09:03:12.480Z';
const where = { seatId: seatIdSchema, scheduleId: scheduleIdSchema };
const whereExample = { seatId: 'A-1', scheduleId: sample.scheduleId };
const seatNames = {
  sectionName: z.string().nullable(),
  row: z.string().nullable().describe('Empty for a place in a standing area.'),
  number: z.string().nullable().describe('In a standing area the entry number.'),
  seatLabel: z
    .strictObject({ en: z.string(), ko: z.string() })
    .nullable()
    .describe(
      'Section, row and number as one text for people, such as “Floor · entry no. 17” in a standing area.',
    ),
};
const seatNamesExample = {
  sectionName: 'Stalls',
  row: 'A',
  number: '1',
  seatLabel: { en: 'Stalls, row A, number 1', ko: 'Stalls A열 1번' },
};

interface SeatNames {
  readonly sectionName: string | null;
  readonly row: string | null;
  readonly number: string | null;
}

/** The names of a seat with its label, for people; null where the names are not known. */
export function seatNamesReply({ sectionName, row, number }: SeatNames) {
  return { sectionName, row, number, seatLabel: seatLabelOf(sectionName, row, number) };
}

function seatLabelOf(sectionName: string | null, row: string | null, number: string | null) {
  if (sectionName === null || row === null || number === null) return null;
  if (row === standingRow) {
    return { en: `${sectionName} · entry no. ${number}`, ko: `${sectionName} 입장번호 ${number}` };
  }
  return { en: `${sectionName}, row ${row}, number ${number}`, ko: `${sectionName} ${row}열 ${number}번` };
}

const heldSeatSchema = z
  .strictObject({
    seatId: seatIdSchema,
    ...seatNames,
    category: z.string().nullable(),
    price: pointsSchema,
    ...seatFeatureFields,
  })
  .meta({ id: 'HeldSeat' });
export type HeldSeatReply = Reply<typeof heldSeatSchema>;

/** A hold, as every reply about it shows it. */
export const holdFields = {
  holdId: holdIdSchema,
  scheduleId: scheduleIdSchema,
  seats: z.array(heldSeatSchema),
  total: pointsSchema,
  expiresAt: instantSchema.describe('Pay before this.'),
};
export const holdExample = {
  holdId: sample.holdId,
  scheduleId: sample.scheduleId,
  seats: [{ seatId: 'A-1', ...seatNamesExample, category: 'R', price: 77000 }],
  total: 77000,
  expiresAt: '2026-11-22T09:05:00.000Z',
};

export const holdReply = named(
  'Hold',
  z.strictObject({ ...holdFields, performanceId: performanceIdSchema.nullable() }),
  { ...holdExample, performanceId: sample.performanceId },
);
export type HoldReply = Reply<typeof holdReply>;

export const holdsReply = named('Holds', z.strictObject({ items: z.array(holdReply) }), {
  items: [{ ...holdExample, performanceId: sample.performanceId }],
});

const orderStatus = z.enum(['placed', 'paid', 'failed', 'cancelled', 'refunded']);
export type OrderStatus = z.infer<typeof orderStatus>;

/** Why and when a seat was given back; null while the fan has it. */
const cancellation = z
  .strictObject({
    cancelledAt: instantSchema,
    cause: cancellationCauseSchema.describe(
      'Given back by the fan or an operator, because the organiser cancelled the date, or because date or hall changed.',
    ),
    note: z.string().nullable().describe('In the words of the operator or the organiser.'),
    refund: z
      .strictObject({ amount: pointsSchema, refundedAt: instantSchema })
      .nullable()
      .describe('The points of this seat that went back; null while they are on their way.'),
  })
  .nullable();

/** What a ticket says, as it was sold. Null where neither the order nor the catalog knows it. */
const sold = {
  performanceName: z.string().nullable(),
  venueName: z.string().nullable(),
  startsAt: instantSchema.nullable(),
  startsAtLocal: localTime.nullable(),
  timeZone: timeZone.nullable(),
  ...seatNames,
  category: z.string().nullable(),
  ...seatFeatureFields,
};
const soldExample = {
  performanceName: 'Strings on a Winter Night',
  venueName: 'Hangang Little Hall',
  startsAt: '2026-12-05T10:00:00.000Z',
  startsAtLocal: '2026-12-05T19:00:00+09:00',
  timeZone: 'Asia/Seoul',
  ...seatNamesExample,
  category: 'R',
};

const present = z
  .strictObject(sold)
  .nullable()
  .describe(
    'What the catalog says now, where it differs from what was sold: the date moved, the hall was renamed. Null where it does not differ.',
  );

const orderItemSchema = z
  .strictObject({ ...where, quantity: z.literal(1), price: pointsSchema, ...sold, present, cancellation })
  .meta({ id: 'OrderItem' });
export type OrderItemReply = Reply<typeof orderItemSchema>;

/** What a ticket says, as replies show it. */
type SoldFields = NonNullable<OrderItemReply['present']>;

/** The words of a ticket; null where they are not known. */
export function soldFields(sold: Partial<Sold>): SoldFields {
  const { startsAt = null, timeZone = null } = sold;
  return {
    performanceName: sold.performanceName ?? null,
    venueName: sold.venueName ?? null,
    startsAt,
    startsAtLocal: startsAt === null ? null : localTimeOf(startsAt, timeZone ?? 'UTC'),
    timeZone,
    ...seatNamesReply({
      sectionName: sold.sectionName ?? null,
      row: sold.row ?? null,
      number: sold.number ?? null,
    }),
    category: sold.category ?? null,
    ...featuresOf(sold),
  };
}

/**
 * What the catalog says now of a seat that was sold, if it is something else; null also when the catalog does not have
 * the date, and for an order that does not say what was sold.
 */
export function presentFields(sold: Sold | null, present: Partial<Sold>): SoldFields | null {
  if (sold === null || present.startsAt === undefined) return null;
  return ticketWords.some((word) => sold[word] !== present[word]) ? soldFields(present) : null;
}

const ticketWords = [
  'performanceName',
  'venueName',
  'startsAt',
  'timeZone',
  'sectionName',
  'row',
  'number',
  'category',
  'wheelchair',
  'companionOf',
  'restrictedView',
] as const satisfies readonly (keyof Sold)[];

/** An order, as every reply about it shows it. */
export const orderFields = {
  orderId: orderIdSchema,
  userId: userIdSchema,
  performanceId: performanceIdSchema,
  orderDate: instantSchema,
  totalAmount: pointsSchema,
  refundedAmount: pointsSchema.describe('Points given back so far.'),
  orderStatus,
  failureReason: z.string().nullable(),
  items: z.array(orderItemSchema),
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
};
export const orderExample = {
  orderId: sample.orderId,
  userId: sample.userId,
  performanceId: sample.performanceId,
  orderDate: paidAt,
  totalAmount: 77000,
  refundedAmount: 0,
  orderStatus: 'paid' as const,
  failureReason: null,
  items: [
    {
      ...whereExample,
      quantity: 1 as const,
      price: 77000,
      ...soldExample,
      present: null,
      cancellation: null,
    },
  ],
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

export const orderReply = named('Order', z.strictObject({ ...orderFields, ...asOfField }), orderExample);
export type OrderReply = Reply<typeof orderReply>;

export const reservationReply = named(
  'Reservation',
  z.strictObject({
    reservationId: z.string(),
    userId: userIdSchema,
    orderId: orderIdSchema,
    ...where,
    performanceId: performanceIdSchema,
    ...sold,
    present,
    price: pointsSchema,
    reservationDate: instantSchema,
    reservationStatus: z.enum(['confirmed', 'cancelled']),
    cancellation,
    scheduleStatus: z.enum(['scheduled', 'cancelled']).nullable(),
    refundWindowUntil: instantSchema
      .nullable()
      .describe('The ticket may be given back until then, even after the performance’s own deadline.'),
  }),
  {
    reservationId: sample.reservationId,
    userId: sample.userId,
    orderId: sample.orderId,
    ...whereExample,
    performanceId: sample.performanceId,
    ...soldExample,
    present: null,
    price: 77000,
    reservationDate: paidAt,
    reservationStatus: 'confirmed',
    cancellation: null,
    scheduleStatus: 'scheduled',
    refundWindowUntil: null,
  },
);
export type ReservationReply = Reply<typeof reservationReply>;
