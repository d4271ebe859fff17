import type { Database, Statement } from '../../platform/sqlite.js';
import {
  asPosition,
  type RecordedEvent,
  type StoredEvent,
  type StoredLog,
  StoreUnavailable,
} from '../port.js';
import { parseFrozen, type ReadPage } from '../reading.js';
import { type LogPage } from '../subscription-loop.js';
import { canonicalPath, openForReading, reasonOf } from './log-file.js';

/** position, stream, revision, id (hex), type, data, metadata, recorded_at */
type EventRow = [number, string, number, string, string, string, string, number];
type EventQuery<Parameters extends unknown[]> = Statement<Parameters, EventRow>;

// CROSS JOIN makes SQLite start with the events, so that their order needs no sorting.
const selectEvents = `
  SELECT e.position, s.name, e.revision, hex(e.id), e.type, e.data, e.metadata, e.recorded_at
  FROM events e CROSS JOIN streams s ON s.id = e.stream`;

/** No event is added to a subscription's page of this many JSON characters or more. */
const fullPageChars = 8 * 1024 * 1024;

/** Reads a log through one read-only handle: only committed events, each call from one consistent snapshot. */
export class Reader {
  private readonly newest: Statement<[], number>;
  private readonly stream: Record<ReadPage['direction'], EventQuery<[string, number, number]>>;
  private readonly category: Record<ReadPage['direction'], EventQuery<[string, number, number]>>;
  private readonly all: Record<ReadPage['direction'], EventQuery<[number, number]>>;
  private readonly tail: EventQuery<[number, number, number]>;
  /** By number of categories. */
  private readonly filteredTails = new Map<number, EventQuery<(string | number)[]>>();

  constructor(
    private readonly database: Database,
    private readonly file: string,
  ) {
    this.newest = database.prepare<[], number>('SELECT ifnull(max(position), 0) FROM events').pluck();
    const bothWays = <P extends unknown[]>(condition: string, key: string) => ({
      forwards: this.query<P>(`WHERE ${condition} ${key} >= ? ORDER BY ${key} LIMIT ?`),
      backwards: this.query<P>(`WHERE ${condition} ${key} <= ? ORDER BY ${key} DESC LIMIT ?`),
    });
    this.stream = bothWays('e.stream = (SELECT id FROM streams WHERE name = ?) AND', 'e.revision');
    this.category = bothWays('e.category = ? AND', 'e.position');
    this.all = bothWays('', 'e.position');
    this.tail = this.query('WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT ?');
  }

  /** Position of the newest event, 0 in an empty log. */
  head(): number {
    return this.reading(() => this.newest.get() ?? 0);
  }

  readStream(stream: string, page: ReadPage): RecordedEvent[] {
    return this.reading(() => this.stream[page.direction].all(stream, ...range(page)).map(toEvent));
  }

  readCategory(category: string, page: ReadPage): RecordedEvent[] {
    return this.reading(() => this.category[page.direction].all(category, ...range(page)).map(toEvent));
  }

  readAll(page: ReadPage): RecordedEvent[] {
    return this.reading(() => this.all[page.direction].all(...range(page)).map(toEvent));
  }

  /** The part of the log after a position for a subscription, up to `head`. */
  pageAfter(
    after: number,
    head: number,
    categories: ReadonlySet<string> | undefined,
    limit: number,
  ): LogPage {
    if (categories?.size === 0) return { events: [], position: head };
    return this.reading(() => {
      const rows =
        categories === undefined
          ? this.tail.iterate(after, head, limit)
          : this.filteredTail(categories.size).iterate(
              ...[...categories].flatMap((category) => [category, after, head, limit]),
              limit,
            );
      const events: RecordedEvent[] = [];
      let chars = 0;
      for (const row of rows) {
        events.push(toEvent(row));
        chars += row[5].length + row[6].length;
        if (chars >= fullPageChars) break;
      }
      const isCut = events.length === limit || chars >= fullPageChars;
      // A page that is not cut means that the rest of the log does not match.
      return { events, position: isCut ? (events.at(-1)?.position ?? after) : head };
    });
  }

  close(): void {
    this.database.close();
  }

  private query<P extends unknown[]>(rest: string): EventQuery<P> {
    return this.database.prepare<P, EventRow>(`${selectEvents} ${rest}`).raw();
  }

  /** Takes the first positions of each category from the index, and of these the first ones. */
  private filteredTail(categories: number): EventQuery<(string | number)[]> {
    const known = this.filteredTails.get(categories);
    if (known !== undefined) return known;
    const ofOne = `SELECT * FROM (SELECT position FROM events
      WHERE category = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?)`;
    const positions = Array.from({ length: categories }, () => ofOne).join(' UNION ALL ');
    const query = this.query<(string | number)[]>(
      `WHERE e.position IN (SELECT position FROM (${positions}) ORDER BY position LIMIT ?) ORDER BY e.position`,
    );
    this.filteredTails.set(categories, query);
    return query;
  }

  private reading<T>(read: () => T): T {
    if (!this.database.open) throw new StoreUnavailable('the event store is closed');
    try {
      return read();
    } catch (error) {
      throw new StoreUnavailable(`event log ${this.file} cannot be read: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** The page's bounds as SQLite integers: SQLite cannot compare with ±Infinity. */
function range(page: ReadPage): [from: number, limit: number] {
  const from = Math.min(Math.max(page.from, -1), Number.MAX_SAFE_INTEGER);
  return [from, page.limit];
}

function toEvent(row: EventRow): RecordedEvent {
  const [position, stream, revision, hexId, type, data, metadata, recordedAtMs] = row;
  return Object.freeze({
    id: toUuid(hexId),
    type,
    data: parseFrozen(data),
    metadata: parseFrozen(metadata),
    stream,
    revision,
    position: asPosition(position),
    recordedAtMs,
  });
}

function toUuid(hexId: string): string {
  const hex = hexId.toLowerCase();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

type StoredRow = [
  position: number,
  stream: string | null,
  revision: number,
  hexId: string,
  type: string,
  data: Uint8Array,
  metadata: Uint8Array,
  recordedAt: number,
  category: string,
  streamCategory: string | null,
];

// Joined on the left: an event whose stream was taken away is still in the log.
// As bytes: text that is no longer UTF-8 must not look like what it was.
const query = `
  SELECT e.position, s.name, e.revision, hex(e.id), e.type, CAST(e.data AS BLOB), CAST(e.metadata AS BLOB),
    e.recorded_at, e.category, s.category
  FROM events e LEFT JOIN streams s ON s.id = e.stream
  WHERE e.position > ? ORDER BY e.position LIMIT ?`;

/** Bytes after which a page is not filled further. */
const fullPageBytes = 8 * 1024 * 1024;

/**
 * The log in a SQLite file as it is kept there, also beside its writer.
 * @throws {EventLogRefused} when there is none, or the file is no event log of this version or is damaged.
 */
export function openSqliteStoredLog(file: string): StoredLog {
  const database = openForReading(canonicalPath(file));
  const page = database.prepare<[number, number], StoredRow>(query).raw();
  return {
    async readAfter(position, limit) {
      const events: StoredEvent[] = [];
      let bytes = 0;
      for (const row of page.iterate(position ?? Number.MIN_SAFE_INTEGER, limit)) {
        const event = toStoredEvent(row);
        events.push(event);
        bytes += event.data.length + event.metadata.length;
        if (bytes >= fullPageBytes) break;
      }
      return events;
    },
    close: async () => void database.close(),
  };
}

function toStoredEvent(row: StoredRow): StoredEvent {
  const [position, stream, revision, id, type, data, metadata, recordedAt, category, streamCategory] = row;
  return {
    position,
    stream: stream ?? '',
    revision,
    id,
    type,
    data,
    metadata,
    recordedAt: `${recordedAt}`,
    categories: [category, streamCategory ?? ''],
  };
}
