import type { PerformanceDetails, ScheduleDetails } from '../../domain/catalog.js';
import type { EventStore } from '../../event-store/port.js';
import type { Instant, PerformanceId, ScheduleId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type Place, upTo } from './moment.js';
import type { Moment } from './port.js';
import { ofTypes, readStream } from './stored-event.js';

/** Details as published last before a moment. */
export interface Published<Details> {
  readonly details: Details;
  /** Of the publication that counts. */
  readonly place: Place;
  /** Of the very first publication: nothing that belongs to it is older. */
  readonly first: Place;
}

/** What was published as of a moment, or since when anything is. */
export type PublishedThen<Details> =
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
  events: readonly (Place & { readonly data: Details })[],
  moment: Moment,
): PublishedThen<Details> {
  const [first] = events;
  if (!first) return { kind: 'unknown' };
  const last = upTo(events, moment).at(-1);
  if (!last) return { kind: 'not-yet', since: first.at };
  return { kind: 'known', details: last.data, place: last, first };
}
