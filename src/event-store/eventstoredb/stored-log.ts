import type { StoredLog } from '../port.js';
import { Connection } from './connection.js';
import { Reader } from './reader.js';
import { targetOf } from './target.js';

const readTimeoutMs = 30_000;

/**
 * The log of an EventStoreDB as it is kept there.
 * @param warn told of connections given up.
 * @throws {Error} when the connection string is malformed.
 */
export function openEventStoreDbStoredLog(
  connectionString: string,
  warn: (message: string) => void,
): StoredLog {
  const connection = new Connection(targetOf(connectionString), warn);
  const reader = new Reader(connection, readTimeoutMs);
  return {
    async readAfter(position, limit) {
      if (position === undefined) return reader.readStored(undefined, limit);
      const events = await reader.readStored(position, limit + 1);
      return events.filter((event) => event.position > position).slice(0, limit);
    },
    close: async () => connection.close(),
  };
}
