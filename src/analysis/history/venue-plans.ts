import { LRUCache } from 'lru-cache';
import { type VenueState, venueDecider } from '../../domain/catalog.js';
import type { EventStore } from '../../event-store/port.js';
import type { PlanSection } from '../../events/catalog-events.js';
import type { VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type Place, upTo } from './moment.js';
import type { Moment } from './port.js';
import { ofTypes, readStream } from './stored-event.js';

/** A venue's plan as one of its events left it. Versions share the sections that did not change. */
export interface PlanVersion extends Place {
  readonly state: VenueState;
  /** Sections in the order in which they were first published. */
  readonly sections: readonly PlanSection[];
}

interface Versions {
  readonly versions: PlanVersion[];
  /** Every section there ever was. */
  readonly sectionIds: Set<string>;
}

/** Venues kept; the plan of one with 15,000 seats takes about 5 MB. */
const keptVenues = 24;

/** Seating plans as they were: every version of the venues last asked for. */
export class VenuePlans {
  readonly #venues = new LRUCache<VenueId, Promise<Versions>>({ max: keptVenues });

  constructor(private readonly store: EventStore) {}

  /** The plan as of a moment; undefined when the venue was not published then. */
  async at(venueId: VenueId, moment: Moment): Promise<PlanVersion | undefined> {
    // One after the other: two readers at once would append the same versions twice.
    const before =
      this.#venues.get(venueId) ?? Promise.resolve({ versions: [], sectionIds: new Set<string>() });
    const read = before.then((versions) => this.#readOn(venueId, versions));
    this.#venues.set(venueId, read);
    read.catch(() => this.#venues.delete(venueId));
    return upTo((await read).versions, moment).at(-1);
  }

  async #readOn(venueId: VenueId, known: Versions): Promise<Versions> {
    const { versions, sectionIds } = known;
    const fresh = await readStream(this.store, streams.venue(venueId), versions.length);
    for (const event of ofTypes(fresh, 'VenuePublished', 'SectionPublished', 'SectionWithdrawn')) {
      const state = venueDecider.evolve(versions.at(-1)?.state ?? venueDecider.initialState, event);
      if (event.type === 'SectionPublished') sectionIds.add(event.data.sectionId);
      const sections = [...sectionIds].flatMap((sectionId) => state.sections.get(sectionId) ?? []);
      versions.push({ position: event.position, at: event.at, state, sections });
    }
    return known;
  }
}
