import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { RecordedEvent } from '../../../event-store/port.js';
import type { EventMetadata } from '../../../events/event.js';
import type { Instant, PerformanceId } from '../../../events/ids.js';
import { categoryOf } from '../../../events/streams.js';
import { PerformanceFilter } from './performance-filter.js';
import { Pseudonyms } from './pseudonyms.js';

/** First line of every export; bin/verify-export.mjs reads this format. */
export const exportFormat = 'boxoffice-export/1';

/**
 * The lines of one performance's export: a header, then its events in log order, without personal data. Ids of
 * people, turns, holds and orders are pseudonyms, of this export alone.
 * @param log every event of the log, page by page.
 */
export async function* exportLines(
  log: AsyncIterable<readonly RecordedEvent[]>,
  performanceId: PerformanceId,
  exportedAt: Instant,
): AsyncGenerator<string> {
  yield JSON.stringify({ format: exportFormat, performanceId, exportedAt });
  const filter = new PerformanceFilter(performanceId);
  const pseudonyms = new Pseudonyms();
  for await (const page of log) {
    for (const event of page) if (filter.matches(event)) yield exportedEvent(event, pseudonyms);
  }
}

/**
 * Ends an export: yields its lines, and one more with their digest, signed. Whoever changes a line later needs the key.
 * @param key an Ed25519 private key.
 */
export async function* signedExport(
  lines: AsyncIterable<string> | Iterable<string>,
  key: KeyObject,
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const line of lines) {
    hash.update(`${line}\n`);
    count++;
    yield line;
  }
  const digest = hash.digest('hex');
  const signature = sign(null, Buffer.from(`${exportFormat} ${digest}`), key).toString('base64');
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  yield JSON.stringify({ lines: count, digest, publicKey, signature });
}

function exportedEvent(event: RecordedEvent, pseudonyms: Pseudonyms): string {
  const { position, revision, type } = event;
  const replaced = new Set<string>();
  // Every event's data is a JSON object.
  const data = pseudonyms.dataOf(event.data as Readonly<Record<string, unknown>>, replaced);
  // Written by encodeEvent.
  const { occurredAt: at } = event.metadata as EventMetadata;
  const stream = streamOf(event.stream, pseudonyms);
  const line = JSON.stringify({ position, stream, revision, type, at, data });
  for (const id of replaced) {
    if (line.includes(id)) throw new Error(`the export of position ${position} would tell the id ${id}`);
  }
  return line;
}

function streamOf(stream: string, pseudonyms: Pseudonyms): string {
  const category = categoryOf(stream);
  if (category !== 'token' && category !== 'order') return stream;
  return `${category}-${pseudonyms.of(`${category}Id`, stream.slice(category.length + 1))}`;
}
