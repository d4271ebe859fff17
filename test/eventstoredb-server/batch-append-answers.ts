import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusMessages from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js';
import emptyMessages from 'google-protobuf/google/protobuf/empty_pb.js';
import { expectAny, expectNoStream, expectStreamExists } from './log.js';
import type { WriteOutcome } from './log-records.js';
import { streamIdentifier } from './wire.js';

/** Fills in what an append has come to. */
export type Fill = (response: streams.BatchAppendResp) => unknown;

// google.rpc.Code
const code = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
} as const;

/** The answer to an append that was decided on. */
export function outcomeOf(stream: string, expected: number, outcome: WriteOutcome): Fill {
  if (outcome.kind === 'deleted') return deleted(stream);
  if (outcome.kind === 'wrong') return wrongExpectedVersion(expected, outcome.current);
  return (response) => {
    const success = new streams.BatchAppendResp.Success();
    if (outcome.revision < 0) success.setNoStream(new emptyMessages.Empty());
    else success.setCurrentRevision(`${outcome.revision}`);
    if (outcome.position === undefined)
      return response.setSuccess(success.setNoPosition(new emptyMessages.Empty()));
    const position = new shared.AllStreamPosition()
      .setCommitPosition(`${outcome.position}`)
      .setPreparePosition(`${outcome.position}`);
    return response.setSuccess(success.setPosition(position));
  };
}

/** An error answer: a google.rpc.Status whose details are a message of `event_store.client`. */
function errorAnswer(number: number, name: string, details: { serializeBinary(): Uint8Array }): Fill {
  const packed = new anyMessages.Any();
  packed.pack(details.serializeBinary(), `event_store.client.${name}`);
  const status = new statusMessages.Status().setCode(number).setMessage(name).setDetails(packed);
  return (response) => response.setError(status);
}

/** The server gave up waiting and does not know whether the append will be written. */
export const timedOut: Fill = (response) =>
  errorAnswer(code.deadlineExceeded, 'Timeout', new shared.Timeout())(response);

/** @param bytes The most an append may take. */
export function tooLarge(bytes: number): Fill {
  const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(bytes);
  return errorAnswer(code.invalidArgument, 'MaximumAppendSizeExceeded', details);
}

/** The user may not write to the stream. */
export const accessDenied: Fill = (response) =>
  errorAnswer(code.permissionDenied, 'AccessDenied', new shared.AccessDenied())(response);

/** The request was malformed. */
export function badRequest(message: string): Fill {
  return errorAnswer(code.invalidArgument, 'BadRequest', new shared.BadRequest().setMessage(message));
}

function deleted(stream: string): Fill {
  const details = new shared.StreamDeleted().setStreamIdentifier(streamIdentifier(stream));
  return errorAnswer(code.notFound, 'StreamDeleted', details);
}

function wrongExpectedVersion(expected: number, current: number): Fill {
  const wrong = new shared.WrongExpectedVersion();
  const empty = new emptyMessages.Empty();
  if (expected === expectAny) wrong.setExpectedAny(empty);
  else if (expected === expectStreamExists) wrong.setExpectedStreamExists(empty);
  else if (expected === expectNoStream) wrong.setExpectedNoStream(empty);
  else wrong.setExpectedStreamPosition(`${expected}`);
  if (current < 0) wrong.setCurrentNoStream(empty);
  else wrong.setCurrentStreamRevision(`${current}`);
  return errorAnswer(code.alreadyExists, 'WrongExpectedVersion', wrong);
}
