import { catalogDocumentSchema } from '../../../src/domain/catalog-document.js';
import { rowsOf } from '../../../src/events/catalog-events.js';
import { sampleCatalog } from '../../../src/integrations/feeds/sample-catalog.js';
import { problemsOf } from './feed-results.js';

const now = new Date('2026-11-22T09:00:00.000Z');
const catalog = sampleCatalog(now);
/** Without the places of standing areas. */
const seatsOf = (venueId: string) =>
  catalog.venues
    .filter((venue) => venue.id === venueId)
    .flatMap((venue) => venue.sections)
    .flatMap((section) => section.rows)
    .flatMap((row) => row.seats);
const soldIn = (venueId: string) =>
  catalog.venues
    .filter((venue) => venue.id === venueId)
    .flatMap((venue) => venue.sections)
    .flatMap(rowsOf)
    .flatMap((row) => row.seats);

describe('sample catalog', () => {
  it('is a valid document that can be published as it is', () => {
    expect(catalogDocumentSchema.parse(catalog)).toEqual(catalog);
    expect(problemsOf(catalog)).toEqual([]);
  });

  it('has a hall of 200 seats, an arena of about 15,000 and a club with 300 standing, as they state', () => {
    expect(seatsOf('moonlight-hall')).toHaveLength(200);
    expect(seatsOf('river-arena').length).toBeGreaterThan(14_500);
    expect(seatsOf('river-arena').length).toBeLessThan(15_500);
    expect([seatsOf('wave-club').length, soldIn('wave-club').length]).toEqual([24, 324]);
    for (const venue of catalog.venues) expect(venue.capacity).toBe(soldIn(venue.id).length);
    expect(seatsOf('river-arena').map((seat) => seat.seatId)).toContain('F1-A-12');
  });

  it('puts no two seats of a venue closer than a chair is wide, and neighbours in a row next to each other', () => {
    for (const venue of catalog.venues) {
      const cells = new Map<string, { x: number; y: number }[]>();
      let nearest = Number.POSITIVE_INFINITY;
      for (const { x, y } of seatsOf(venue.id)) {
        const [column, line] = [Math.floor(x / 50), Math.floor(y / 50)];
        for (let cell = 0; cell < 9; cell++) {
          const key = `${column + (cell % 3) - 1},${line + Math.floor(cell / 3) - 1}`;
          for (const other of cells.get(key) ?? [])
            nearest = Math.min(nearest, Math.hypot(other.x - x, other.y - y));
        }
        cells.set(`${column},${line}`, [...(cells.get(`${column},${line}`) ?? []), { x, y }]);
      }
      expect(nearest).toBeGreaterThan(50);
      for (const row of venue.sections.flatMap((section) => section.rows)) {
        const steps = row.seats.slice(1).map(({ x, y }, index) => {
          const left = row.seats[index] ?? { x: 0, y: 0 };
          return Math.hypot(x - left.x, y - left.y);
        });
        expect(Math.max(...steps)).toBeLessThan(65);
      }
    }
  });

  it('prices every category of its venue', () => {
    for (const performance of catalog.performances) {
      const sold = new Set(soldIn(performance.venue ?? '').map((seat) => seat.category));
      expect(new Set(performance.prices.map((price) => price.category))).toEqual(sold);
    }
  });

  it('plays in the coming weeks on evenings in Seoul, inside its dates, on sale at once', () => {
    for (const performance of catalog.performances) {
      expect(performance.sales?.opensAt).toBeNull();
      for (const { startsAt } of performance.schedules) {
        const local = new Date(Date.parse(startsAt) + 9 * 3_600_000).toISOString();
        expect(local.slice(0, 10) >= performance.startDate && local.slice(0, 10) <= performance.endDate).toBe(
          true,
        );
        expect(Number(local.slice(11, 13))).toBeGreaterThanOrEqual(17);
        const days = (Date.parse(startsAt) - now.getTime()) / 86_400_000;
        expect(days).toBeGreaterThan(4);
        expect(days).toBeLessThan(36);
      }
    }
    expect(catalog.performances.map((performance) => performance.schedules.length)).toEqual([
      1, 3, 3, 2, 1, 1,
    ]);
  });

  it('is the same all day in Seoul and moves with the day', () => {
    // 22 November in Seoul lasts from 15:00 UTC to 15:00 UTC.
    expect(sampleCatalog(new Date('2026-11-21T15:00:00.000Z'))).toEqual(catalog);
    expect(sampleCatalog(new Date('2026-11-21T14:59:59.999Z'))).not.toEqual(catalog);
    expect(sampleCatalog(new Date('2026-11-22T14:59:59.999Z'))).toEqual(catalog);
    expect(sampleCatalog(new Date('2026-11-29T09:00:00.000Z'))).not.toEqual(catalog);
  });

  it('plays on the weekdays it promises', () => {
    const weekdays = catalog.performances.map((performance) =>
      new Date(`${performance.startDate}T00:00:00Z`).getUTCDay(),
    );
    expect(weekdays).toEqual([4, 5, 0, 6, 6, 5]);
  });
});
