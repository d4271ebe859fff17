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

/** The part of a list of things in time: what is ahead of a moment, or what is past. */
interface Part {
  readonly kind: 'ahead' | 'past';
  /** When the first page was asked for: it divides the parts on all pages. */
  readonly now: Instant;
  /** Key and id of the last row before; null at the start of the part. */
  readonly after: readonly [string, string] | null;
  /** Rows to read at most. */
  readonly limit: number;
}

/** Cursors of {@link aheadFirst}: the moment of the first page, the part, and the last row's key and id. */
export function aheadCursor(key: z.ZodType<string>) {
  return z.tuple([instantSchema, z.enum(['ahead', 'past']), key, z.string().max(64)]);
}

/**
 * A page of a list that begins with what is to come, earliest first, followed by what is past, latest first. Its cursors
 * carry the moment of the first page, so that nothing changes sides between two pages.
 * @param read rows of a part, in its order.
 * @param keyOf the key of a row, and an id for equal ones.
 * @throws {InvalidCursor}
 */
export async function aheadFirst<Row, Item>(
  page: PageRequest,
  now: Instant,
  list: {
    /** Of this list, so that it takes no other's cursors. */
    readonly cursor: ReturnType<typeof aheadCursor>;
    readonly read: (part: Part) => Promise<readonly Row[]>;
    readonly keyOf: (row: Row, kind: Part['kind']) => readonly [string, string];
    readonly item: (row: Row) => Item;
  },
): Promise<Page<Item>> {
  const [since, first, ...after] = decodeCursor(page.cursor, list.cursor) ?? [now, 'ahead' as const];
  const wanted = rowsToRead(page);
  const rows: { readonly row: Row; readonly kind: Part['kind'] }[] = [];
  for (const kind of ['ahead', 'past'] as const) {
    if (rows.length === wanted || (kind === 'ahead' && first === 'past')) continue;
    const start = kind === first && after.length === 2 ? after : null;
    const found = await list.read({ kind, now: since, after: start, limit: wanted - rows.length });
    rows.push(...found.map((row) => ({ row, kind })));
  }
  return toPage(
    rows,
    page,
    ({ row }) => list.item(row),
    ({ row, kind }) => [since, kind, ...list.keyOf(row, kind)],
  );
}

/** Something that has not ended, such as an order. */
export interface OpenItem<Id> {
  readonly id: Id;
  /** Of its last change. Together with the id its place in a list. */
  readonly updatedAt: Instant;
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
