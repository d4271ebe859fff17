import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EventStore, RecordedEvent } from '../../event-store/port.js';
import { toInstant } from '../../events/ids.js';

/*
 * Log identity: each checkpoint stores the fingerprint of the log's first event and of the last event in its tables,
 * written in the transaction of the rows. Both are compared with the log in use before anything is projected or served,
 * so that another log, an older backup of the same log or an empty log never counts as "caught up".
 */

/** The fields that identify an event. Its id is not enough: ids derive from command ids, so two logs may share them. */
type Recorded = Pick<RecordedEvent, 'position' | 'stream' | 'revision' | 'id' | 'recordedAtMs'>;

/** The part of the event store that the comparison needs. */
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
  /** The last event in the tables; null in tables of an earlier release until their next event. */
  last: lastEventSchema.nullable(),
});

/** The log from which tables were built, and the last event in them. */
export type MadeFrom = z.infer<typeof madeFromSchema>;

/** Equal only for the same event of the same log. */
function fingerprintOf({ position, stream, revision, id, recordedAtMs }: Recorded): string {
  const text = JSON.stringify([position, stream, revision, id, recordedAtMs]);
  return createHash('sha256').update(text).digest('base64url');
}

/** Fingerprint of the log's first event, which distinguishes logs; undefined while the log is empty. */
export async function fingerprintOfLog(log: Pick<EventStore, 'readAll'>): Promise<string | undefined> {
  const [first] = await log.readAll({ limit: 1 });
  return first && fingerprintOf(first);
}

/** The JSON that a checkpoint stores. @param last the last event in its tables; null when it is unknown. */
export function madeFromText(log: string, last: RecordedEvent | null): string {
  const { stream, revision, position, recordedAtMs } = last ?? {};
  const kept = last && { stream, revision, position, recordedAtMs, fingerprint: fingerprintOf(last) };
  return JSON.stringify({ log, last: kept });
}

/** @returns `unreadable` when {@link madeFromText} did not write it; not thrown, since a rebuild must be able to replace it. */
export function madeFromOf(stored: unknown): MadeFrom | 'unreadable' {
  const { success, data } = madeFromSchema.safeParse(stored);
  return success ? data : 'unreadable';
}

/** The part of a projection's checkpoint that the comparison needs. */
export interface MadeTables {
  /** Name of the projection. */
  readonly name: string;
  readonly position: number;
  /** Null in tables of an earlier release. */
  readonly madeFrom: MadeFrom | 'unreadable' | null;
}

/** Tables whose checkpoint can be compared with a log. */
interface ComparableTables extends MadeTables {
  readonly madeFrom: MadeFrom | null;
}

/** Whether the checkpoint can be compared with a log; otherwise its tables must be rebuilt. */
export function isComparable(tables: MadeTables): tables is ComparableTables {
  return Number.isSafeInteger(tables.position) && tables.madeFrom !== 'unreadable';
}

/** Tables and log do not belong together. */
export interface Misfit {
  /**
   * `damaged-checkpoint`: it holds a number that is not a valid position, or text about its log that cannot be read;
   * that says nothing about the log.
   * `empty-log`: the tables contain events, and the log is empty. `older-log`: the log lacks events that the tables
   * contain. `other-log`: the log has other events in their place.
   */
  readonly kind: 'damaged-checkpoint' | 'empty-log' | 'older-log' | 'other-log';
  /** What does not match, without a full stop. */
  readonly found: string;
  /** The same with what to do, as one sentence. */
  readonly sentence: string;
}

/** Thrown instead of projecting into, or serving, tables of another log. */
export class TablesOfAnotherLog extends Error {
  override readonly name = 'TablesOfAnotherLog';
  constructor(readonly misfit: Misfit) {
    super(misfit.sentence);
  }
}

const remedy =
  'bring back the log that the tables were made from (check EVENTSTORE_URL, DATABASE_URL and DATA_DIR), or, if this ' +
  'log is the right one, run "boxoffice rebuild --all" and restart every process';

/**
 * Compares tables with the log in use. The checkpoints must be read before the log, which only grows.
 * @returns undefined when they belong together, as far as the checkpoints show.
 */
export async function misfitOf(log: ComparedLog, tables: readonly MadeTables[]): Promise<Misfit | undefined> {
  const damaged = tables.find((one) => !isComparable(one));
  if (damaged) {
    const { name, position, madeFrom } = damaged;
    const found =
      madeFrom === 'unreadable'
        ? `What read model ${name} says about the log it was made from cannot be read`
        : `Read model ${name} is at position ${position}, which no log can have`;
    const sentence = `${found}: run "boxoffice rebuild --all" and restart every process.`;
    return { kind: 'damaged-checkpoint', found, sentence };
  }
  // 0 and -1 are before the first event.
  const made = tables.filter(isComparable).filter(({ position }) => position > 0);
  if (made.length === 0) return undefined;
  const [first] = await log.readAll({ limit: 1 });
  const head = await log.head();
  if (!first || head === undefined) {
    const [one] = made;
    return misfit('empty-log', `The log is empty, but read model ${one?.name} was made from ${upTo(one)}`);
  }
  const seen = new Set<string>();
  for (const one of made) {
    // Most checkpoints are equal, because they were written together.
    const text = JSON.stringify([one.position, one.madeFrom]);
    if (seen.has(text)) continue;
    seen.add(text);
    const found = await differenceOf(log, one, { first, head });
    if (found) return found;
  }
  return undefined;
}

/** A mismatch about which an operator has to decide. */
export function misfit(kind: Misfit['kind'], found: string): Misfit {
  return { kind, found, sentence: `${found}: ${remedy}.` };
}

/** Why tables do not belong to this log; undefined when they do. */
async function differenceOf(
  log: ComparedLog,
  tables: ComparableTables,
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

function notTheOne(tables: ComparableTables): string {
  return `The log is not the one that read model ${tables.name} was made from (${upTo(tables)})`;
}

function upTo(tables: ComparableTables | undefined): string {
  const { position, madeFrom } = tables ?? { position: 0, madeFrom: null };
  const last = madeFrom?.last;
  // A process of an earlier release moves the position alone.
  if (!last || last.position < position) return `events up to position ${position}`;
  return `events up to position ${last.position}, written ${at(last.recordedAtMs)}`;
}

function at(ms: number): string {
  return toInstant(ms);
}
