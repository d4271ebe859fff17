import { type CatalogDocument, catalogDocumentSchema } from '../domain/catalog-document.js';
import {
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
} from '../events/ids.js';
import { deriveId } from '../platform/derive-id.js';
import type { Random } from './random.js';

/** What one simulation sells: few seats, to many fans, with short deadlines. */
export interface Sale {
  readonly performances: readonly PerformanceOnSale[];
  readonly seatIds: readonly SeatId[];
  /** The organiser's feed; each call may change plan or prices. */
  feed(): CatalogDocument;
}

export interface PerformanceOnSale {
  readonly performanceId: PerformanceId;
  readonly scheduleIds: readonly ScheduleId[];
  readonly seatLimit: number;
}

const source = 'simulation';

/** Draws a sale: few seats, short holds, a small maxActive. */
export function drawSale(chance: Random, nowMs: number): Sale {
  const rows = chance.between(1, 2);
  const seatsInRow = chance.between(2, 5);
  const categories = ['R', 'S'].slice(0, rows);
  const performances = Array.from({ length: chance.chance(0.25) ? 2 : 1 }, (_, index) => ({
    id: `show ${index}`,
    dates: chance.chance(0.25) ? 2 : 1,
    sales: {
      opensAt: chance.chance(0.5) ? null : toInstant(nowMs + chance.between(1_000, 8_000)),
      seatLimitPerUser: chance.between(1, 4),
      queueCapacity: chance.between(2, 8),
      maxActive: chance.between(1, 4),
      admitPerSecond: chance.pick([0.5, 1, 3, 10]) ?? 1,
      claimWindowMs: chance.between(1_000, 5_000),
      serviceWindowMs: chance.between(3_000, 20_000),
      holdTtlMs: chance.between(1_000, 8_000),
    },
  }));
  const seatId = (row: number, column: number) => seatIdSchema.parse(`${categories[row]}-${column}`);
  const seatIds = categories.flatMap((_, row) =>
    Array.from({ length: seatsInRow }, (_, column) => seatId(row, column)),
  );
  let revision = 0;
  return {
    seatIds,
    performances: performances.map(({ id, dates, sales }) => ({
      performanceId: performanceIdSchema.parse(deriveId('performance', source, id)),
      scheduleIds: Array.from({ length: dates }, (_, date) =>
        scheduleIdSchema.parse(deriveId('schedule', source, id, `date ${date}`)),
      ),
      seatLimit: sales.seatLimitPerUser,
    })),
    feed() {
      const isFirst = revision++ === 0;
      // A later revision may drop the last seats of a row and change prices.
      const dropped = isFirst ? 0 : chance.below(seatsInRow);
      const price = isFirst ? 100 : chance.between(50, 150);
      // An editor's export may call every seat and section by new ids.
      const idPrefix = !isFirst && chance.chance(0.3) ? `export-${revision}-` : '';
      return catalogDocumentSchema.parse({
        format: 'boxoffice-catalog',
        version: 1,
        source,
        venues: [{ id: 'hall', name: 'Hall', location: 'Seoul', sections: sections() }],
        performances: performances.map(({ id, dates, sales }) => ({
          id,
          venue: 'hall',
          name: id,
          startDate: '2026-12-24',
          endDate: '2026-12-25',
          prices: [{ category: '*', price }],
          sales,
          schedules: Array.from({ length: dates }, (_, date) => ({
            id: `date ${date}`,
            startsAt: `2026-12-2${4 + date}T10:00:00.000Z`,
          })),
        })),
      });

      function sections() {
        return categories.map((category, row) => ({
          sectionId: `${idPrefix}${category}`,
          name: category,
          rows: [
            {
              label: category,
              seats: Array.from({ length: seatsInRow - (row === 0 ? dropped : 0) }, (_, column) => ({
                seatId: `${idPrefix}${seatId(row, column)}`,
                number: `${column}`,
                category,
                x: column,
                y: row,
              })),
            },
          ],
        }));
      }
    },
  };
}
