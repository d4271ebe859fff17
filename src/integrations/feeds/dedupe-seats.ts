import type { VenueDocument } from '../../domain/catalog-document.js';
import type { ProblemList } from './feed.js';

/** `venue` with only the first of several seats that share an id; each of the others is reported. */
export function withoutRepeatedSeats(venue: VenueDocument, problems: ProblemList): VenueDocument {
  const seen = new Set<string>();
  const sections = venue.sections.map((section) => ({
    ...section,
    rows: section.rows
      .map((row) => ({
        ...row,
        seats: row.seats.filter((seat) => {
          if (!seen.has(seat.seatId)) {
            seen.add(seat.seatId);
            return true;
          }
          problems.add({
            record: `venue "${venue.id}", section "${section.sectionId}", row "${row.label}", seat "${seat.seatId}"`,
            field: 'seatId',
            reason: 'an earlier seat has this id',
            effect: 'skipped',
          });
          return false;
        }),
      }))
      .filter((row) => row.seats.length > 0),
  }));
  return { ...venue, sections: sections.filter((section) => section.rows.length > 0) };
}
