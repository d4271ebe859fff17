import { setImmediate } from 'node:timers';
import type { Worker } from 'node:worker_threads';
import { emptyStream, expectedHead } from '../append-decision.js';
import type { AppendRequest } from '../append-request.js';
import { type AppendResult, StoreUnavailable, WrongExpectedRevision } from '../port.js';
import { asPosition } from '../subscription-loop.js';
import {
  type AppendBatch,
  conflict,
  type FromWriter,
  fullBatchBytes,
  maxAppendsPerBatch,
  type Outcomes,
  outcomeSize,
  replayed,
  written,
} from './messages.js';

/** Events that have just become durable. */
export interface CommittedAppend {
  readonly request: AppendRequest;
  /** Of the last event. */
  readonly revision: number;
  /** Of the last event; the events of one append have consecutive positions. */
  readonly position: number;
  readonly recordedAtMs: number;
}

export interface WriterClientOptions {
  readonly worker: Worker;
  readonly nowMs: () => number;
  /** Appends waiting for the disk beyond which new ones are turned away. */
  readonly maxWaitingAppends: number;
  /** Their JSON bytes likewise; a single append may exceed it. */
  readonly maxWaitingBytes: number;
  /** Called in log order with all that one commit made durable, before the appends resolve. */
  readonly onCommitted: (appends: readonly CommittedAppend[]) => void;
}

interface Pending {
  readonly request: AppendRequest;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
}

interface Settled extends CommittedAppend {
  readonly pending: Pending;
  readonly code: number | undefined;
}

interface SentBatch {
  readonly appends: readonly Pending[];
  readonly recordedAtMs: number;
}

/** Appends of one event-loop turn that are sent before it ends, so that the writer starts while more are prepared. */
const eagerAppends = 64;

/** The main thread's side of the writer: collects the appends of one event-loop turn, sends, and settles them. */
export class WriterClient {
  private collecting: Pending[] = [];
  private readonly sent: SentBatch[] = [];
  private waitingAppends = 0;
  private waitingBytes = 0;
  /** Why appends are turned away: closing, or the thread is gone. */
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
        this.abandon(`the event store's writer thread is gone: ${cause}`);
        resolve();
      });
    });
  }

  /**
   * Resolves when the events are durable.
   * @throws {StoreUnavailable} {@link WrongExpectedRevision} as the port says.
   */
  append(request: AppendRequest): Promise<AppendResult> {
    const { maxWaitingAppends, maxWaitingBytes } = this.options;
    if (this.refusal !== undefined) return Promise.reject(new StoreUnavailable(this.refusal));
    const tooManyBytes = this.waitingBytes > 0 && this.waitingBytes + request.bytes > maxWaitingBytes;
    if (this.waitingAppends >= maxWaitingAppends || tooManyBytes) {
      const waiting = `${this.waitingAppends} appends (${this.waitingBytes} bytes)`;
      return Promise.reject(
        new StoreUnavailable(`the event store is busy: ${waiting} are waiting for the disk`),
      );
    }
    this.waitingAppends += 1;
    this.waitingBytes += request.bytes;
    return new Promise((resolve, reject) => {
      this.collecting.push({ request, resolve, reject });
      if (this.collecting.length === 1) setImmediate(() => this.flush());
      if (this.collecting.length === eagerAppends) this.flush();
    });
  }

  /** Turns new appends away and resolves when the accepted ones are settled. */
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
    const collected = this.collecting;
    this.collecting = [];
    if (collected.length === 0) return;
    const recordedAtMs = this.options.nowMs();
    let appends: Pending[] = [];
    let bytes = 0;
    const send = (): void => {
      this.sent.push({ appends, recordedAtMs });
      this.options.worker.postMessage(toBatch(appends, recordedAtMs));
      appends = [];
      bytes = 0;
    };
    for (const append of collected) {
      appends.push(append);
      bytes += append.request.bytes;
      if (appends.length === maxAppendsPerBatch || bytes >= fullBatchBytes) send();
    }
    if (appends.length > 0) send();
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
    const settled: Settled[] = [];
    for (const { appends, recordedAtMs } of batches) {
      for (const pending of appends) {
        const at = settled.length * outcomeSize;
        const revision = outcomes[at + 1] ?? emptyStream;
        const position = outcomes[at + 2] ?? 0;
        settled.push({
          pending,
          request: pending.request,
          code: outcomes[at],
          revision,
          position,
          recordedAtMs,
        });
      }
    }
    this.options.onCommitted(settled.filter((append) => append.code === written));
    for (const append of settled) {
      this.release(append.request);
      answer(append);
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

  /** The thread is gone: nobody will answer what waits. */
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

function answer({ pending, request, code, revision, position }: Settled): void {
  if (code === conflict) {
    const actual = revision === emptyStream ? undefined : revision;
    pending.reject(new WrongExpectedRevision(request.stream, request.expected, actual));
  } else {
    pending.resolve({ revision, position: asPosition(position), replayed: code === replayed });
  }
}

function toBatch(appends: readonly Pending[], recordedAtMs: number): AppendBatch {
  const batch: AppendBatch = {
    kind: 'append',
    recordedAtMs,
    streams: [],
    expected: [],
    counts: [],
    ids: [],
    types: [],
    data: [],
    metadata: [],
  };
  for (const { request } of appends) {
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
