import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EventStore, RecordedEvent } from '../../event-store/port.js';
import { toInstant } from '../../events/ids.js';

/*
 * The tables know which log they were made from. Each checkpoint keeps the fingerprint of the log's first event and of
 * the last event that is in its tables, written in the transaction of the rows. Whoever serves or projects compares
 * both with the log in use: another log, an older backup of the same one or an empty one never counts as "caught up".
 */

/** What identifies an event beyond its id, which two logs may share: ids derive from those of commands. */
type Recorded = Pick<RecordedEvent, 'position' | 'stream' | 'revision' | 'id' | 'recordedAtMs'>;

/** What of the log is read to compare it with tables. */
export type ComparedLog = Pick<EventStore, 'head' | 'readAll' | 'readStream'>;

const lastEventSchema = z.object({
  stream: z.string(),
  revision: z.number(),
  position: z.number(),
  recordedAtMs: z.number(),
  fingerprint: z.string(),
});

const madeFromSchema = z.object({
  /** Fingerprint of the log's first event. */
  log: z.string(),
  /** The last event that is in the tables; null in tables of an earlier release, until they get their next event. */
  last: lastEventSchema.nullable(),
});

/** Which log tables were made from, and how far. */
export type MadeFrom = z.infer<typeof madeFromSchema>;

/** Equal for the same event of the same log only. */
function fingerprintOf({ position, stream, revision, id, recordedAtMs }: Recorded): string {
  const text = JSON.stringify([position, stream, revision, id, recordedAtMs]);
  return createHash('sha256').update(text).digest('base64url');
}

/** The log's first event, by which a log is told from others; undefined while it is empty. */
export async function fingerprintOfLog(log: Pick<EventStore, 'readAll'>): Promise<string | undefined> {
  const [first] = await log.readAll({ limit: 1 });
  return first && fingerprintOf(first);
}

/** What a checkpoint keeps. @param last the last event in its tables; null when it is not known. */
export function madeFromText(log: string, last: RecordedEvent | null): string {
  const { stream, revision, position, recordedAtMs } = last ?? {};
  const kept = last && { stream, revision, position, recordedAtMs, fingerprint: fingerprintOf(last) };
  return JSON.stringify({ log, last: kept });
}

/** @throws {z.ZodError} when it is none of ours. */
export function parseMadeFrom(text: string): MadeFrom {
  return madeFromSchema.parse(JSON.parse(text));
}

/** A projection's checkpoint, as far as it says which log its tables were made from. */
export interface MadeTables {
  /** The projection. */
  readonly name: string;
  readonly position: number;
  /** Null in tables of an earlier release. */
  readonly madeFrom: MadeFrom | null;
}

/** Tables and log do not belong together. */
export interface Misfit {
  /**
   * `no-position`: a checkpoint holds a number that no log counts to, which says nothing about the log.
   * `empty-log`: the log has no events, and the tables have. `older-log`: events that are in the tables are missing.
   * `other-log`: the log has others in their place.
   */
  readonly kind: 'no-position' | 'empty-log' | 'older-log' | 'other-log';
  /** What does not fit, without a full stop. */
  readonly found: string;
  /** One sentence: the same, and what to do. */
  readonly sentence: string;
}

/** Thrown in place of projecting or serving tables that are not this log's. */
export class TablesOfAnotherLog extends Error {
  override readonly name = 'TablesOfAnotherLog';
  constructor(readonly misfit: Misfit) {
    super(misfit.sentence);
  }
}

const remedy =
  'bring back the log that the tables were made from (check EVENTSTORE_URL, DATABASE_URL and DATA_DIR), or, if this ' +
  'log is the right one, run "boxoffice rebuild --all" and start every process again';

/**
 * Compares tables with the log in use. The checkpoints must have been read before: a log only grows.
 * @returns undefined when they belong together, as far as the checkpoints can tell.
 */
export async function misfitOf(log: ComparedLog, tables: readonly MadeTables[]): Promise<Misfit | undefined> {
  const lost = tables.find(({ position }) => !Number.isSafeInteger(position));
  if (lost) {
    const found = `Read model ${lost.name} stands at ${lost.position}, which is no position of a log`;
    const sentence = `${found}: run "boxoffice rebuild --all" and start every process again.`;
    return { kind: 'no-position', found, sentence };
  }
  // 0 and -1 lie before the first event.
  const made = tables.filter(({ position }) => position > 0);
  if (made.length === 0) return undefined;
  const [first] = await log.readAll({ limit: 1 });
  const head = await log.head();
  if (!first || head === undefined) {
    const [one] = made;
    return misfit('empty-log', `The log is empty, but read model ${one?.name} was made from ${upTo(one)}`);
  }
  const seen = new Set<string>();
  for (const one of made) {
    // Most checkpoints were written together.
    const text = JSON.stringify([one.position, one.madeFrom]);
    if (seen.has(text)) continue;
    seen.add(text);
    const found = await differenceOf(log, one, { first, head });
    if (found) return found;
  }
  return undefined;
}

/** A misfit about which somebody has to decide. */
export function misfit(kind: Misfit['kind'], found: string): Misfit {
  return { kind, found, sentence: `${found}: ${remedy}.` };
}

/** Why tables are not this log's; undefined when they are. */
async function differenceOf(
  log: ComparedLog,
  tables: MadeTables,
  { first, head }: { readonly first: RecordedEvent; readonly head: number },
): Promise<Misfit | undefined> {
  const { name, position, madeFrom } = tables;
  if (madeFrom && madeFrom.log !== fingerprintOf(first)) {
    const where = `its first event, at position ${first.position} and written ${at(first.recordedAtMs)}, is another`;
    return misfit('other-log', `${notTheOne(tables)}, since ${where}`);
  }
  const end = Math.max(position, madeFrom?.last?.position ?? position);
  if (end > head) {
    const what = `The log ends at position ${head}, but read model ${name} was made from ${upTo(tables)}`;
    return misfit('older-log', `${what}, so it is an older backup or another log`);
  }
  if (!madeFrom?.last) return undefined;
  const { stream, revision, fingerprint } = madeFrom.last;
  const [event] = await log.readStream(stream, { from: revision, limit: 1 });
  if (event?.revision === revision && fingerprintOf(event) === fingerprint) return undefined;
  const there = event ? `another one, written ${at(event.recordedAtMs)}` : 'not there';
  const kind = event ? 'other-log' : 'older-log';
  return misfit(kind, `${notTheOne(tables)}, since event ${revision} of stream ${stream} is ${there}`);
}

function notTheOne(tables: MadeTables): string {
  return `The log is not the one that read model ${tables.name} was made from (${upTo(tables)})`;
}

function upTo(tables: MadeTables | undefined): string {
  const { position, madeFrom } = tables ?? { position: 0, madeFrom: null };
  const written = madeFrom?.last ? `, written ${at(madeFrom.last.recordedAtMs)}` : '';
  return `events up to position ${madeFrom?.last?.position ?? position}${written}`;
}

function at(ms: number): string {
  return toInstant(ms);
}
