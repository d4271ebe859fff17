/** What all replies share. A reply is declared once, as a zod schema: its type and its place in the OpenAPI document follow. */
import { z } from 'zod';
import { instantSchema } from '../../events/ids.js';

/** Languages a name may be given in beside the main one. */
export type Language = 'ko' | 'en';

/** The type of a reply: what its schema describes, read-only. */
export type Reply<Schema extends z.ZodType> = Immutable<z.infer<Schema>>;

type Immutable<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Immutable<Item>[]
    : { readonly [Key in keyof T]: Immutable<T[Key]> };

/** Gives a shape its name in the OpenAPI document, and an example that fits it. */
export function named<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  example: z.input<Schema>,
): Schema {
  return schema.meta({ id: name, examples: [example] });
}

/** The name that {@link named} gave. @throws {Error} when there is none: a defect. */
export function nameOf(schema: z.ZodType): string {
  const { id } = schema.meta() ?? {};
  if (id === undefined) throw new Error('a shape of the API has no name');
  return id;
}

/** The example that {@link named} gave. */
export function exampleOf(schema: z.ZodType): unknown {
  const examples = schema.meta()?.examples;
  return Array.isArray(examples) ? examples[0] : undefined;
}

/** A page and the opaque cursor of the next one; null on the last page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** What to page by: `limit` 1..100 items after `cursor`. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
}

export const nextCursor = z
  .string()
  .nullable()
  .describe('Send it as `cursor` for the next page; null on the last.');

/** The schema of a {@link Page} of a named shape. */
export function pageOf<Schema extends z.ZodType>(item: Schema) {
  const page = z.strictObject({ items: z.array(item), nextCursor });
  return page.meta({
    id: `${nameOf(item)}Page`,
    examples: [{ items: [exampleOf(item)], nextCursor: null }],
  });
}

/** A non-negative whole number. */
export const count = z.number().int().min(0);

/** Field of a reply that may show the past. */
export const asOfField = {
  asOf: z
    .strictObject({
      position: z.number().int().describe('The last event taken into account.'),
      at: instantSchema.describe('The time asked for; for a position, when its last event was decided.'),
    })
    .optional()
    .describe('Only in an answer to `at`: the moment it shows.'),
};

/** Ids used in all examples, so that the examples belong together. */
export const sample = {
  userId: '0b8f8f5e-1f0a-5c43-9a52-6f2f0c6f5b11',
  sessionId: '7c1d2f0e-94b3-5d1a-8a44-3e1b0c9d6f22',
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
