import type { StoredEvent, StoredLog } from '../port.js';
import { canonicalPath, openForReading } from './log-file.js';

type EventRow = [
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
  const page = database.prepare<[number, number], EventRow>(query).raw();
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

function toStoredEvent(row: EventRow): StoredEvent {
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
