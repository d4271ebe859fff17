import type { DomainEvent } from '../../../events/registry.js';

/** Streams of the things an id names. */
const categoriesOf: Readonly<Record<string, readonly string[]>> = {
  userId: ['user', 'wallet'],
  chargeId: ['charge'],
  tokenId: ['token'],
  orderId: ['order'],
  performanceId: ['performance', 'queue', 'admission'],
  scheduleId: ['schedule'],
  venueId: ['venue'],
};

/** Most links of one event. */
const maxLinks = 50;

/**
 * The streams that an event's data is about, in the order of its fields, without the one it lies in.
 * @param own the event's stream.
 */
export function linksOf(data: DomainEvent['data'], own: string): string[] {
  const links = new Set<string>();
  collect(data, links);
  links.delete(own);
  return [...links].slice(0, maxLinks);
}

function collect(data: Readonly<Record<string, unknown>>, links: Set<string>): void {
  const { scheduleId, seatId, seatIds } = data;
  for (const seat of [seatId, ...(Array.isArray(seatIds) ? seatIds : [])]) {
    if (typeof scheduleId === 'string' && typeof seat === 'string') links.add(`seat-${scheduleId}.${seat}`);
  }
  for (const [field, value] of Object.entries(data)) {
    if (typeof value !== 'string') continue;
    for (const category of categoriesOf[field] ?? []) links.add(`${category}-${value}`);
  }
  if (!Array.isArray(data.items)) return;
  // An order's items: each about a seat.
  for (const item of data.items as readonly Readonly<Record<string, unknown>>[]) collect(item, links);
}
