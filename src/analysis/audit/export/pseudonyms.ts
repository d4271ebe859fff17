import { createHmac, randomBytes } from 'node:crypto';

/** What stands for an id of each field in an export. */
const prefixes: Readonly<Record<string, string>> = {
  userId: 'fan',
  tokenId: 'turn',
  orderId: 'order',
  holdId: 'hold',
};

/** Fields that tell nothing about a person: only these leave the house, besides ids under a pseudonym. */
const openFields = new Set(
  (
    'performanceId venueId scheduleId seatId startDate endDate startsAt status seedHash sales seed shuffledCount from to ' +
    'admittedAt expiresAt expiredAt entry numberOfTickets seatLimit place reason price total amount'
  ).split(' '),
);

/**
 * Replaces ids that could lead to a person, the same id always by the same word. The key lives as long as this
 * object and nobody gets it, so the words lead nowhere.
 */
export class Pseudonyms {
  readonly #key = randomBytes(32);

  /** The word for an id. @param field what the id is called in events; only ids of people and their doings have one. */
  of(field: string, id: string): string {
    const word = createHmac('sha256', this.#key).update(`${field} ${id}`).digest('hex').slice(0, 20);
    return `${prefixes[field] ?? field}-${word}`;
  }

  /**
   * An event's data without what is personal.
   * @param replaced gets every id that must no longer be found.
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
