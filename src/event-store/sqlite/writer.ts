import { LRUCache } from 'lru-cache';
import { categoryOf } from '../../events/streams.js';
import type { Database, Statement } from '../../platform/sqlite.js';
import { decideAppend, type ExpectedHead, emptyStream, type HeadRevision } from '../append.js';

/**
 * Appends sent to the writer thread, as columns: a few long arrays are copied between threads much faster than many
 * small objects.
 */
export interface AppendBatch {
  readonly kind: 'append';
  /** The store's clock for these events, milliseconds since 1970. */
  readonly recordedAtMs: number;
  /** One entry per append. */
  readonly streams: string[];
  readonly expected: ExpectedHead[];
  readonly counts: number[];
  /** Whether the append is only made if the one before it in this batch was written. */
  readonly follows: boolean[];
  /** One entry per event, in the order of the appends. */
  readonly ids: string[];
  readonly types: string[];
  readonly data: string[];
  readonly metadata: string[];
}

export type ToWriter = AppendBatch | { readonly kind: 'close' };

export type FromWriter =
  /** The log is open; its newest event has this position, 0 when empty. */
  | { readonly kind: 'ready'; readonly head: number }
  /** The log cannot be opened. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The oldest `batches` batches are on disk; see {@link Outcomes}. */
  | { readonly kind: 'committed'; readonly batches: number; readonly outcomes: Outcomes }
  /** Nothing of the oldest `batches` batches was written. */
  | { readonly kind: 'failed'; readonly batches: number; readonly reason: string };

/** Three numbers per append, in this order: one of the codes below, revision, position. */
export type Outcomes = Float64Array;
export const outcomeSize = 3;
/** Written. Revision and position: of the append's last event. */
export const written = 0;
/** Not written, because the stream has the same events already. Revision and position: of the last of them. */
export const replayed = 1;
/** Refused. Revision: the stream's actual one, -1 for an empty stream; the position means nothing. */
export const conflict = 2;
/** Not tried, because the append that it follows was not written. Revision and position mean nothing. */
export const skipped = 3;

/**
 * Appends with which a message is full: the writer works on one message while the main thread prepares the next.
 * Appends in order stay together, so a message may have up to `maxAppendsInOrder - 1` more.
 */
export const fullBatchAppends = 64;
/** No append is added to a message of this many JSON bytes or more. */
export const fullBatchBytes = 2 * 1024 * 1024;
/** A transaction that has so many appends takes no further message. */
export const fullCommitAppends = 448;

type AppendOutcome = [code: number, revision: number, position: number];

interface StreamHead {
  /** Row in `streams`; undefined while the stream has none. */
  id: number;
  category: string;
  revision: HeadRevision;
}

const maxCachedHeads = 100_000;

/** Writes batches of appends, each call in one transaction. Synchronous: it runs in the writer thread. */
export class Writer {
  private readonly heads = new LRUCache<string, StreamHead>({ max: maxCachedHeads });
  /** Position of the newest event; undefined when it must be read again. */
  private lastPosition: number | undefined;
  private readonly begin: Statement<[]>;
  private readonly commitAll: Statement<[]>;
  private readonly findHead: Statement<[string], StreamHead>;
  private readonly addStream: Statement<[string, string]>;
  private readonly addEvent: Statement<
    [number, number, number, string, string, string, string, number, string]
  >;
  private readonly matchesId: Statement<[number, number, string], number>;
  private readonly positionAt: Statement<[number, number], number>;
  private readonly newest: Statement<[], number>;

  constructor(private readonly database: Database) {
    this.begin = database.prepare('BEGIN IMMEDIATE');
    this.commitAll = database.prepare('COMMIT');
    this.findHead = database.prepare(
      `SELECT id, category, (SELECT ifnull(max(revision), ${emptyStream}) FROM events WHERE stream = streams.id) AS revision
       FROM streams WHERE name = ?`,
    );
    this.addStream = database.prepare('INSERT INTO streams (name, category) VALUES (?, ?)');
    this.addEvent = database.prepare(
      `INSERT INTO events (position, stream, revision, id, type, data, metadata, recorded_at, category)
       VALUES (?, ?, ?, unhex(?, '-'), ?, ?, ?, ?, ?)`,
    );
    this.matchesId = database
      .prepare<[number, number, string], number>(
        `SELECT 1 FROM events WHERE stream = ? AND revision = ? AND id = unhex(?, '-')`,
      )
      .pluck();
    this.positionAt = database
      .prepare<[number, number], number>('SELECT position FROM events WHERE stream = ? AND revision = ?')
      .pluck();
    this.newest = database.prepare<[], number>('SELECT ifnull(max(position), 0) FROM events').pluck();
  }

  /** Position of the newest committed event, 0 in an empty log. */
  head(): number {
    return this.newest.get() ?? 0;
  }

  /**
   * Appends everything in one durable transaction. A refused append writes nothing and does not affect the others.
   * @throws {SqliteError} when the transaction cannot be committed; then nothing is written, and the next call starts
   * anew.
   */
  commit(batches: readonly AppendBatch[]): Outcomes {
    const appends = batches.reduce((sum, batch) => sum + batch.streams.length, 0);
    const outcomes: Outcomes = new Float64Array(appends * outcomeSize);
    try {
      this.begin.run();
      let offset = 0;
      for (const batch of batches) {
        this.appendBatch(batch, outcomes, offset);
        offset += batch.streams.length * outcomeSize;
      }
      this.commitAll.run();
      return outcomes;
    } catch (error) {
      this.heads.clear();
      this.lastPosition = undefined;
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  private appendBatch(batch: AppendBatch, outcomes: Outcomes, offset: number): void {
    let firstEvent = 0;
    let at = offset;
    let isWritten = true;
    for (const [index, stream] of batch.streams.entries()) {
      const count = batch.counts[index] ?? 0;
      const expected = batch.expected[index] ?? emptyStream;
      const isSkipped = batch.follows[index] === true && !isWritten;
      const outcome: AppendOutcome = isSkipped
        ? [skipped, emptyStream, 0]
        : this.append(batch, stream, expected, firstEvent, count);
      isWritten = outcome[0] === written;
      outcomes.set(outcome, at);
      firstEvent += count;
      at += outcomeSize;
    }
  }

  private append(
    batch: AppendBatch,
    stream: string,
    expected: number,
    firstEvent: number,
    count: number,
  ): AppendOutcome {
    const head = this.headOf(stream);
    const revision = head?.revision ?? emptyStream;
    const decision = decideAppend(revision, expected, count, (at, index) => {
      const id = batch.ids[firstEvent + index];
      return head !== undefined && id !== undefined && this.matchesId.get(head.id, at, id) === 1;
    });
    if (decision === 'conflict') return [conflict, revision, 0];
    if (decision !== 'write') {
      const position = head && this.positionAt.get(head.id, decision.replayedTo);
      return [replayed, decision.replayedTo, position ?? 0];
    }
    const target = head ?? this.createStream(stream);
    const position = this.writeEvents(batch, target, firstEvent, count);
    return [written, target.revision, position];
  }

  private headOf(stream: string): StreamHead | undefined {
    const cached = this.heads.get(stream);
    if (cached !== undefined) return cached;
    const found = this.findHead.get(stream);
    if (found !== undefined) this.heads.set(stream, found);
    return found;
  }

  private createStream(stream: string): StreamHead {
    const category = categoryOf(stream);
    const id = Number(this.addStream.run(stream, category).lastInsertRowid);
    const head = { id, category, revision: emptyStream };
    this.heads.set(stream, head);
    return head;
  }

  /** Writes events after the head, moves the head, and returns the position of the last event. */
  private writeEvents(batch: AppendBatch, head: StreamHead, firstEvent: number, count: number): number {
    let position = this.lastPosition ?? this.head();
    for (let event = firstEvent; event < firstEvent + count; event++) {
      position += 1;
      head.revision += 1;
      this.addEvent.run(
        position,
        head.id,
        head.revision,
        batch.ids[event] ?? '',
        batch.types[event] ?? '',
        batch.data[event] ?? '',
        batch.metadata[event] ?? '',
        batch.recordedAtMs,
        head.category,
      );
    }
    this.lastPosition = position;
    return position;
  }
}
