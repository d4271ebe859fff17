import { type CatalogDocument, catalogDocumentSchema } from '../../src/domain/catalog-document.js';
import { seatIdSchema } from '../../src/events/ids.js';

export const seat = (id: string) => ({
  seatId: seatIdSchema.parse(id),
  number: id.slice(-20),
  category: 'R',
  x: 0,
  y: 0,
});
export const row = (...ids: string[]) => ({ label: 'A', seats: ids.map(seat) });
export const section = (sectionId: string, ...ids: string[]) => ({
  sectionId,
  name: sectionId,
  rows: [row(...ids)],
});
export const manyIds = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`);

export const hall = { id: 'hall', name: 'Hall', location: '', sections: [section('main', 'A-1', 'A-2')] };
export const show = {
  id: 'show',
  venue: 'hall',
  name: 'Show',
  description: '',
  startDate: '2026-10-01',
  endDate: '2026-10-02',
  prices: [{ category: 'R', price: 1000 }],
  schedules: [{ id: 'show-1', startsAt: '2026-10-01T10:00:00.000Z', status: 'scheduled' }],
};
export const document = (changes: object): CatalogDocument =>
  catalogDocumentSchema.parse({
    format: 'boxoffice-catalog',
    version: 1,
    source: 'test',
    venues: [hall],
    performances: [show],
    ...changes,
  });
