import { createHash, createHmac, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import type { Instant, PerformanceId } from '../../events/ids.js';
import { categoryOf } from '../../events/streams.js';

/** First line of every export; bin/verify-export.mjs reads this format. */
const exportFormat = 'boxoffice-export/1';

/**
 * The lines of one performance's export: a header, then its events in log order, without personal data. Ids of
 * people, turns, holds and orders are replaced by pseudonyms that are valid in this export only.
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
 * Signs an export: yields its lines, and a last one with their digest and signature. Changing a line then needs the key.
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
    if (line.includes(id)) throw new Error(`the export of position ${position} would contain the id ${id}`);
  }
  return line;
}

function streamOf(stream: string, pseudonyms: Pseudonyms): string {
  const category = categoryOf(stream);
  if (category !== 'token' && category !== 'order') return stream;
  return `${category}-${pseudonyms.of(`${category}Id`, stream.slice(category.length + 1))}`;
}

/** Selects the events of one performance: its dates, queue, turns, seats and orders. Call it in log order. */
class PerformanceFilter {
  readonly #schedules = new Set<unknown>();
  readonly #orders = new Set<unknown>();

  constructor(private readonly performanceId: PerformanceId) {}

  matches({ stream, data }: RecordedEvent): boolean {
    // Every event's data is a JSON object; fields it lacks are undefined.
    const { performanceId, scheduleId, orderId } = data as Readonly<Record<string, unknown>>;
    const isIts = performanceId === this.performanceId;
    switch (categoryOf(stream)) {
      case 'performance':
      case 'queue':
      case 'admission':
      case 'token':
        return isIts;
      case 'schedule':
        if (isIts) this.#schedules.add(scheduleId);
        return isIts;
      case 'seat':
        return this.#schedules.has(scheduleId);
      case 'order':
        // Only the first event of an order names the performance.
        if (isIts) this.#orders.add(orderId);
        return this.#orders.has(orderId);
      default:
        return false;
    }
  }
}

/** The prefix of pseudonyms for each field with an id. */
const prefixes: Readonly<Record<string, string>> = {
  userId: 'fan',
  tokenId: 'turn',
  orderId: 'order',
  holdId: 'hold',
};

/** Fields without personal data: only these are exported as they are. */
const openFields = new Set(
  (
    'performanceId venueId scheduleId seatId startDate endDate startsAt status seedHash sales seed shuffledCount tokensDigest beacon from to ' +
    'admittedAt expiresAt expiredAt entry numberOfTickets seatLimit place reason price total amount ' +
    'terms idleUntil coolUntil availableFrom'
  ).split(' '),
);

/**
 * Replaces ids that could identify a person, the same id always by the same pseudonym. The key is random and never
 * leaves this object, so pseudonyms cannot be reversed.
 */
class Pseudonyms {
  readonly #key = randomBytes(32);

  /** The pseudonym of an id. @param field the id's field name in events. */
  of(field: string, id: string): string {
    const word = createHmac('sha256', this.#key).update(`${field} ${id}`).digest('hex').slice(0, 20);
    return `${prefixes[field] ?? field}-${word}`;
  }

  /**
   * An event's data without personal data.
   * @param replaced collects the ids that were replaced.
   */
  dataOf(data: Readonly<Record<string, unknown>>, replaced: Set<string>): Record<string, unknown> {
    const open: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(data)) {
      if (openFields.has(field)) open[field] = value;
      if (field === 'seatIds') open[field] = value;
      if (field in prefixes && typeof value === 'string') {
        open[field] = this.of(field, value);
        replaced.add(value);
      }
      if (field === 'items' && Array.isArray(value)) {
        // The items of an order are objects.
        open[field] = value.map((item: Readonly<Record<string, unknown>>) => this.dataOf(item, replaced));
      }
    }
    return open;
  }
}
