import type { PublishedSchedule } from '../../domain/catalog.js';
import type { Instant, ScheduleId } from '../../events/ids.js';
import { localTimeOf } from '../../events/local-time.js';

/** A date of a document, with the id that its organiser's id gives. */
interface WantedSchedule {
  readonly scheduleId: ScheduleId;
  readonly startsAt: Instant;
  readonly timeZone: string;
  /** A date was published under this id, on sale or not: it is that date and no other. */
  readonly isPublished: boolean;
}

export interface MatchedSchedules {
  /** By the id that the document gives: the published date that it is. */
  readonly sameAs: ReadonlyMap<ScheduleId, ScheduleId>;
  /** Published dates that the document does not have. */
  readonly absent: readonly PublishedSchedule[];
}

/**
 * Finds out which published dates of a performance a document means. Feeds that make a date's id from its time give a
 * corrected time another id: a date that is unknown is the published one of the same moment, or the only published one of
 * the same local day if the document has one unknown date on that day and that one is absent from it.
 * @param published dates that are not cancelled and may still be corrected
 */
export function matchSchedules(
  published: readonly PublishedSchedule[],
  wanted: readonly WantedSchedule[],
): MatchedSchedules {
  const named = new Set(wanted.map(({ scheduleId }) => scheduleId));
  const left = new Map(
    published.flatMap((date) => (named.has(date.scheduleId) ? [] : [[date.scheduleId, date]])),
  );
  const sameAs = new Map<ScheduleId, ScheduleId>();
  const match = (keyOf: (date: { startsAt: Instant; timeZone: string }) => string) => {
    const unknown = wanted.filter(({ scheduleId, isPublished }) => !isPublished && !sameAs.has(scheduleId));
    const byKey = groupBy([...left.values()], keyOf);
    for (const [key, dates] of groupBy(unknown, keyOf)) {
      const [date, other] = dates;
      const [candidate, second] = byKey.get(key) ?? [];
      if (!date || other || !candidate || second) continue;
      sameAs.set(date.scheduleId, candidate.scheduleId);
      left.delete(candidate.scheduleId);
    }
  };
  match(({ startsAt }) => startsAt);
  match(({ startsAt, timeZone }) => localTimeOf(startsAt, timeZone).slice(0, 10));
  return { sameAs, absent: [...left.values()] };
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}
