import {
  type AppendResult,
  type EventStore,
  EventTooLarge,
  type ExpectedRevision,
  maxAppendsInOrder,
  maxEventBytes,
  maxEventsPerAppend,
  type NewEvent,
  type Revision,
  StoreBusy,
  type StreamAppend,
  WrongExpectedRevision,
} from './port.js';

/** An event as an engine stores it: checked, its JSON already text. */
export interface SerialisedEvent {
  /** UUID in lower case. */
  readonly id: string;
  readonly type: string;
  /** JSON text. */
  readonly data: string;
  /** JSON text. */
  readonly metadata: string;
}

export interface AppendRequest {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly SerialisedEvent[];
  /** Size of all data and metadata, UTF-8. */
  readonly bytes: number;
}

const maxStreamLength = 512;
const maxTypeLength = 200;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// What the product's names look like. The general patterns below take several times as long, and are tried when these fail.
const plainStreamName = /^[A-Za-z0-9]+-[A-Za-z0-9._-]+$/;
const plainTypeName = /^[A-Za-z0-9]+$/;
// Control characters and lone surrogates do not survive every engine's encoding.
const streamName = /^[^-\p{Cc}\p{Cs}]+-[^\p{Cc}\p{Cs}]+$/u;
const typeName = /^[^\p{Cc}\p{Cs}]+$/u;

/**
 * Checks an append and serialises its events, so that later changes to the caller's objects have no effect.
 * @throws {EventTooLarge} when an event exceeds {@link maxEventBytes}.
 * @throws {RangeError} when there are no events or more than {@link maxEventsPerAppend}.
 * @throws {TypeError} when a name, an id, the expected revision or the JSON is malformed.
 */
export function prepareAppend(
  stream: string,
  expected: ExpectedRevision,
  events: readonly NewEvent[],
): AppendRequest {
  if (stream.length > maxStreamLength || !(plainStreamName.test(stream) || streamName.test(stream))) {
    throw new TypeError(`not a stream name, <category>-<id>: ${JSON.stringify(stream.slice(0, 100))}`);
  }
  if (!isExpectedRevision(expected)) throw new TypeError(`not an expected revision: ${expected}`);
  if (events.length === 0 || events.length > maxEventsPerAppend) {
    throw new RangeError(`an append takes 1 to ${maxEventsPerAppend} events, not ${events.length}`);
  }
  let bytes = 0;
  const serialised = events.map((event) => {
    const text = serialise(event);
    const eventBytes = Buffer.byteLength(text.data) + Buffer.byteLength(text.metadata);
    if (eventBytes > maxEventBytes) throw new EventTooLarge(event.type, eventBytes);
    bytes += eventBytes;
    return text;
  });
  return { stream, expected, events: serialised, bytes };
}

/** @throws {RangeError} when there are no appends or more than {@link maxAppendsInOrder}. */
export function assertAppendsInOrder(appends: readonly StreamAppend[]): void {
  if (appends.length > 0 && appends.length <= maxAppendsInOrder) return;
  throw new RangeError(`1 to ${maxAppendsInOrder} appends can be made in order, not ${appends.length}`);
}

/** {@link EventStore.appendInOrder} for engines that have no transaction over several streams. */
export async function appendOneByOne(
  store: Pick<EventStore, 'append'>,
  appends: readonly StreamAppend[],
): Promise<AppendResult[]> {
  assertAppendsInOrder(appends);
  const results: AppendResult[] = [];
  for (const { stream, expected, events } of appends) {
    try {
      const result = await store.append(stream, expected, events);
      if (result.replayed) return results;
      results.push(result);
    } catch (error) {
      const isRefused =
        error instanceof WrongExpectedRevision || (error instanceof StoreBusy && results.length > 0);
      if (isRefused) return results;
      throw error;
    }
  }
  return results;
}

function isExpectedRevision(expected: ExpectedRevision): boolean {
  return expected === 'none' || expected === 'any' || isRevision(expected);
}

function isRevision(value: Revision): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function serialise(event: NewEvent): SerialisedEvent {
  let { id } = event;
  if (!uuid.test(id)) {
    id = id.toLowerCase();
    if (!uuid.test(id))
      throw new TypeError(`not an event id, a UUID: ${JSON.stringify(event.id.slice(0, 100))}`);
  }
  const isName = plainTypeName.test(event.type) || typeName.test(event.type);
  if (event.type.length > maxTypeLength || !isName) {
    throw new TypeError(`not an event type: ${JSON.stringify(event.type.slice(0, 100))}`);
  }
  return {
    id,
    type: event.type,
    data: toJson(event.data, 'data'),
    metadata: toJson(event.metadata, 'metadata'),
  };
}

function toJson(value: unknown, part: string): string {
  // undefined, functions and symbols have no JSON: stringify() returns undefined for them, which its type hides.
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError(`event ${part} is not JSON`);
  return json;
}

/** A stream's last revision where -1 stands for a stream without events. */
export type HeadRevision = number;
export const emptyStream: HeadRevision = -1;

/** {@link ExpectedRevision} as one number: -1 for none, -2 for any. */
export type ExpectedHead = number;
const anyHead: ExpectedHead = -2;

type AppendDecision =
  /** Write the events after the head. */
  | 'write'
  /** The stream is at another revision. */
  | 'conflict'
  /** The stream has these events already; the last one is at this revision. */
  | { readonly replayedTo: Revision };

/** `expected` as a number, for comparing with heads. */
export function expectedHead(expected: ExpectedRevision): ExpectedHead {
  if (expected === 'any') return anyHead;
  return expected === 'none' ? emptyStream : expected;
}

/**
 * Decides an append to a stream whose last revision is `head`. A retry is recognised by its event ids: the stream has
 * them right after the expected revision or, with `any`, as its last events.
 * @param count Number of events to append.
 * @param isAt Whether the stream holds the append's event number `index` (from 0) at `revision`; also called for
 * revisions after the head.
 */
export function decideAppend(
  head: HeadRevision,
  expected: ExpectedHead,
  count: number,
  isAt: (revision: Revision, index: number) => boolean,
): AppendDecision {
  if (head === expected) return 'write';
  const base = expected === anyHead ? head - count : expected;
  if (base >= emptyStream && holdsAll(base, count, isAt)) {
    return { replayedTo: base + count };
  }
  return expected === anyHead ? 'write' : 'conflict';
}

function holdsAll(
  base: HeadRevision,
  count: number,
  isAt: (revision: Revision, index: number) => boolean,
): boolean {
  for (let index = 0; index < count; index++) {
    if (!isAt(base + 1 + index, index)) return false;
  }
  return true;
}
