import { categoryOf } from '../../events/streams.js';
import type { SerialisedEvent } from '../append.js';
import { asPosition, type RecordedEvent } from '../port.js';
import { parseFrozen } from '../reading.js';
import { type LogPage } from '../subscription-loop.js';
import type { CommittedAppend } from './writer-client.js';

interface RecentEvent {
  readonly append: CommittedAppend;
  readonly serialised: SerialisedEvent;
  /** Index within its append. */
  readonly index: number;
  readonly category: string;
  /** Created for the first subscription that reads it, then shared by all. */
  recorded: RecordedEvent | undefined;
}

const maxEvents = 8192;
/** Of JSON text, in characters. */
const maxChars = 32 * 1024 * 1024;

/**
 * The newest events, kept in memory while there are subscriptions, so that a subscription that keeps up never reads the
 * disk. Bounded: a subscription that has fallen behind reads pages from the file.
 */
export class RecentEvents {
  private events: RecentEvent[] = [];
  private chars = 0;

  /** @param last Position of the newest event. Events up to it are not kept. */
  constructor(private last: number) {}

  /** Position of the newest committed event. */
  get head(): number {
    return this.last;
  }

  /** Moves on without keeping anything. */
  skipTo(position: number): void {
    this.events = [];
    this.chars = 0;
    this.last = position;
  }

  /** Adds what was committed next, in log order. */
  add(appends: readonly CommittedAppend[]): void {
    for (const append of appends) {
      const { request, position } = append;
      // There is a gap only after a commit that was reported as failed but was written: its events are only in the
      // file.
      if (position - request.events.length !== this.last) this.skipTo(position - request.events.length);
      const category = categoryOf(request.stream);
      for (const [index, serialised] of request.events.entries()) {
        this.events.push({ append, serialised, index, category, recorded: undefined });
        this.chars += charsOf(serialised);
      }
      this.last = position;
    }
    this.trim();
  }

  /** The part after a position; undefined when it begins before the oldest event that is kept. */
  pageAfter(after: number, categories: ReadonlySet<string> | undefined, limit: number): LogPage | undefined {
    const firstIndex = after - (this.last - this.events.length);
    if (firstIndex < 0) return undefined;
    const events: RecordedEvent[] = [];
    let position = after;
    for (let index = firstIndex; index < this.events.length && events.length < limit; index++) {
      const event = this.events[index];
      if (event === undefined) break;
      position += 1;
      if (categories === undefined || categories.has(event.category)) events.push(record(event));
    }
    return { events, position };
  }

  private trim(): void {
    if (this.events.length <= maxEvents && this.chars <= maxChars) return;
    // Down to half, so that the rest is copied only once in thousands of events.
    let drop = 0;
    for (const { serialised } of this.events) {
      if (this.events.length - drop <= maxEvents / 2 && this.chars <= maxChars / 2) break;
      this.chars -= charsOf(serialised);
      drop += 1;
    }
    this.events = this.events.slice(drop);
  }
}

function charsOf(event: SerialisedEvent): number {
  return event.data.length + event.metadata.length;
}

function record(event: RecentEvent): RecordedEvent {
  if (event.recorded !== undefined) return event.recorded;
  const { append, serialised, index } = event;
  const eventsBehind = append.request.events.length - 1 - index;
  const recorded = Object.freeze({
    id: serialised.id,
    type: serialised.type,
    data: parseFrozen(serialised.data),
    metadata: parseFrozen(serialised.metadata),
    stream: append.request.stream,
    revision: append.revision - eventsBehind,
    position: asPosition(append.position - eventsBehind),
    recordedAtMs: append.recordedAtMs,
  });
  event.recorded = recorded;
  return recorded;
}
