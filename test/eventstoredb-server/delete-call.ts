import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { ServerContext } from './context.js';
import type { WriteOutcome } from './log-records.js';
import { expectedVersion, failures, streamName } from './wire.js';

/** Delete: the stream's events become invisible, later appends open it again. */
export function deleteCall(
  context: ServerContext,
  call: ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>,
  reply: sendUnaryData<streams.DeleteResp>,
): void {
  const outcome = remove(context, call.request.getOptions(), false);
  if (outcome instanceof Error) {
    reply(outcome);
    return;
  }
  const position = new streams.DeleteResp.Position().setCommitPosition(outcome).setPreparePosition(outcome);
  reply(null, new streams.DeleteResp().setPosition(position));
}

/** Tombstone: nothing can be appended to the stream ever again. */
export function tombstoneCall(
  context: ServerContext,
  call: ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>,
  reply: sendUnaryData<streams.TombstoneResp>,
): void {
  const outcome = remove(context, call.request.getOptions(), true);
  if (outcome instanceof Error) {
    reply(outcome);
    return;
  }
  const position = new streams.TombstoneResp.Position()
    .setCommitPosition(outcome)
    .setPreparePosition(outcome);
  reply(null, new streams.TombstoneResp().setPosition(position));
}

/** The position of what was written, or the failure. */
function remove(
  context: ServerContext,
  options: streams.DeleteReq.Options | streams.TombstoneReq.Options | undefined,
  isTombstone: boolean,
) {
  if (options === undefined) return failures.missingMetadata('options');
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedVersion(options, options.getRevision());
  const outcome: WriteOutcome = context.log.remove(stream, expected, isTombstone);
  if (outcome.kind === 'deleted') return failures.streamDeleted(stream);
  if (outcome.kind === 'wrong') {
    const operation = isTombstone ? 'Tombstone' : 'Delete';
    return failures.wrongExpectedVersion(operation, stream, expected, outcome.current);
  }
  return `${outcome.position ?? 0}`;
}
