/**
 * Branded identifiers: a `SeatId` can never be passed where an `OrderId` is meant.
 * At run time each is a plain string; the schemas below are the only way to mint one from input.
 */
import { z } from 'zod';

const uuid = z.guid().meta({ format: 'uuid' });

export const userIdSchema = uuid.brand<'UserId'>();
export type UserId = z.infer<typeof userIdSchema>;

export const sessionIdSchema = uuid.brand<'SessionId'>();
export type SessionId = z.infer<typeof sessionIdSchema>;

export const chargeIdSchema = uuid.brand<'ChargeId'>();
export type ChargeId = z.infer<typeof chargeIdSchema>;

/** The payment system's own identifier of a payment: opaque to us. */
export const paymentIdSchema = z.string().min(1).max(100).brand<'PaymentId'>();
export type PaymentId = z.infer<typeof paymentIdSchema>;

export const venueIdSchema = uuid.brand<'VenueId'>();
export type VenueId = z.infer<typeof venueIdSchema>;

export const performanceIdSchema = uuid.brand<'PerformanceId'>();
export type PerformanceId = z.infer<typeof performanceIdSchema>;

export const scheduleIdSchema = uuid.brand<'ScheduleId'>();
export type ScheduleId = z.infer<typeof scheduleIdSchema>;

/** The venue plan's own name of a seat ("A-12"): unique within its venue, printable, no spaces at the ends. */
export const seatIdSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u, 'must be printable text without spaces at its ends')
  .brand<'SeatId'>();
export type SeatId = z.infer<typeof seatIdSchema>;

export const tokenIdSchema = uuid.brand<'TokenId'>();
export type TokenId = z.infer<typeof tokenIdSchema>;

export const holdIdSchema = uuid.brand<'HoldId'>();
export type HoldId = z.infer<typeof holdIdSchema>;

export const orderIdSchema = uuid.brand<'OrderId'>();
export type OrderId = z.infer<typeof orderIdSchema>;

/** Some seats of one order that are given back together. */
export const refundIdSchema = uuid.brand<'RefundId'>();
export type RefundId = z.infer<typeof refundIdSchema>;

/** The public part of an operator's key, by which it is found. */
export const operatorKeyIdSchema = z
  .string()
  .regex(/^[0-9a-f]{12}$/, 'must be the id of an operator’s key: 12 hexadecimal digits')
  .brand<'OperatorKeyId'>();
export type OperatorKeyId = z.infer<typeof operatorKeyIdSchema>;

/** What an operator is called in the log for good. A short name of the staff directory, not a full name. */
export const operatorNameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$/,
    'must be 1 to 40 lower-case letters, digits and . _ - between them',
  )
  .brand<'OperatorName'>();
export type OperatorName = z.infer<typeof operatorNameSchema>;

/** A moment as ISO-8601 UTC with milliseconds: always 24 characters, so text order is time order. */
export const instantSchema = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
    'must be a UTC time such as 2026-11-22T09:00:00.000Z',
  )
  .meta({ format: 'date-time' })
  .brand<'Instant'>();
export type Instant = z.infer<typeof instantSchema>;

/** An amount of points: a whole number, never negative. 1 point is the smallest unit of account. */
export const pointsSchema = z.number().int().min(0).max(1_000_000_000_000);

/** `date` as an {@link Instant}. */
export function toInstant(date: Date | number): Instant {
  // toISOString() yields exactly the pattern the schema checks.
  return new Date(date).toISOString() as Instant;
}

/** `instant` moved by `ms` milliseconds. */
export function addMs(instant: Instant, ms: number): Instant {
  return toInstant(Date.parse(instant) + ms);
}

/** The earlier of two moments. */
export function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

/** A name: in Unicode's NFC form, so that equal words are equal texts, without spaces at its ends. */
export const nfcText = (max: number) =>
  z
    .string()
    .overwrite((value) => value.normalize('NFC').trim())
    .min(1)
    .max(max);
