import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusMessages from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js';
import emptyMessages from 'google-protobuf/google/protobuf/empty_pb.js';
import { commit, type ServerContext } from './context.js';
import type { AppendFault } from './faults.js';
import {
  expectAny,
  expectNoStream,
  expectStreamExists,
  type ProposedEvent,
  type WriteOutcome,
} from './log.js';
import {
  expectedVersion,
  failures,
  proposedEvent,
  sizeOf,
  streamIdentifier,
  streamName,
  uuidText,
} from './wire.js';

export type BatchAppendCall = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;

/** An append whose last message has not come yet. */
interface Gathering {
  readonly stream: string;
  readonly expected: number;
  readonly events: ProposedEvent[];
  bytes: number;
}

/** BatchAppend: many appends on one call, told apart by correlation ids; answers in any order. */
export function batchAppendCall(context: ServerContext, call: BatchAppendCall): void {
  const batch = new BatchAppend(context, call);
  call.on('error', () => batch.close());
  call.on('cancelled', () => batch.close());
  call.on('end', () => batch.endWhenAnswered());
  call.on('data', (message: streams.BatchAppendReq) => batch.receive(message));
}

class BatchAppend {
  private readonly gathering = new Map<string, Gathering>();
  private isOpen = true;
  private isHanging = false;
  private isEnding = false;
  private unanswered = 0;

  constructor(
    private readonly context: ServerContext,
    private readonly call: BatchAppendCall,
  ) {}

  close(): void {
    this.isOpen = false;
  }

  /** The client sends nothing more. */
  endWhenAnswered(): void {
    this.isEnding = true;
    if (this.unanswered === 0 && this.isOpen) this.call.end();
  }

  receive(message: streams.BatchAppendReq): void {
    if (this.isHanging) return;
    const correlation = message.getCorrelationId();
    let key = '';
    let request: Gathering | undefined;
    try {
      key = uuidText(correlation);
      request = this.gathering.get(key) ?? opened(message.getOptions());
      // What follows the refusal of an append's first part.
      if (request === undefined) return;
      this.gather(key, request, correlation, message);
    } catch (error) {
      this.gathering.delete(key);
      const reason = error instanceof Error ? error.message : String(error);
      this.reply(correlation, request?.stream ?? '', badRequest(reason));
    }
  }

  private gather(
    key: string,
    request: Gathering,
    correlation: shared.UUID | undefined,
    message: streams.BatchAppendReq,
  ): void {
    const { maxAppendSize } = this.context.settings;
    if (isPastDeadline(message.getOptions())) {
      this.reply(correlation, request.stream, timedOut);
      return;
    }
    this.gathering.set(key, request);
    for (const proposed of message.getProposedMessagesList()) {
      const event = proposedEvent(proposed);
      request.events.push(event);
      request.bytes += sizeOf(event);
    }
    const isDenied = !this.context.access.mayWrite(this.call.metadata, request.stream);
    if (isDenied && message.getIsFinal()) this.reply(correlation, request.stream, accessDenied);
    const isTooLarge = request.bytes > maxAppendSize;
    if (isTooLarge) this.reply(correlation, request.stream, tooLarge(maxAppendSize));
    if (isTooLarge || message.getIsFinal()) this.gathering.delete(key);
    if (message.getIsFinal() && !isTooLarge && !isDenied) void this.finish(correlation, request);
  }

  private async finish(correlation: shared.UUID | undefined, request: Gathering): Promise<void> {
    const { stream, expected, events } = request;
    this.unanswered += 1;
    const committed = await commit(this.context, stream, expected, events);
    this.unanswered -= 1;
    if (committed.kind === 'answer') {
      this.reply(correlation, stream, outcomeOf(stream, expected, committed.outcome));
    }
    if (committed.kind === 'fault') this.act(committed.fault, correlation, stream);
    if (this.isEnding) this.endWhenAnswered();
  }

  private act(fault: AppendFault, correlation: shared.UUID | undefined, stream: string): void {
    const { host, port } = this.context.address();
    if (fault === 'timeout' || fault === 'commit-then-timeout') {
      this.reply(correlation, stream, timedOut);
    } else if (fault === 'hang-call') {
      this.isHanging = true;
    } else if (fault === 'stray-answer') {
      const stray = new shared.UUID().setString(crypto.randomUUID());
      const success = new streams.BatchAppendResp.Success();
      this.reply(stray, stream, (response) => response.setSuccess(success));
    } else if (this.isOpen) {
      this.isOpen = false;
      if (fault === 'end-call') this.call.end();
      else {
        const isNotLeader = fault === 'not-leader';
        this.call.emit('error', isNotLeader ? failures.notLeader(host, port) : failures.unavailable());
      }
    }
  }

  private reply(correlation: shared.UUID | undefined, stream: string, fill: Fill): void {
    if (!this.isOpen || this.context.isDead()) return;
    const response = new streams.BatchAppendResp()
      .setCorrelationId(correlation)
      .setStreamIdentifier(streamIdentifier(stream));
    fill(response);
    this.call.write(response);
  }
}

function opened(options: streams.BatchAppendReq.Options | undefined): Gathering | undefined {
  if (options === undefined) return undefined;
  const stream = streamName(options.getStreamIdentifier());
  return { stream, expected: expectedVersion(options, options.getStreamPosition()), events: [], bytes: 0 };
}

function isPastDeadline(options: streams.BatchAppendReq.Options | undefined): boolean {
  const deadline = options?.getDeadline();
  return deadline !== undefined && deadline.toDate().getTime() <= Date.now();
}

/** Writes the outcome of an append into the answer. */
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
