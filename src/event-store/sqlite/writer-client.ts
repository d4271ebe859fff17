/** What waits for the writer thread: how it is sent, and how the thread's answer settles it. */
import { setImmediate } from 'node:timers';
import type { Worker } from 'node:worker_threads';
import { type AppendRequest, emptyStream, expectedHead } from '../append.js';
import {
  type AppendResult,
  asPosition,
  StoreBusy,
  StoreUnavailable,
  WrongExpectedRevision,
} from '../port.js';
import {
  type AppendBatch,
  conflict,
  type FromWriter,
  fullBatchAppends,
  fullBatchBytes,
  type Outcomes,
  outcomeSize,
  replayed,
  written,
} from './writer.js';

export interface WriterClientOptions {
  readonly worker: Worker;
  readonly nowMs: () => number;
  /** With so many appends waiting for the disk, new ones are refused. */
  readonly maxWaitingAppends: number;
  /** The same limit for their JSON bytes; a single append may exceed it. */
  readonly maxWaitingBytes: number;
  /** Called in log order with everything that one commit made durable, before the appends resolve. */
  readonly onCommitted: (appends: readonly CommittedAppend[]) => void;
  /** Called when the thread ends without having been closed: every append fails from then on. */
  readonly onLost?: ((reason: string) => void) | undefined;
}

/**
 * The main thread's side of the writer: collects the appends of one event-loop turn, sends them and settles their
 * promises.
 */
export class WriterClient {
  private collecting: Pending[] = [];
  private collectingBytes = 0;
  private readonly sent: SentBatch[] = [];
  private waitingAppends = 0;
  private waitingBytes = 0;
  /** Why appends are refused: the store is closed, or the thread has ended. */
  private refusal: string | undefined;
  private readonly exited: Promise<void>;
  private whenIdle: (() => void) | undefined;

  constructor(private readonly options: WriterClientOptions) {
    const { worker } = options;
    worker.on('message', (message: FromWriter) => this.receive(message));
    let cause = 'it stopped';
    worker.on('error', (error) => {
      cause = String(error);
    });
    this.exited = new Promise((resolve) => {
      worker.on('exit', () => {
        const isLost = this.refusal === undefined;
        const reason = `the event store's writer thread is gone: ${cause}`;
        this.abandon(reason);
        if (isLost) this.options.onLost?.(reason);
        resolve();
      });
    });
  }

  /**
   * Resolves when the events are durable.
   * @throws {StoreBusy} {@link StoreUnavailable} {@link WrongExpectedRevision} as the port says.
   */
  append(request: AppendRequest): Promise<AppendResult> {
    const refusal = this.refusalOf(1, request.bytes);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const settle = (outcome: Settled): void => answer(outcome, resolve, reject);
      this.collect({ request, follows: false, settle, reject });
    });
  }

  /**
   * Sends appends that are made in order, in one message.
   * @throws {StoreBusy} {@link StoreUnavailable} as the port says.
   */
  appendInOrder(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    const bytes = requests.reduce((sum, request) => sum + request.bytes, 0);
    const refusal = this.refusalOf(requests.length, bytes);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const results: AppendResult[] = [];
      let left = requests.length;
      const settle = (outcome: Settled): void => {
        if (outcome.code === written) results.push(resultOf(outcome));
        left -= 1;
        if (left === 0) resolve(results);
      };
      for (const [index, request] of requests.entries()) {
        this.collect({ request, follows: index > 0, settle, reject }, index === requests.length - 1);
      }
    });
  }

  /** Why appends cannot be accepted now. */
  private refusalOf(appends: number, bytes: number): StoreUnavailable | undefined {
    const { maxWaitingAppends, maxWaitingBytes } = this.options;
    if (this.refusal !== undefined) return new StoreUnavailable(this.refusal);
    const tooManyBytes = this.waitingBytes > 0 && this.waitingBytes + bytes > maxWaitingBytes;
    const tooMany = this.waitingAppends > 0 && this.waitingAppends + appends > maxWaitingAppends;
    if (!tooMany && !tooManyBytes) return undefined;
    const waiting = `${this.waitingAppends} appends (${this.waitingBytes} bytes)`;
    return new StoreBusy(`the event store is busy: ${waiting} are waiting for the disk`);
  }

  /** @param isLast false: the next append belongs into the same message. */
  private collect(append: Pending, isLast = true): void {
    this.waitingAppends += 1;
    this.waitingBytes += append.request.bytes;
    this.collecting.push(append);
    this.collectingBytes += append.request.bytes;
    if (this.collecting.length === 1) setImmediate(() => this.flush());
    const isFull = this.collecting.length >= fullBatchAppends || this.collectingBytes >= fullBatchBytes;
    if (isFull && isLast) this.flush();
  }

  /** Refuses new appends and resolves when the accepted ones are settled. */
  async drain(): Promise<void> {
    this.refusal ??= 'the event store is closed';
    if (this.waitingAppends === 0) return;
    await new Promise<void>((resolve) => {
      this.whenIdle = resolve;
    });
  }

  /** Ends the thread, which closes the log. Call after {@link drain}. */
  async close(): Promise<void> {
    this.options.worker.postMessage({ kind: 'close' });
    await this.exited;
  }

  private flush(): void {
    const appends = this.collecting;
    if (appends.length === 0) return;
    this.collecting = [];
    this.collectingBytes = 0;
    const recordedAtMs = this.options.nowMs();
    this.sent.push({ appends, recordedAtMs });
    this.options.worker.postMessage(toBatch(appends, recordedAtMs));
  }

  private receive(message: FromWriter): void {
    if (message.kind !== 'committed' && message.kind !== 'failed') return;
    const batches = this.sent.splice(0, message.batches);
    if (message.kind === 'committed') {
      this.settle(batches, message.outcomes);
    } else {
      this.fail(
        batches.flatMap((batch) => batch.appends),
        `the event store could not write: ${message.reason}`,
      );
    }
  }

  private settle(batches: readonly SentBatch[], outcomes: Outcomes): void {
    const settled = settlements(batches, outcomes);
    this.options.onCommitted(settled.filter((append) => append.code === written));
    for (const append of settled) {
      this.release(append.request);
      append.pending.settle(append);
    }
    this.signalIdle();
  }

  private fail(appends: readonly Pending[], reason: string): void {
    for (const { request, reject } of appends) {
      this.release(request);
      reject(new StoreUnavailable(reason));
    }
    this.signalIdle();
  }

  /** The thread has ended: what waits will not be answered. */
  private abandon(reason: string): void {
    this.refusal ??= reason;
    const waiting = this.sent.splice(0).flatMap((batch) => batch.appends);
    waiting.push(...this.collecting.splice(0));
    this.fail(waiting, reason);
  }

  private release(request: AppendRequest): void {
    this.waitingAppends -= 1;
    this.waitingBytes -= request.bytes;
  }

  private signalIdle(): void {
    if (this.waitingAppends === 0) this.whenIdle?.();
  }
}

/** Events that have just become durable. */
export interface CommittedAppend {
  readonly request: AppendRequest;
  /** Of the last event. */
  readonly revision: number;
  /** Of the last event; the events of one append have consecutive positions. */
  readonly position: number;
  readonly recordedAtMs: number;
}

/** An append that is waited for. */
interface Pending {
  readonly request: AppendRequest;
  /** It is only made if the append before it was written. */
  readonly follows: boolean;
  readonly settle: (outcome: Settled) => void;
  readonly reject: (error: Error) => void;
}

/** An append and its outcome. */
interface Settled extends CommittedAppend {
  readonly pending: Pending;
  /** See {@link Outcomes}. */
  readonly code: number | undefined;
}

/** Appends that were sent to the thread in one message. */
interface SentBatch {
  readonly appends: readonly Pending[];
  readonly recordedAtMs: number;
}

/** The outcome of each append, in the order they were sent. */
function settlements(batches: readonly SentBatch[], outcomes: Outcomes): Settled[] {
  const settled: Settled[] = [];
  for (const { appends, recordedAtMs } of batches) {
    for (const pending of appends) {
      const at = settled.length * outcomeSize;
      settled.push({
        pending,
        request: pending.request,
        code: outcomes[at],
        revision: outcomes[at + 1] ?? emptyStream,
        position: outcomes[at + 2] ?? 0,
        recordedAtMs,
      });
    }
  }
  return settled;
}

/** Settles the promise of a single append. */
function answer(
  outcome: Settled,
  resolve: (result: AppendResult) => void,
  reject: (error: Error) => void,
): void {
  const { request, code, revision } = outcome;
  if (code === conflict) {
    const actual = revision === emptyStream ? undefined : revision;
    reject(new WrongExpectedRevision(request.stream, request.expected, actual));
  } else {
    resolve(resultOf(outcome));
  }
}

function resultOf({ code, revision, position }: Settled): AppendResult {
  return { revision, position: asPosition(position), replayed: code === replayed };
}

/** Appends as a message. */
function toBatch(appends: readonly Pending[], recordedAtMs: number): AppendBatch {
  const batch: AppendBatch = {
    kind: 'append',
    recordedAtMs,
    streams: [],
    expected: [],
    counts: [],
    follows: [],
    ids: [],
    types: [],
    data: [],
    metadata: [],
  };
  for (const { request, follows } of appends) {
    batch.follows.push(follows);
    batch.streams.push(request.stream);
    batch.expected.push(expectedHead(request.expected));
    batch.counts.push(request.events.length);
    for (const event of request.events) {
      batch.ids.push(event.id);
      batch.types.push(event.type);
      batch.data.push(event.data);
      batch.metadata.push(event.metadata);
    }
  }
  return batch;
}
