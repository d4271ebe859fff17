import { Worker } from 'node:worker_threads';
import { compiledFile } from '../../platform/compiled-file.js';
import type { Cells, CellValue } from '../engine/entity.js';
import type { WalLimits } from './write-ahead-log.js';

/** What the writer thread begins with. */
export interface WriterOrder {
  readonly file: string;
  readonly walLimits: WalLimits | undefined;
}

/** What the writer thread is asked to do, in order. */
export type Ask =
  | { readonly kind: 'begin' | 'commit' | 'rollback' }
  /** Rows of a query. */
  | { readonly kind: 'all'; readonly sql: string; readonly parameters: readonly CellValue[] }
  /** Runs a statement: how many rows it changed. */
  | { readonly kind: 'run'; readonly sql: string; readonly parameters: readonly CellValue[] }
  /** Runs one for each of many parameter lists, given as JSON: one text crosses threads far faster than many objects. */
  | { readonly kind: 'run-each'; readonly sql: string; readonly parameterLists: string }
  /** The first row for each of many parameter lists, where there is one. */
  | {
      readonly kind: 'get-each';
      readonly sql: string;
      readonly parameterLists: readonly (readonly CellValue[])[];
    };

export interface ToWriter {
  readonly kind: 'ask' | 'close';
  /** Missing in `close`. */
  readonly ask?: Ask;
}

/** What an {@link Ask} results in: rows, or the number of rows changed. */
export type Answer = readonly Cells[] | number;

/** Answers come in the order of the asks. */
export type FromWriter =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failure'; readonly message: string; readonly code: string };

/** What SQLite said to the writer thread; `code` as better-sqlite3 has it. */
class WriterFailure extends Error {
  override readonly name = 'WriterFailure';
  constructor(
    message: string,
    readonly code?: string,
  ) {
    super(message);
  }
}

/** Hears why a writer thread ended by itself. */
export type LostWriter = (reason: string) => void;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (failure: WriterFailure) => void;
}

/** The main thread's side of the writer of one file: projections write there, so that requests are answered here. */
export class WriterClient {
  private readonly worker: Worker;
  /** Asks without an answer, oldest first. Few: sessions take turns, and each waits for its batch. */
  private readonly waiting: Waiting[] = [];
  private readonly exited: Promise<void>;
  private refusal: string | undefined;

  /**
   * @param file migrated.
   * @param onLost called when the thread ends without having been closed: nothing can be written from then on.
   */
  constructor(
    file: string,
    { walLimits, onLost }: { readonly walLimits?: WalLimits; readonly onLost?: LostWriter | undefined } = {},
  ) {
    const order: WriterOrder = { file, walLimits };
    this.worker = new Worker(compiledFile(import.meta.url, './writer-thread.js'), {
      workerData: order,
      execArgv: [],
    });
    this.worker.on('message', (message: FromWriter) => this.receive(message));
    // Read models that were not closed must not keep the process alive: see hold().
    this.worker.unref();
    let cause = 'it stopped';
    this.worker.on('error', (error) => {
      cause = String(error);
    });
    this.exited = new Promise((resolve) => {
      this.worker.on('exit', () => {
        const isLost = this.refusal === undefined;
        const reason = `the thread that writes the read models is gone: ${cause}`;
        this.abandon(reason);
        if (isLost) onLost?.(reason);
        resolve();
      });
    });
  }

  /** @throws {WriterFailure} what SQLite said, or that the thread is gone. */
  ask(ask: Ask): Promise<Answer> {
    if (this.refusal !== undefined) return Promise.reject(new WriterFailure(this.refusal));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.hold();
      this.send({ kind: 'ask', ask });
    });
  }

  /** Ends the thread once it has done what it was asked for. */
  async close(): Promise<void> {
    this.refusal ??= 'the read models are closed';
    this.worker.ref();
    this.send({ kind: 'close' });
    await this.exited;
  }

  private send(message: ToWriter): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWriter): void {
    const asked = this.waiting.shift();
    if (message.kind === 'answer') asked?.resolve(message.answer);
    else asked?.reject(new WriterFailure(message.message, message.code));
    this.hold();
  }

  /** The process goes on as long as somebody waits for an answer, and not because of us otherwise. */
  private hold(): void {
    if (this.waiting.length > 0) this.worker.ref();
    else if (this.refusal === undefined) this.worker.unref();
  }

  private abandon(reason: string): void {
    this.refusal ??= reason;
    for (const { reject } of this.waiting.splice(0)) reject(new WriterFailure(reason));
  }
}
