import { randomUUID } from 'node:crypto';
import type { AppendRequest, SerialisedEvent } from '../append.js';
import type { Position, RecordedEvent, StoredEvent } from '../port.js';
import { parseFrozen } from '../reading.js';
import { shared, streams } from './protocol.js';

/** A position in EventStoreDB's log as requests name it: 'start', 'end', or a commit and a prepare position. */
type LogPosition = 'start' | 'end' | { readonly commit: string; readonly prepare: string };

/** An event that cannot be read; repeating does not help. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

/**
 * An event's position in the log as one number.
 *
 * Since version 20 an append writes no commit record of its own: each event is a record that commits itself, and its
 * commit position and its prepare position are both the beginning of that record. So every event has a position of its
 * own, and one number is enough to resume after it. This is checked on every event.
 * @throws {UnreadableEvent} when the two differ (an event of an old TCP transaction) or exceed 2^53.
 */
export function positionOf(commit: string, prepare: string): Position {
  if (commit !== prepare) {
    throw new UnreadableEvent(
      `commit position ${commit} and prepare position ${prepare} differ: EventStoreDB must be 23.10 or later and the log free of TCP transactions`,
    );
  }
  const position = Number(commit);
  if (!Number.isSafeInteger(position)) {
    throw new UnreadableEvent(
      `position ${commit} of the log is beyond 2^53, more than this adapter can count`,
    );
  }
  // The one place in this engine where a checked number becomes a position.
  return position as Position;
}

/**
 * A position as requests name it. 0 is before every event of the product, because the server's own events come first.
 */
export function logPositionOf(position: number): LogPosition {
  if (position <= 0) return 'start';
  return { commit: `${position}`, prepare: `${position}` };
}

type Recorded = streams.ReadResp.ReadEvent.RecordedEvent;

/** An event's metadata in EventStoreDB: the product's event id and the product's metadata. */
interface Envelope {
  readonly eventId: string;
  readonly metadata: unknown;
}

const ticksPerMs = 10_000n;
/** Parts of a large append; the server takes messages of up to 16 MiB. */
const fullPartBytes = 1024 * 1024;

/**
 * The messages of one append: the same for every attempt, except for the correlation id.
 *
 * EventStoreDB answers a repeated append with success and does not say that it was a repetition. So it gets event ids
 * that are made for this call: success then means that one of this call's attempts wrote the events, and events of an
 * earlier call show as a conflict, which a read resolves. The product's own ids are in the metadata. With `any` there
 * are no conflicts; then EventStoreDB gets the product's ids and recognises repetitions by them.
 */
export function proposalsOf(request: AppendRequest): readonly streams.BatchAppendReq.ProposedMessage[] {
  return request.events.map((event) => {
    const id = request.expected === 'any' ? event.id : randomUUID();
    const message = new streams.BatchAppendReq.ProposedMessage()
      .setId(new shared.UUID().setString(id))
      .setData(Buffer.from(event.data))
      .setCustomMetadata(Buffer.from(envelopeOf(event)));
    message.getMetadataMap().set('type', event.type).set('content-type', 'application/json');
    return message;
  });
}

function envelopeOf({ id, metadata }: SerialisedEvent): string {
  return `{"eventId":"${id}","metadata":${metadata}}`;
}

/** One attempt to append, in parts that fit into a message. */
export function* partsOf(
  request: AppendRequest,
  proposals: readonly streams.BatchAppendReq.ProposedMessage[],
  correlationId: string,
): Generator<streams.BatchAppendReq> {
  let part = newPart(correlationId).setOptions(optionsOf(request));
  let bytes = 0;
  for (const proposal of proposals) {
    const size = proposal.getData_asU8().length + proposal.getCustomMetadata_asU8().length;
    if (bytes > 0 && bytes + size > fullPartBytes) {
      yield part;
      part = newPart(correlationId);
      bytes = 0;
    }
    part.addProposedMessages(proposal);
    bytes += size;
  }
  yield part.setIsFinal(true);
}

function newPart(correlationId: string): streams.BatchAppendReq {
  return new streams.BatchAppendReq().setCorrelationId(new shared.UUID().setString(correlationId));
}

/** No deadline: the protocol's deadline is a time of the server's clock, which may differ from ours. */
function optionsOf({ stream, expected }: AppendRequest): streams.BatchAppendReq.Options {
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(streamIdentifier(stream));
  if (expected === 'none') return options.setNoStream(new shared.Empty());
  if (expected === 'any') return options.setAny(new shared.Empty());
  return options.setStreamPosition(`${expected}`);
}

/** A stream's name as messages carry it. */
export function streamIdentifier(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream));
}

/** Name of the stream an event is in. */
export function streamOf(recorded: Recorded): string {
  return text(recorded.getStreamIdentifier()?.getStreamName_asU8());
}

/**
 * An event as it was appended, deeply frozen.
 * @throws {UnreadableEvent} when its position cannot be represented, or its data is not JSON because another
 * application wrote it.
 */
export function recordedEvent(recorded: Recorded): RecordedEvent {
  const stream = streamOf(recorded);
  const properties = recorded.getMetadataMap();
  const nativeId = recorded.getId()?.getString() ?? '';
  const position = positionOf(recorded.getCommitPosition(), recorded.getPreparePosition());
  if (properties.get('content-type') !== 'application/json') {
    throw new UnreadableEvent(
      `event ${nativeId} of stream ${stream} is not JSON: another application writes here`,
    );
  }
  const metadata = text(recorded.getCustomMetadata_asU8());
  const custom = metadata === '' ? null : parseFrozen(metadata);
  const ours = isEnvelope(custom) ? custom : { eventId: nativeId, metadata: custom };
  return Object.freeze({
    id: ours.eventId,
    type: properties.get('type') ?? '',
    data: parseFrozen(text(recorded.getData_asU8())),
    metadata: ours.metadata,
    stream,
    revision: Number(recorded.getStreamRevision()),
    position,
    recordedAtMs: Number(BigInt(properties.get('created') ?? '0') / ticksPerMs),
  });
}

/** An event as EventStoreDB stores it: with EventStoreDB's id; the product's id is in the metadata. */
export function storedEvent(recorded: Recorded): StoredEvent {
  const properties = recorded.getMetadataMap();
  return {
    position: positionOf(recorded.getCommitPosition(), recorded.getPreparePosition()),
    stream: streamOf(recorded),
    revision: Number(recorded.getStreamRevision()),
    id: recorded.getId()?.getString() ?? '',
    type: properties.get('type') ?? '',
    data: recorded.getData_asU8(),
    metadata: recorded.getCustomMetadata_asU8(),
    recordedAt: properties.get('created') ?? '',
    categories: [],
  };
}

function isEnvelope(value: unknown): value is Envelope {
  return (
    typeof value === 'object' &&
    value !== null &&
    'eventId' in value &&
    typeof value.eventId === 'string' &&
    'metadata' in value
  );
}

function text(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

type Options = streams.ReadReq.Options;

/** The events that a read or subscription returns. */
export type LogFilter =
  /** All but the server's own, whose streams begin with `$`. */
  | { readonly kind: 'all' }
  /** Streams whose names begin with one of these: `$ce-` projections may be off, so categories are prefixes. */
  | { readonly kind: 'categories'; readonly categories: readonly string[] }
  /** All, with the server's own. */
  | { readonly kind: 'everything' };

/** The filter for categories; a category ends at the first hyphen, so there is none with a hyphen in it. */
export function categoryFilter(categories: readonly string[]): LogFilter {
  return { kind: 'categories', categories: categories.filter((category) => !category.includes('-')) };
}

/** Whether nothing can pass the filter. */
export function passesNothing(filter: LogFilter): boolean {
  return filter.kind === 'categories' && filter.categories.length === 0;
}

/** Whether an event of a stream passes the filter. */
export function passes(filter: LogFilter, stream: string): boolean {
  if (filter.kind === 'everything') return true;
  if (filter.kind === 'all') return !stream.startsWith('$');
  return filter.categories.some((category) => stream.startsWith(`${category}-`));
}

/** A filtered subscription sends a checkpoint for every `searchWindow × windowsPerCheckpoint` events it searches. */
const searchWindow = 500;
const windowsPerCheckpoint = 4;

/** @param from First revision, inclusive; ±Infinity for an end. */
export function streamRead(
  stream: string,
  page: { readonly from: number; readonly direction: 'forwards' | 'backwards'; readonly limit: number },
): streams.ReadReq {
  const streamOptions = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(
    streamIdentifier(stream),
  );
  if (page.from === Number.NEGATIVE_INFINITY) streamOptions.setStart(new shared.Empty());
  else if (page.from === Number.POSITIVE_INFINITY) streamOptions.setEnd(new shared.Empty());
  else streamOptions.setRevision(`${page.from}`);
  const options = counted(page.direction, page.limit).setStream(streamOptions);
  return new streams.ReadReq().setOptions(options.setNoFilter(new shared.Empty()));
}

/** @param from Forwards inclusive, backwards exclusive. */
export function logRead(
  from: LogPosition,
  direction: 'forwards' | 'backwards',
  limit: number,
  filter: LogFilter,
): streams.ReadReq {
  const options = counted(direction, limit).setAll(allOptions(from));
  return new streams.ReadReq().setOptions(withFilter(options, filter));
}

/**
 * @param after Exclusive. The position of an event, or the start: at a position without an event, or with prepare
 * position 0, EventStoreDB 23.10 would skip the next event.
 */
export function logSubscription(after: LogPosition, filter: LogFilter): streams.ReadReq {
  const options = common().setAll(allOptions(after));
  options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
  return new streams.ReadReq().setOptions(withFilter(options, filter));
}

function common(): Options {
  const asText = new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty());
  return new streams.ReadReq.Options().setUuidOption(asText).setResolveLinks(false);
}

function counted(direction: 'forwards' | 'backwards', limit: number): Options {
  const { FORWARDS, BACKWARDS } = streams.ReadReq.Options.ReadDirection;
  return common()
    .setReadDirection(direction === 'forwards' ? FORWARDS : BACKWARDS)
    .setCount(`${limit}`);
}

function allOptions(at: LogPosition): streams.ReadReq.Options.AllOptions {
  const options = new streams.ReadReq.Options.AllOptions();
  if (at === 'start') return options.setStart(new shared.Empty());
  if (at === 'end') return options.setEnd(new shared.Empty());
  const position = new streams.ReadReq.Options.Position()
    .setCommitPosition(at.commit)
    .setPreparePosition(at.prepare);
  return options.setPosition(position);
}

function withFilter(options: Options, filter: LogFilter): Options {
  if (filter.kind === 'everything') return options.setNoFilter(new shared.Empty());
  const expression = new streams.ReadReq.Options.FilterOptions.Expression();
  if (filter.kind === 'all') expression.setRegex('^[^$]');
  else expression.setPrefixList(filter.categories.map((category) => `${category}-`));
  return options.setFilter(
    new streams.ReadReq.Options.FilterOptions()
      .setStreamIdentifier(expression)
      .setMax(searchWindow)
      .setCheckpointintervalmultiplier(windowsPerCheckpoint),
  );
}
