import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Expected versions as EventStoreDB counts them: a revision, or one of these. */
export const expectNoStream = -1;
export const expectAny = -2;
export const expectStreamExists = -4;

/** Stands for Int64.MaxValue in stream metadata: nothing of a softly deleted stream is visible. */
const deletedBefore = Number.MAX_SAFE_INTEGER;

type Check =
  | { readonly kind: 'ok'; readonly isSoftDeleted: boolean }
  | { readonly kind: 'idempotent'; readonly last: LogRecord }
  | { readonly kind: 'wrong'; readonly current: number }
  | { readonly kind: 'deleted' };

/**
 * EventStoreDB's log: one order over all streams, positions that count bytes, revisions, the server's rules for
 * expected versions, idempotency, soft deletes and tombstones. Keeps everything in memory.
 */
export class Log {
  readonly records: LogRecord[] = [];
  private readonly streams = new Map<string, StreamState>();
  private readonly byId = new Map<string, LogRecord>();
  private readonly waiting = new Set<() => void>();
  /** Where the next record will begin. */
  endPosition = 0;

  /** @param keep Makes a write durable before it becomes visible. */
  constructor(private readonly keep: (write: Write) => void = () => {}) {}

  /** Restores what was given to `keep` before. */
  restore(write: Write): void {
    this.apply(write);
  }

  stream(name: string): StreamState | undefined {
    return this.streams.get(name);
  }

  /** Revision of the first visible event. */
  firstVisible(stream: StreamState): number {
    const byCount = stream.maxCount === undefined ? 0 : stream.records.length - stream.maxCount;
    return Math.max(0, stream.truncateBefore, byCount);
  }

  isSoftDeleted(stream: StreamState | undefined): boolean {
    return stream?.truncateBefore === deletedBefore;
  }

  /** Appends all events or none. */
  append(name: string, expected: number, events: readonly ProposedEvent[]): WriteOutcome {
    const check = this.check(
      name,
      expected,
      events.map((event) => event.id),
    );
    if (check.kind === 'idempotent') {
      return { kind: 'idempotent', revision: check.last.revision, position: check.last.position };
    }
    if (check.kind !== 'ok') return check;
    const current = this.current(name);
    // Writing to a softly deleted stream opens it again; what was there stays hidden.
    if (check.isSoftDeleted) this.setMetadata(name, { $tb: current + 1 });
    if (events.length === 0) return { kind: 'written', revision: current, position: undefined };
    const last = this.write(name, events);
    return { kind: 'written', revision: last.revision, position: last.position };
  }

  /** Deletes a stream: softly (it can be written to again) or for good. */
  remove(name: string, expected: number, isTombstone: boolean): WriteOutcome {
    const check = this.check(name, expected, []);
    if (check.kind === 'wrong' || check.kind === 'deleted') return check;
    const last = isTombstone
      ? this.write(name, [systemEvent('$streamDeleted', '')], true)
      : this.setMetadata(name, { $tb: deletedBefore });
    return { kind: 'written', revision: last.revision, position: last.position };
  }

  /** Index of the first record at or behind a position. */
  indexAt(position: number): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.records[middle]?.position ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether a record begins at a position, or the log ends there or before. */
  isBoundary(position: number): boolean {
    return position >= this.endPosition || this.records[this.indexAt(position)]?.position === position;
  }

  /** Resolves at the next write. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  private current(name: string): number {
    return (this.streams.get(name)?.records.length ?? 0) - 1;
  }

  /** The order of the questions is the server's: see "Idempotency" in EventStoreDB's documentation of appending. */
  private check(name: string, expected: number, ids: readonly string[]): Check {
    const stream = this.streams.get(name);
    const current = this.current(name);
    const isSoftDeleted = this.isSoftDeleted(stream);
    if (stream?.isTombstoned) return { kind: 'deleted' };
    if (expected === expectStreamExists) {
      if (isSoftDeleted) return { kind: 'deleted' };
      if (current < 0 && !this.streams.has(`$$${name}`)) return { kind: 'wrong', current };
    }
    if (expected === expectAny || expected === expectStreamExists) {
      return this.checkAnywhere(name, ids, isSoftDeleted);
    }
    if (expected > current) return { kind: 'wrong', current };
    if (expected === current) return { kind: 'ok', isSoftDeleted };
    const held = ids.filter((id, at) => stream?.records[expected + 1 + at]?.id === id);
    const last = stream?.records[expected + ids.length];
    if (ids.length > 0 && held.length === ids.length && last) return { kind: 'idempotent', last };
    if (held.length === 0 && expected === expectNoStream && isSoftDeleted)
      return { kind: 'ok', isSoftDeleted };
    return { kind: 'wrong', current };
  }

  private checkAnywhere(name: string, ids: readonly string[], isSoftDeleted: boolean): Check {
    const held = ids.map((id) => this.byId.get(id)).filter((record) => record?.stream === name);
    const last = held.at(-1);
    if (last && held.length === ids.length) return { kind: 'idempotent', last };
    const isFirstKnown = this.byId.get(ids[0] ?? '')?.stream === name;
    return isFirstKnown ? { kind: 'wrong', current: this.current(name) } : { kind: 'ok', isSoftDeleted };
  }

  private setMetadata(name: string, metadata: { readonly $tb: number }): LogRecord {
    return this.write(`$$${name}`, [systemEvent('$metadata', JSON.stringify(metadata))]);
  }

  private write(stream: string, events: readonly ProposedEvent[], isTombstone = false): LogRecord {
    const write = { stream, events, createdMs: Date.now(), isTombstone };
    this.keep(write);
    return this.apply(write);
  }

  private apply({ stream: name, events, createdMs, isTombstone }: Write): LogRecord {
    const stream = this.opened(name);
    let last: LogRecord | undefined;
    for (const event of events) {
      const position = this.endPosition;
      this.endPosition += 96 + name.length + event.type.length + event.data.length + event.metadata.length;
      const revision = isTombstone ? Number.MAX_SAFE_INTEGER : stream.records.length;
      last = { ...event, stream: name, revision, position, endPosition: this.endPosition, createdMs };
      this.records.push(last);
      if (!isTombstone) stream.records.push(last);
      this.byId.set(event.id, last);
    }
    if (last === undefined) throw new Error('a write has events');
    stream.isTombstoned ||= isTombstone;
    if (name.startsWith('$$')) this.applyMetadata(this.opened(name.slice(2)), last);
    for (const wake of this.waiting) wake();
    this.waiting.clear();
    return last;
  }

  private applyMetadata(target: StreamState, record: LogRecord): void {
    // Clients may write Int64.MaxValue themselves, which loses its last digits here and is caught by min().
    const metadata = JSON.parse(Buffer.from(record.data).toString()) as { $tb?: number; $maxCount?: number };
    target.truncateBefore = Math.min(metadata.$tb ?? 0, deletedBefore);
    target.maxCount = metadata.$maxCount;
  }

  private opened(name: string): StreamState {
    const known = this.streams.get(name);
    if (known) return known;
    const stream = { records: [], isTombstoned: false, truncateBefore: 0, maxCount: undefined };
    this.streams.set(name, stream);
    return stream;
  }
}

/** An event the server writes itself. */
export function systemEvent(type: string, data: string): ProposedEvent {
  const metadata = new Uint8Array();
  return { id: crypto.randomUUID(), type, isJson: data !== '', data: Buffer.from(data), metadata };
}

export interface ProposedEvent {
  /** UUID in lower case. */
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface LogRecord extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  /** Where the record begins in the log; `endPosition` is where the next one does. */
  readonly position: number;
  readonly endPosition: number;
  readonly createdMs: number;
}

export interface StreamState {
  readonly records: LogRecord[];
  isTombstoned: boolean;
  /** `$tb`: revisions below are invisible. */
  truncateBefore: number;
  /** `$maxCount`: only so many of the last events are visible. */
  maxCount: number | undefined;
}

/** One write as stored: all of its events, or none. */
export interface Write {
  readonly stream: string;
  readonly events: readonly ProposedEvent[];
  readonly createdMs: number;
  readonly isTombstone: boolean;
}

export type WriteOutcome =
  | {
      readonly kind: 'written' | 'idempotent';
      readonly revision: number;
      readonly position: number | undefined;
    }
  | { readonly kind: 'wrong'; readonly current: number }
  | { readonly kind: 'deleted' };

interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  /** Base64. */
  readonly data: string;
  /** Base64. */
  readonly metadata: string;
}

export interface OpenLog {
  readonly log: Log;
  close(): void;
}

/**
 * Opens a log, kept in a file when one is named: a line per write, in the hands of the operating system before
 * the write is answered, so that it outlives a killed process (not a power cut).
 */
export function openLog(file?: string): OpenLog {
  if (file === undefined) return withSystemEvents({ log: new Log(), close: () => {} });
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const descriptor = openSync(file, 'a');
  const log = new Log((write) => writeSync(descriptor, `${lineOf(write)}\n`));
  // Text after the last line break is a write that a kill interrupted.
  for (const line of lines.slice(0, -1)) if (line !== '') log.restore(parseWrite(line));
  if ((lines.at(-1) ?? '') !== '') writeSync(descriptor, '\n');
  return withSystemEvents({ log, close: () => closeSync(descriptor) });
}

/** A server's $all is never empty: it has written its own events before anybody can connect. */
function withSystemEvents(opened: OpenLog): OpenLog {
  if (opened.log.records.length === 0) opened.log.append('$users', -1, [systemEvent('$User', '"$admin"')]);
  return opened;
}

function lineOf(write: Write): string {
  const events = write.events.map(
    (event): StoredEvent => ({
      ...event,
      data: Buffer.from(event.data).toString('base64'),
      metadata: Buffer.from(event.metadata).toString('base64'),
    }),
  );
  return JSON.stringify({ ...write, events });
}

function parseWrite(line: string): Write {
  let write: Omit<Write, 'events'> & { readonly events: readonly StoredEvent[] };
  try {
    write = JSON.parse(line);
  } catch {
    throw new Error(`a damaged line in the log file: ${line.slice(0, 80)}`);
  }
  const events = write.events.map(
    (event): ProposedEvent => ({
      ...event,
      data: Buffer.from(event.data, 'base64'),
      metadata: Buffer.from(event.metadata, 'base64'),
    }),
  );
  return { ...write, events };
}
