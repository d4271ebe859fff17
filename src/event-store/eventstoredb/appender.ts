import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TimedOut, within } from '../../platform/within.js';
import type { AppendRequest } from '../append.js';
import { type AppendResult, StoreBusy, StoreUnavailable, WrongExpectedRevision } from '../port.js';
import type { Client, Connection } from './connection.js';
import { backoffMs, type Failure, failureOf, failureText, permanent } from './failures.js';
import { type BatchStream, shared, type streams } from './protocol.js';
import type { Reader } from './reader.js';
import { partsOf, positionOf, proposalsOf } from './records.js';
import type { SubscriptionStarts } from './subscription.js';

export interface AppenderOptions {
  readonly connection: Connection;
  readonly reader: Reader;
  /** Appends wait until the start of every subscription "from the end" is known. */
  readonly starts: SubscriptionStarts;
  /** Time limit of an append with all its attempts; then it fails as StoreUnavailable. */
  readonly appendTimeoutMs: number;
  /** After this time without an answer, an attempt counts as lost. */
  readonly attemptTimeoutMs: number;
  readonly maxWaitingAppends: number;
  readonly maxWaitingBytes: number;
}

type Proposals = readonly streams.BatchAppendReq.ProposedMessage[];

/**
 * Repeats appends whose outcome is unknown because the answer or the connection was lost, with the same event ids at
 * the same expected revision. EventStoreDB carries out at most one of the attempts.
 */
export class Appender {
  private waitingAppends = 0;
  private waitingBytes = 0;
  private newestPosition = 0;
  private isAborted = false;
  private whenIdle: (() => void) | undefined;

  constructor(private readonly options: AppenderOptions) {}

  /**
   * @throws {WrongExpectedRevision} when the stream is at another revision.
   * @throws {RangeError} when the append as a whole is larger than the server accepts.
   * @throws {StoreBusy} when too many appends wait.
   * @throws {StoreUnavailable} when the outcome is still unknown at the end of the time.
   */
  async append(request: AppendRequest): Promise<AppendResult> {
    const { maxWaitingAppends, maxWaitingBytes } = this.options;
    if (this.waitingAppends >= maxWaitingAppends || this.waitingBytes + request.bytes > maxWaitingBytes) {
      throw new StoreBusy('the event store is busy: too many appends wait for EventStoreDB');
    }
    this.waitingAppends += 1;
    this.waitingBytes += request.bytes;
    try {
      const giveUpAtMs = performance.now() + this.options.appendTimeoutMs;
      if (this.options.starts.isPending) await this.subscriptionsStarted();
      return await this.appendWithRetries(request, proposalsOf(request), giveUpAtMs);
    } finally {
      this.waitingAppends -= 1;
      this.waitingBytes -= request.bytes;
      if (this.waitingAppends === 0) this.whenIdle?.();
    }
  }

  /** Resolves when no append waits, or after `timeoutMs`; appends that still wait then fail. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.waitingAppends > 0) await this.idle(timeoutMs);
    this.isAborted = true;
  }

  private async idle(timeoutMs: number): Promise<void> {
    const giveUp = new AbortController();
    const idle = new Promise<void>((resolve) => {
      this.whenIdle = resolve;
    });
    await Promise.race([idle, sleep(timeoutMs, undefined, { signal: giveUp.signal }).catch(() => undefined)]);
    giveUp.abort();
  }

  /** @throws {StoreUnavailable} when this takes longer than an append may take: then nothing was sent. */
  private async subscriptionsStarted(): Promise<void> {
    const { starts, appendTimeoutMs } = this.options;
    try {
      await within(appendTimeoutMs, 'finding the end of the log', starts.known());
    } catch (error) {
      throw new StoreUnavailable(`nothing was appended: ${failureText(error)}`);
    }
  }

  private async appendWithRetries(
    request: AppendRequest,
    proposals: Proposals,
    giveUpAtMs: number,
  ): Promise<AppendResult> {
    const newestBefore = this.newestPosition;
    let mayHaveBeenSent = false;
    let reason: string | undefined;
    for (let failures = 1; ; failures++) {
      const leftMs = giveUpAtMs - performance.now();
      const { outcome, client } = await this.attempt(request, proposals, Math.max(1, leftMs));
      mayHaveBeenSent ||= client.hasConnected;
      switch (outcome.kind) {
        case 'appended':
          return this.appended(request, outcome, newestBefore);
        case 'conflict':
          return this.conflict(request, outcome.actual);
        case 'too large':
          throw new RangeError(
            `an append of ${request.bytes} bytes to ${request.stream} is more than EventStoreDB takes at once, ${outcome.maxBytes} bytes: raise its MaxAppendSize`,
          );
        case 'permanent':
          throw new Error(`cannot append to ${request.stream}: ${outcome.error.message}`);
        case 'transient': {
          // The last attempt may have been ended by the time limit: its error would hide the cause.
          if (reason === undefined || leftMs >= this.options.attemptTimeoutMs) reason = outcome.reason;
          const waitMs = backoffMs(failures, 20, 1_000);
          if (this.isAborted || performance.now() + waitMs >= giveUpAtMs) {
            throw new StoreUnavailable(
              mayHaveBeenSent
                ? `whether ${request.stream} was appended to is unknown: ${reason}`
                : `nothing was appended to ${request.stream}, because EventStoreDB cannot be reached: ${reason}`,
            );
          }
          await sleep(waitMs);
        }
      }
    }
  }

  private async attempt(
    request: AppendRequest,
    proposals: Proposals,
    leftMs: number,
  ): Promise<{ readonly outcome: AttemptOutcome; readonly client: Client }> {
    const { connection, attemptTimeoutMs, appendTimeoutMs } = this.options;
    const client = await connection.current();
    // An attempt that the append's time limit ends early proves nothing about a connection that others use.
    const isShort = leftMs < Math.min(attemptTimeoutMs, appendTimeoutMs / 2);
    try {
      const batch = await within(leftMs, 'connecting to EventStoreDB', client.batch());
      const { outcome, isStuck } = await batch.attempt(
        request,
        proposals,
        Math.min(leftMs, attemptTimeoutMs),
      );
      // One append without an answer proves nothing about the connection.
      if (isStuck && isShort) return { outcome, client };
      if (isStuck) connection.retire(client, 'appends are not answered');
      else if (!batch.isOpen)
        connection.retire(client, outcome.kind === 'transient' ? outcome.reason : 'it ended');
      else connection.worked(client);
      return { outcome, client };
    } catch (error) {
      if (!(isShort && error instanceof TimedOut)) connection.retire(client, failureText(error));
      return { outcome: failureOf(error), client };
    }
  }

  private async appended(
    { stream, expected, events }: AppendRequest,
    { revision, position: given }: AttemptOutcome & { readonly kind: 'appended' },
    newestBefore: number,
  ): Promise<AppendResult> {
    // A node that has written but not yet indexed the event answers without its position.
    const isKnown = given !== undefined && Number(given.commit) < Number.MAX_SAFE_INTEGER;
    const position = isKnown
      ? positionOf(given.commit, given.prepare)
      : await this.positionAt(stream, revision);
    this.newestPosition = Math.max(this.newestPosition, position);
    // Only with `any` can success belong to an earlier call: see proposalsOf(). It does if the position is not after
    // everything that was acknowledged before this append began.
    const replayed = expected === 'any' && events.length > 0 && position <= newestBefore;
    return { revision, position, replayed };
  }

  /** An earlier call may have written these events: then they follow the expected revision. */
  private async conflict(request: AppendRequest, actual: number | undefined): Promise<AppendResult> {
    const { stream, expected, events } = request;
    const refusal = new WrongExpectedRevision(stream, expected, actual);
    if (expected === 'any' || actual === undefined) throw refusal;
    const first = expected === 'none' ? 0 : expected + 1;
    if (actual < first + events.length - 1) throw refusal;
    const page = { direction: 'forwards', from: first, limit: events.length } as const;
    const recorded = await this.options.reader.readStream(stream, page);
    const last = recorded.at(-1);
    const isSame = recorded.length === events.length && recorded.every(({ id }, at) => id === events[at]?.id);
    if (last === undefined || !isSame) throw refusal;
    return { revision: last.revision, position: last.position, replayed: true };
  }

  private async positionAt(stream: string, revision: number): Promise<AppendResult['position']> {
    const [event] = await this.options.reader.readStream(stream, {
      direction: 'forwards',
      from: revision,
      limit: 1,
    });
    if (event === undefined) throw new StoreUnavailable(`${stream} was appended to but cannot be read yet`);
    return event.position;
  }
}

/** The outcome of one attempt to append. */
type AttemptOutcome =
  | { readonly kind: 'appended'; readonly revision: number; readonly position: RecordPosition | undefined }
  /** @property actual The stream's last revision, undefined when it has no events. */
  | { readonly kind: 'conflict'; readonly actual: number | undefined }
  | { readonly kind: 'too large'; readonly maxBytes: number }
  | Failure;

interface RecordPosition {
  readonly commit: string;
  readonly prepare: string;
}

interface Pending {
  readonly settle: (outcome: AttemptOutcome) => void;
}

/** One BatchAppend call: sends appends at once and assigns the answers by correlation id. Never rejects. */
export class BatchCall {
  private readonly pending = new Map<string, Pending>();
  private answers = 0;
  private ended: Failure | undefined;

  constructor(private readonly stream: BatchStream) {
    stream.on('data', (response: streams.BatchAppendResp) => this.receive(response));
    stream.on('error', (error: Error) => this.end(failureOf(error)));
    stream.on('end', () => this.end({ kind: 'transient', reason: 'the server ended the call' }));
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /**
   * One attempt. `isStuck`: it got no answer, and neither did any other append in that time.
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

  /** An answer that is not waited for any more is ignored. */
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
    const given = success.getPosition();
    const position = given && {
      commit: given.getCommitPosition(),
      prepare: given.getPreparePosition(),
    };
    return { kind: 'appended', revision: Number(success.getCurrentRevision()), position };
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
      // Timeout, Unknown, not ready, busy: it may have been written, or may still be.
      return { kind: 'transient', reason: error?.getMessage() || 'an answer without an outcome' };
  }
}
