import type { EventStore, RecordedEvent } from '../../../event-store/port.js';
import { type Actor, metadataSchema } from '../../../events/event.js';
import { type DomainEvent, decodeEvent } from '../../../events/registry.js';
import { wordsFor } from './event-words.js';
import { linksOf } from './links.js';

/** One event of a stream for people: what happened, when, by whom and because of what. */
export interface StreamEntry {
  readonly revision: number;
  readonly position: number;
  /** The decider's clock; null when the metadata cannot be read. */
  readonly occurredAt: string | null;
  /** The store's clock. */
  readonly recordedAt: string;
  readonly type: string;
  readonly actor: Actor | null;
  readonly what: string;
  readonly commandId: string | null;
  readonly correlationId: string | null;
  /** The command or event that led to it. */
  readonly causationId: string | null;
  /** Other streams that it is about. */
  readonly links: readonly string[];
}

export interface StreamPage {
  readonly stream: string;
  readonly entries: readonly StreamEntry[];
  /** Revision where the next page begins; null at the end. */
  readonly next: number | null;
}

/** Entries of one page. */
export const maxPageEntries = 1_000;

/**
 * A page of a stream's timeline.
 * @param from first revision.
 * @param limit 1 … {@link maxPageEntries}.
 * @returns undefined when there is no such stream.
 */
export async function streamPage(
  store: EventStore,
  stream: string,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<StreamPage | undefined> {
  const events = await store.readStream(stream, { from, limit: limit + 1 });
  if (events.length === 0) {
    const [first] = from === 0 ? [] : await store.readStream(stream, { limit: 1 });
    return first ? { stream, entries: [], next: null } : undefined;
  }
  return { stream, entries: events.slice(0, limit).map(toEntry), next: events[limit]?.revision ?? null };
}

function toEntry(recorded: RecordedEvent): StreamEntry {
  const { stream, revision, position, type, recordedAtMs } = recorded;
  const metadata = metadataSchema.safeParse(recorded.metadata).data;
  const event = readable(recorded);
  return {
    revision,
    position,
    occurredAt: metadata?.occurredAt ?? null,
    recordedAt: new Date(recordedAtMs).toISOString(),
    type,
    actor: metadata?.actor ?? null,
    what: event?.what ?? 'cannot be read: "boxoffice audit verify" tells more',
    commandId: metadata?.commandId ?? null,
    correlationId: metadata?.correlationId ?? null,
    causationId: metadata?.causationId ?? null,
    links: event ? linksOf(event.event.data, stream) : [],
  };
}

/** A timeline shows what it can, also of a log that was tampered with. */
function readable(recorded: RecordedEvent): { event: DomainEvent; what: string } | undefined {
  try {
    const event = decodeEvent(recorded);
    return { event, what: wordsFor(event) };
  } catch {
    return undefined;
  }
}
