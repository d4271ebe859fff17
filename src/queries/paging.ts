import { z } from 'zod';
import { type Instant, instantSchema } from '../events/ids.js';
import type { Page, PageRequest } from './replies/reply.js';

/** Most items of a page. */
export const maxPageSize = 100;

/** The cursor did not come from this list: the client's mistake. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
  constructor() {
    super('the cursor is not one this list has given');
  }
}

const cursorSchema = z.array(z.union([z.string(), z.number()])).max(4);

/** A position in a list as opaque text. */
export function encodeCursor(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/**
 * What {@link encodeCursor} was given, or null for the first page.
 * @param schema the parts this list's cursors have.
 * @throws {InvalidCursor}
 */
export function decodeCursor<Parts>(cursor: string | null, schema: z.ZodType<Parts>): Parts | null {
  if (cursor === null) return null;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return schema.parse(cursorSchema.parse(parts));
  } catch {
    throw new InvalidCursor();
  }
}

/** Cursors of lists ordered by a date, then an id. */
export const timeAndId = z.tuple([z.string().max(30), z.string().max(64)]);

/** Cursors of lists ordered by a moment, then an id. */
export const momentAndId = z.tuple([instantSchema, z.string().max(64)]);

/** Before and after every moment of the tables. */
export const firstMoment = '1000-01-01T00:00:00.000Z' as Instant;
export const lastMoment = '9999-12-31T23:59:59.999Z' as Instant;

/** Rows to ask the database for: one more than the page, to know whether another follows. */
export function rowsToRead({ limit }: PageRequest): number {
  return pageSize(limit) + 1;
}

/** Makes a page of up to `limit` rows out of one more. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  { limit }: PageRequest,
  item: (row: Row) => Item,
  cursorOf: (row: Row) => readonly (string | number)[],
): Page<Item> {
  const kept = rows.slice(0, pageSize(limit));
  const last = kept.at(-1);
  const more = rows.length > kept.length && last !== undefined;
  return { items: kept.map(item), nextCursor: more ? encodeCursor(cursorOf(last)) : null };
}

/** All items of a list, in pages. @param ask for the items that follow `after`; null: from the start. */
export async function* allPages<Item>(
  ask: (after: Item | null, limit: number) => Promise<readonly Item[]>,
): AsyncGenerator<readonly Item[]> {
  let after: Item | null = null;
  for (;;) {
    const page: readonly Item[] = await ask(after, itemsAtOnce);
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < itemsAtOnce) return;
    after = last;
  }
}

/** Items that {@link allPages} asks for together. */
const itemsAtOnce = 500;

function pageSize(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit), 1), maxPageSize);
}
