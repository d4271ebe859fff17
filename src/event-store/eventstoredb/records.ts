import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { AppendRequest, SerialisedEvent } from '../append-request.js';
import { parseFrozen } from '../frozen-json.js';
import type { RecordedEvent, StoredEvent } from '../port.js';
import { positionOf, UnreadableEvent } from './positions.js';

type Recorded = streams.ReadResp.ReadEvent.RecordedEvent;

/** What an event's metadata in EventStoreDB holds: the product's event id beside the product's metadata. */
interface Envelope {
  readonly eventId: string;
  readonly metadata: unknown;
}

const ticksPerMs = 10_000n;
/** Parts of a large append; the server takes messages of up to 16 MiB. */
const fullPartBytes = 1024 * 1024;

/**
 * The messages of one append, the same for every attempt at it, but for the correlation id.
 *
 * EventStoreDB answers a repeated append with success and does not say that it was one. So the ids it sees are
 * made for this call: success then means that this call wrote the events, whichever attempt did, and what an
 * earlier call wrote shows as a conflict that reading resolves. The product's own ids travel in the metadata.
 * With `any` there is no conflict to rely on, and EventStoreDB gets the product's ids to recognise on its own.
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

/** One attempt at an append, in parts that fit a message. */
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

/** No deadline: the protocol's is a moment on the server's clock, which may differ from ours. */
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
 * @throws {UnreadableEvent} when its position cannot be told or its data is no JSON: somebody else's event.
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

/** An event as EventStoreDB keeps it: its own id, and the product's inside the metadata. */
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
