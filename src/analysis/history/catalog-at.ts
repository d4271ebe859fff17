import { LRUCache } from 'lru-cache';
import {
  type PerformanceDetails,
  type ScheduleDetails,
  type VenueState,
  venueDecider,
} from '../../domain/catalog.js';
import type { EventStore } from '../../event-store/port.js';
import type { PlanSection } from '../../events/catalog-events.js';
import type { Instant, PerformanceId, ScheduleId, VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type LogPosition, ofTypes, readStream, upTo } from './past-events.js';
import type { Moment } from './port.js';

/** Details as last published before a moment. */
interface Published<Details> {
  readonly details: Details;
  /** The publication that was in force. */
  readonly latest: LogPosition;
  /** The very first publication: nothing that belongs to the date or performance is older. */
  readonly first: LogPosition;
}

/** What was published as of a moment, or when it was first published. */
type PublishedThen<Details> =
  | ({ readonly kind: 'known' } & Published<Details>)
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not-yet'; readonly since: Instant };

/** A date as of a moment. */
export async function scheduleAt(
  store: EventStore,
  scheduleId: ScheduleId,
  moment: Moment,
): Promise<PublishedThen<ScheduleDetails>> {
  const events = await readStream(store, streams.schedule(scheduleId));
  return publishedAt(ofTypes(events, 'SchedulePublished'), moment);
}

/** A performance as of a moment. */
export async function performanceAt(
  store: EventStore,
  performanceId: PerformanceId,
  moment: Moment,
): Promise<PublishedThen<PerformanceDetails>> {
  const events = await readStream(store, streams.performance(performanceId));
  return publishedAt(ofTypes(events, 'PerformancePublished'), moment);
}

function publishedAt<Details>(
  events: readonly (LogPosition & { readonly data: Details })[],
  moment: Moment,
): PublishedThen<Details> {
  const [first] = events;
  if (!first) return { kind: 'unknown' };
  const last = upTo(events, moment).at(-1);
  if (!last) return { kind: 'not-yet', since: first.at };
  return { kind: 'known', details: last.data, latest: last, first };
}

/** A venue's plan after one of its events. Versions share the sections that did not change. */
interface PlanVersion extends LogPosition {
  readonly state: VenueState;
  /** Sections in the order in which they were first published. */
  readonly sections: readonly PlanSection[];
}

interface Versions {
  readonly versions: PlanVersion[];
  /** All sections the venue ever had. */
  readonly sectionIds: Set<string>;
}

/** Venues kept; the plan of one with 15,000 seats takes about 5 MB. */
const keptVenues = 24;

/** All versions of seating plans, for the venues used most recently. */
export class VenuePlans {
  readonly #venues = new LRUCache<VenueId, Promise<Versions>>({ max: keptVenues });

  constructor(private readonly store: EventStore) {}

  /** The plan as of a moment; undefined when the venue was not published then. */
  async at(venueId: VenueId, moment: Moment): Promise<PlanVersion | undefined> {
    // Reads run one after the other: two at once would append the same versions twice.
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
