import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import {
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { commit, type ServerContext } from './context.js';
import type { AppendFault } from './faults.js';
import {
  expectAny,
  expectNoStream,
  expectStreamExists,
  type ProposedEvent,
  type WriteOutcome,
} from './log.js';
import { expectedVersion, failure, failures, isFailure, proposedEvent, sizeOf, streamName } from './wire.js';

export type AppendCall = ServerReadableStream<streams.AppendReq, streams.AppendResp>;
type Reply = sendUnaryData<streams.AppendResp>;

/** Append: options, then events one message each; one answer. */
export function appendCall(context: ServerContext, call: AppendCall, reply: Reply): void {
  let options: streams.AppendReq.Options | undefined;
  let bytes = 0;
  let isOver = false;
  const events: ProposedEvent[] = [];
  const fail = (error: ServiceError): void => {
    if (!isOver) reply(error);
    isOver = true;
  };
  call.on('data', (request: streams.AppendReq) => {
    options ??= request.getOptions();
    const message = request.getProposedMessage();
    if (isOver || message === undefined) return;
    try {
      const event = proposedEvent(message);
      events.push(event);
      bytes += sizeOf(event);
    } catch (error) {
      fail(isFailure(error) ? error : failure(status.UNKNOWN, String(error)));
    }
    if (bytes > context.settings.maxAppendSize) fail(failures.maxAppendSize(context.settings.maxAppendSize));
  });
  call.on('error', () => {
    isOver = true;
  });
  call.on('end', () => {
    if (isOver || options === undefined) return;
    isOver = true;
    const stream = streamName(options.getStreamIdentifier());
    if (context.access.mayWrite(call.metadata, stream)) void answer(context, options, events, reply);
    else reply(failures.accessDenied());
  });
}

async function answer(
  context: ServerContext,
  options: streams.AppendReq.Options,
  events: readonly ProposedEvent[],
  reply: Reply,
): Promise<void> {
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedVersion(options, options.getRevision());
  const committed = await commit(context, stream, expected, events);
  if (committed.kind === 'silence') return;
  if (committed.kind === 'fault') {
    if (committed.fault === 'hang-call') return;
    reply(faultOf(context, committed.fault));
    return;
  }
  const { outcome } = committed;
  if (outcome.kind === 'deleted') {
    reply(failures.streamDeleted(stream));
    return;
  }
  const response = new streams.AppendResp();
  if (outcome.kind === 'wrong') {
    response.setWrongExpectedVersion(wrongExpectedVersion(expected, outcome.current));
  } else {
    const success = new streams.AppendResp.Success();
    if (outcome.revision < 0) success.setNoStream(new shared.Empty());
    else success.setCurrentRevision(`${outcome.revision}`);
    if (outcome.position === undefined) success.setNoPosition(new shared.Empty());
    else success.setPosition(positionOf(outcome.position));
    response.setSuccess(success);
  }
  reply(null, response);
}

function positionOf(position: number): streams.AppendResp.Position {
  return new streams.AppendResp.Position().setCommitPosition(`${position}`).setPreparePosition(`${position}`);
}

function wrongExpectedVersion(expected: number, current: number): streams.AppendResp.WrongExpectedVersion {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (expected === expectAny) wrong.setExpectedAny(new shared.Empty());
  else if (expected === expectStreamExists) wrong.setExpectedStreamExists(new shared.Empty());
  else if (expected === expectNoStream) wrong.setExpectedNoStream(new shared.Empty());
  else wrong.setExpectedRevision(`${expected}`);
  if (current < 0) return wrong.setCurrentNoStream(new shared.Empty());
  return wrong.setCurrentRevision(`${current}`);
}

/** A fault as this call can show it: as its status. */
function faultOf(context: ServerContext, fault: AppendFault): ServiceError {
  const { host, port } = context.address();
  if (fault === 'not-leader') return failures.notLeader(host, port);
  if (fault === 'timeout' || fault === 'commit-then-timeout') {
    return failure(status.ABORTED, 'Operation timed out: Commit phase timeout.');
  }
  return failures.unavailable();
}

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
