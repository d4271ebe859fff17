import { z } from 'zod';
import { decodeCursor, toPage } from '../../queries/paging.js';
import type { Language } from '../../queries/replies/reply.js';
import type { StoredEvent } from './past-events.js';
import type { Asked, HistoryReply, Person, Related, Viewer } from './port.js';
import type { Reason, Sentences } from './reasons.js';
import { english } from './sentences-english.js';
import { korean } from './sentences-korean.js';

/** An event with its meaning for a viewer. */
export interface TimelineEntry {
  readonly event: StoredEvent;
  readonly who: Person | null;
  readonly reason: Reason;
  readonly related: readonly Related[];
}

/** A history: its events, oldest first, and the outcome. */
export interface Timeline {
  readonly entries: readonly TimelineEntry[];
  readonly summary: Reason;
}

/** A person as shown to a viewer. */
export function personFor(viewer: Viewer, userId: Exclude<Person, 'you' | 'another person'>): Person {
  if (viewer.kind === 'operator') return userId;
  return viewer.userId === userId ? 'you' : 'another person';
}

/** Links, unless they lead to something of another person. */
export function relatedFor(who: Person, ...related: readonly Related[]): readonly Related[] {
  return who === 'another person' ? [] : related;
}

/** A page of a timeline, newest first. @throws {InvalidCursor} */
export function historyPage({ entries, summary }: Timeline, { page, language }: Asked): HistoryReply {
  const before = decodeCursor(page.cursor, z.tuple([z.number().int()]))?.[0] ?? Number.POSITIVE_INFINITY;
  const newestFirst = entries.toReversed().filter(({ event }) => event.position < before);
  const items = toPage(
    newestFirst,
    page,
    ({ event, who, reason, related }) => ({
      position: event.position,
      stream: event.stream,
      revision: event.revision,
      at: event.at,
      type: event.type,
      actor: event.actor.kind,
      who,
      explanation: sentenceOf(reason, language),
      related,
    }),
    ({ event }) => [event.position],
  );
  return { summary: sentenceOf(summary, language), ...items };
}

const sentences: Readonly<Record<Language, Sentences>> = { en: english, ko: korean };

/** A reason in words. */
export function sentenceOf(reason: Reason, language: Language): string {
  // Each key of Sentences takes the reasons of its own kind, which the compiler cannot follow through an index.
  const sentence = sentences[language][reason.kind] as (reason: Reason) => string;
  return sentence(reason);
}
