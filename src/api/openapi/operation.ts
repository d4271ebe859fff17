import { z } from 'zod';
import type { ProblemCode } from '../problems/problem-kinds.js';

/** A JSON shape with a name of its own in the document, and an example that fits it. */
export interface Documented {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly example: unknown;
}

/** Gives a shape its name and its example. */
export function documented<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  example: z.input<Schema>,
): Documented & { readonly schema: Schema } {
  return { name, schema, example };
}

/** A page of something documented. */
export function pageOf({ name, schema, example }: Documented): Documented {
  return {
    name: `${name}Page`,
    schema: z.strictObject({
      items: z.array(schema),
      nextCursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
    }),
    example: { items: [example], nextCursor: null },
  };
}

export const positionSchema = z
  .number()
  .int()
  .nullable()
  .describe('Log position of the effect: send it as X-Wait-For-Position to read your own write.');

/** Ids used throughout the examples, so that they tell one story. */
export const sample = {
  userId: '0b8f8f5e-1f0a-5c43-9a52-6f2f0c6f5b11',
  venueId: '5a2d9d0c-7a53-5c2a-8f6e-2f1f5be0a001',
  performanceId: '9d3f1c52-0c39-5a0e-b3de-4a8f6a0b1c02',
  scheduleId: 'c7e4a9b8-5d21-5f7b-9a3c-7e1d2b4c6d03',
  tokenId: 'e1b5c6d7-8f90-5a1b-8c2d-3e4f5a6b7c04',
  holdId: 'f2c6d7e8-9012-5b3c-9d4e-5f6a7b8c9d05',
  orderId: 'a3d7e8f9-0123-5c4d-8e5f-6a7b8c9d0e06',
  paymentId: 'b4e8f90a-1234-5d5e-9f60-7b8c9d0e1f07',
  chargeId: 'd6f0a12c-3456-5f70-a182-9d0e1f2a3b08',
  reservationId: 'e7a1b23d-4567-5081-b293-0e1f2a3b4c09',
} as const;

/** What the code cannot say about an endpoint by itself. Inputs, guards and their refusals are read from it. */
export interface Operation {
  readonly tag: 'Account' | 'Wallet' | 'Catalog' | 'Queue' | 'Booking' | 'Operators' | 'Health';
  readonly summary: string;
  readonly description?: string;
  /** A valid body, if it takes one. */
  readonly requestExamples?: Readonly<Record<string, unknown>>;
  /** Successful replies by status. */
  readonly replies: Readonly<Record<number, Reply>>;
  /** Refusals beyond those of its guards and inputs. */
  readonly problems?: readonly ProblemCode[];
  /** True: needs an Idempotency-Key. */
  readonly isIdempotent?: boolean;
  /** True: may carry Last-Event-ID. */
  readonly isResumable?: boolean;
  /** Types of a body that is taken as it comes. */
  readonly bodyTypes?: readonly string[];
}

export type Reply =
  | { readonly kind: 'json'; readonly description: string; readonly body: Documented }
  | { readonly kind: 'events'; readonly description: string; readonly example: string }
  | { readonly kind: 'text'; readonly description: string; readonly example: string }
  | { readonly kind: 'empty'; readonly description: string };

/** A JSON reply. */
export function json(description: string, body: Documented): Reply {
  return { kind: 'json', description, body };
}

/** Of reads that can show the past. */
export const pastDescription =
  '`at` (a time with its zone, or a log position) shows what was known then: everything decided at or before that time, or recorded at or before that position.';

/** Operations by method and path as the router spells it: `GET /v1/orders/:orderId`. */
export type Operations = Readonly<Record<string, Operation>>;
