import { setImmediate } from 'node:timers';
import type { Worker } from 'node:worker_threads';
import type { AppendRequest } from '../append-request.js';
import { type AppendResult, StoreUnavailable } from '../port.js';
import { type FromWriter, fullBatchBytes, maxAppendsPerBatch, type Outcomes, written } from './messages.js';
import {
  answer,
  type CommittedAppend,
  type Pending,
  type SentBatch,
  settlements,
  toBatch,
} from './pending-appends.js';

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

/** The main thread's side of the writer: collects the appends of one event-loop turn, sends and settles them. */
export class WriterClient {
  private collecting: Pending[] = [];
  private collectingBytes = 0;
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
      this.collectingBytes += request.bytes;
      if (this.collecting.length === 1) setImmediate(() => this.flush());
      const isFull = this.collecting.length === maxAppendsPerBatch || this.collectingBytes >= fullBatchBytes;
      if (isFull) this.flush();
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
