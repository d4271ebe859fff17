import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { AppendRequest } from '../append-request.js';
import { type Failure, failureOf, permanent } from './failures.js';
import { partsOf } from './records.js';

/** What one attempt at an append has come to. */
export type AttemptOutcome =
  | { readonly kind: 'appended'; readonly revision: number; readonly place: Place | undefined }
  /** @property actual The stream's last revision, undefined when it has no events. */
  | { readonly kind: 'conflict'; readonly actual: number | undefined }
  | { readonly kind: 'too large'; readonly maxBytes: number }
  | Failure;

interface Place {
  readonly commit: string;
  readonly prepare: string;
}

interface Pending {
  readonly settle: (outcome: AttemptOutcome) => void;
}

type Stream = ReturnType<grpcStreams.StreamsClient['batchAppend']>;

/** One BatchAppend call: appends go out as they come, answers come back by correlation id. Never rejects. */
export class BatchCall {
  private readonly pending = new Map<string, Pending>();
  private answers = 0;
  private ended: Failure | undefined;

  constructor(private readonly stream: Stream) {
    stream.on('data', (response: streams.BatchAppendResp) => this.receive(response));
    stream.on('error', (error: Error) => this.end(failureOf(error)));
    stream.on('end', () => this.end({ kind: 'transient', reason: 'the server ended the call' }));
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /**
   * One attempt; `isStuck` in a transient failure tells that nothing at all was answered while it waited.
   * @param timeoutMs How long to wait for the answer.
   */
  async attempt(
    request: AppendRequest,
    proposals: readonly streams.BatchAppendReq.ProposedMessage[],
    timeoutMs: number,
  ): Promise<{ readonly outcome: AttemptOutcome; readonly isStuck: boolean }> {
    if (this.ended) return { outcome: this.ended, isStuck: false };
    const correlationId = randomUUID();
    const answersBefore = this.answers;
    let hasTimedOut = false;
    const outcome = await new Promise<AttemptOutcome>((resolve) => {
      const timer = setTimeout(() => {
        hasTimedOut = true;
        this.settle(correlationId, { kind: 'transient', reason: `no answer within ${timeoutMs} ms` });
      }, timeoutMs);
      this.pending.set(correlationId, {
        settle: (settled) => {
          clearTimeout(timer);
          resolve(settled);
        },
      });
      for (const part of partsOf(request, proposals, correlationId)) this.stream.write(part);
    });
    return { outcome, isStuck: hasTimedOut && this.answers === answersBefore };
  }

  private receive(response: streams.BatchAppendResp): void {
    this.answers += 1;
    const correlationId = response.getCorrelationId()?.getString() ?? '';
    this.settle(correlationId, outcomeOf(response));
  }

  /** An answer nobody waits for any more is none. */
  private settle(correlationId: string, outcome: AttemptOutcome): void {
    const pending = this.pending.get(correlationId);
    this.pending.delete(correlationId);
    pending?.settle(outcome);
  }

  private end(failure: Failure): void {
    this.ended ??= failure;
    for (const correlationId of [...this.pending.keys()]) this.settle(correlationId, failure);
  }
}

function outcomeOf(response: streams.BatchAppendResp): AttemptOutcome {
  const success = response.getSuccess();
  if (success) {
    const position = success.getPosition();
    const place = position && {
      commit: position.getCommitPosition(),
      prepare: position.getPreparePosition(),
    };
    return { kind: 'appended', revision: Number(success.getCurrentRevision()), place };
  }
  const error = response.getError();
  const details = error?.getDetails();
  const name = details?.getTypeName() ?? '';
  switch (name) {
    case 'event_store.client.WrongExpectedVersion': {
      const wrong = details?.unpack(shared.WrongExpectedVersion.deserializeBinary, name);
      const isAtRevision = wrong?.hasCurrentStreamRevision() === true;
      return {
        kind: 'conflict',
        actual: isAtRevision ? Number(wrong.getCurrentStreamRevision()) : undefined,
      };
    }
    case 'event_store.client.MaximumAppendSizeExceeded': {
      const limit = details?.unpack(shared.MaximumAppendSizeExceeded.deserializeBinary, name);
      return { kind: 'too large', maxBytes: limit?.getMaxappendsize() ?? 0 };
    }
    case 'event_store.client.StreamDeleted':
      return permanent('the stream was deleted in EventStoreDB');
    case 'event_store.client.AccessDenied':
      return permanent('EventStoreDB does not let this user append to the stream');
    case 'event_store.client.BadRequest':
    case 'event_store.client.MaximumAppendEventSizeExceeded':
    case 'event_store.client.InvalidTransaction':
      return permanent(`EventStoreDB refuses the append: ${error?.getMessage()}`);
    default:
      // Timeout, Unknown, not ready, busy: it may have been written, or may yet be.
      return { kind: 'transient', reason: error?.getMessage() || 'an answer without an outcome' };
  }
}
