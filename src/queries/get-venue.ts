import type { VenueId } from '../events/ids.js';
import type { SectionRow, VenueRow } from '../projections/catalog/entities.js';
import type { QueryContext } from './context.js';
import { parseNames, pickName } from './names.js';
import type { Language, VenueReply } from './replies.js';
import { decorationsOf, focusOf } from './seating-plans.js';
import { selectAll, selectFirst } from './select.js';

/** A venue with its sections; null when unknown. */
export async function getVenue(
  { db }: QueryContext,
  venueId: VenueId,
  language?: Language,
): Promise<VenueReply | null> {
  const venue = await selectFirst<VenueRow>(db, 'SELECT * FROM venues WHERE venue_id = ?', [venueId]);
  if (!venue) return null;
  const sections = await selectAll<SectionRow>(
    db,
    'SELECT * FROM sections WHERE venue_id = ? AND withdrawn = 0 ORDER BY ordinal, section_id',
    [venueId],
  );
  return {
    venueId: venue.venue_id,
    name: pickName(venue.venue_name, venue.names, language),
    names: parseNames(venue.names),
    location: venue.location,
    capacity: venue.capacity,
    seatCount: venue.seat_count,
    sections: sections.map((section) => ({
      sectionId: section.section_id,
      name: section.section_name,
      seatCount: section.seat_count,
    })),
    focus: focusOf(venue),
    decorations: decorationsOf(venue),
  };
}
