import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
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

/** What a client sends over its own port. */
export interface AskMessage {
  readonly kind: 'ask';
  readonly ask: Ask;
}

/** What the thread that started the writer sends beside its own asks. */
export type ToWriter =
  | AskMessage
  /** Another client asks over this port. */
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | { readonly kind: 'close' };

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

const closed = 'the read models are closed';

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (failure: WriterFailure) => void;
}

/** One client's line to the writer thread. */
class Line {
  /** Asks without an answer, oldest first. Few: sessions take turns, and each waits for its batch. */
  private readonly waiting: Waiting[] = [];
  private refusal: string | undefined;
  private whenIdle: (() => void) | undefined;

  /** @param end the thread itself, or a port to it. It keeps the process going only while an answer is waited for. */
  constructor(private readonly end: MessagePort | Worker) {
    end.on('message', (message: FromWriter) => this.receive(message));
    end.unref();
  }

  /** @throws {WriterFailure} what SQLite said, or why nothing can be asked any more. */
  ask(ask: Ask): Promise<Answer> {
    if (this.refusal !== undefined) return Promise.reject(new WriterFailure(this.refusal));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.end.ref();
      this.end.postMessage({ kind: 'ask', ask } satisfies AskMessage);
    });
  }

  /** Takes nothing more. @returns whether it still took something. */
  refuse(reason: string): boolean {
    const wasOpen = this.refusal === undefined;
    this.refusal ??= reason;
    return wasOpen;
  }

  /** What is waited for will not be answered. */
  abandon(): void {
    const reason = this.refusal ?? closed;
    for (const { reject } of this.waiting.splice(0)) reject(new WriterFailure(reason));
    this.whenIdle?.();
  }

  /** Resolves when nothing is waited for. */
  async idle(): Promise<void> {
    if (this.waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.whenIdle = resolve;
    });
  }

  private receive(message: FromWriter): void {
    const asked = this.waiting.shift();
    if (message.kind === 'answer') asked?.resolve(message.answer);
    else asked?.reject(new WriterFailure(message.message, message.code));
    if (this.waiting.length > 0) return;
    this.whenIdle?.();
    if (this.refusal === undefined) this.end.unref();
  }
}

/**
 * The thread that writes one file, and the line to it of the thread that started it. Others get a line of their own by
 * {@link connect}.
 */
export class WriterClient {
  private readonly worker: Worker;
  private readonly line: Line;
  private readonly exited: Promise<void>;

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
    // Read models that were not closed must not keep the process alive.
    this.line = new Line(this.worker);
    let cause = 'it stopped';
    this.worker.on('error', (error) => {
      cause = String(error);
    });
    this.exited = new Promise((resolve) => {
      this.worker.on('exit', () => {
        const reason = `the thread that writes the read models is gone: ${cause}`;
        const isLost = this.line.refuse(reason);
        this.line.abandon();
        if (isLost) onLost?.(reason);
        resolve();
      });
    });
  }

  /** @throws {WriterFailure} what SQLite said, or that the thread is gone. */
  ask(ask: Ask): Promise<Answer> {
    return this.line.ask(ask);
  }

  /** A port for the {@link WriterConnection} of another thread. Between a BEGIN and its end, others wait. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const message: ToWriter = { kind: 'connect', port: port1 };
    this.worker.postMessage(message, [port1]);
    return port2;
  }

  /** Ends the thread once it has done what it was asked for here. */
  async close(): Promise<void> {
    this.line.refuse(closed);
    this.worker.ref();
    const message: ToWriter = { kind: 'close' };
    this.worker.postMessage(message);
    await this.exited;
  }
}

/** Another thread's line to the writer. */
export class WriterConnection {
  private readonly line: Line;

  /** @param port of {@link WriterClient.connect}. */
  constructor(private readonly port: MessagePort) {
    this.line = new Line(port);
    port.on('close', () => {
      this.line.refuse('the thread that writes the read models is gone');
      this.line.abandon();
    });
  }

  /** @throws {WriterFailure} what SQLite said, or that the thread is gone. */
  ask(ask: Ask): Promise<Answer> {
    return this.line.ask(ask);
  }

  /** Closes it once everything that was asked for is done. */
  async close(): Promise<void> {
    this.line.refuse(closed);
    await this.line.idle();
    this.port.close();
  }
}
