import { type MessagePort, Worker } from 'node:worker_threads';
import type { LogGrowth } from '../event-store/sqlite/sqlite-event-store.js';
import { compiledFile } from '../platform/compiled-file.js';
import type { Log } from '../platform/logging.js';
import type { RotatingSecret } from '../platform/rotating-secret.js';
import { beforeFirst } from '../projections/engine/checkpoints.js';
import type { Misfit } from '../projections/engine/made-from.js';
import { PositionWaiters } from '../projections/engine/position-waiters.js';
import type { RunnerState } from '../projections/engine/runner-status.js';
import type { ReadModelLocation } from '../projections/open-read-models.js';
import type { Projector } from './projector.js';

/** What the thread begins with: where everything is that it opens by itself. */
export interface ProjectionOrder {
  readonly log: { readonly file: string; readonly url?: undefined } | { readonly url: string };
  /** See LogFit. */
  readonly mayLag: boolean;
  readonly readModels: ReadModelLocation;
  /** See ReadModels.connectWriter. */
  readonly writer: MessagePort | undefined;
  readonly personalKeys: {
    /** Undefined: they are in the database of the read models. */
    readonly file: string | undefined;
    readonly secret: RotatingSecret;
    readonly isLossAccepted: boolean;
  };
}

export type ToProjection =
  /** The embedded log has grown. */
  | { readonly kind: 'grown' }
  /** Somebody waits for this position, for so long. */
  | { readonly kind: 'wait'; readonly position: number; readonly timeoutMs: number }
  | { readonly kind: 'stop' };

export type LogLevel = 'info' | 'warn' | 'error';

export type FromProjection =
  /** Everything is open. */
  | { readonly kind: 'ready'; readonly state: RunnerState }
  /** After each commit, and whenever something else changes. */
  | { readonly kind: 'state'; readonly state: RunnerState }
  | { readonly kind: 'misfit'; readonly misfit: Misfit }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly details: object; readonly message: string };

interface Parts {
  /** Tells of commits of an embedded log. */
  readonly growth: LogGrowth;
  readonly log: Pick<Log, LogLevel>;
  readonly onMisfit: (misfit: Misfit) => void;
  /** Called when the thread ends by itself. */
  readonly onLost: (reason: string) => void;
}

/** The thread hears at most this often that the log has grown, ms, unless somebody waits: events gather as long anyway. */
const growthEveryMs = 10;

const stopped = 'it stopped';

const unstarted: RunnerState = {
  running: false,
  position: beforeFirst,
  isStuck: false,
  lastError: null,
  projections: [],
};

/** Projects the log in a thread of its own; this is the side of the thread that serves requests. */
export class ProjectionThread implements Projector {
  readonly #worker: Worker;
  readonly #waiters = new PositionWaiters();
  readonly #exited: Promise<void>;
  readonly #stopListening: () => void;
  #state = unstarted;
  #isOpen = false;
  #isStopping = false;
  /** Runs until the thread may hear of growth again. */
  #quiet: NodeJS.Timeout | undefined;
  #hasGrown = false;

  /**
   * Resolves once the thread has opened everything.
   * @throws what it could not open.
   */
  static start(order: ProjectionOrder, parts: Parts): Promise<ProjectionThread> {
    return new Promise((resolve, reject) => {
      const thread = new ProjectionThread(order, parts, (failure) =>
        failure ? reject(failure) : resolve(thread),
      );
    });
  }

  /** @param opened called when everything is open, or with the reason why it cannot be. */
  private constructor(
    order: ProjectionOrder,
    private readonly parts: Parts,
    private readonly opened: (failure?: Error) => void,
  ) {
    this.#worker = new Worker(compiledFile(import.meta.url, './projection-thread.js'), {
      workerData: order,
      transferList: order.writer ? [order.writer] : [],
      execArgv: [],
    });
    this.#worker.on('message', (message: FromProjection) => this.#receive(message));
    let cause: string = stopped;
    this.#worker.on('error', (error) => {
      cause = String(error);
      if (!this.#isOpen) this.opened(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#ended(cause);
        resolve();
      });
    });
    this.#stopListening = parts.growth.listen(() => this.#grown());
  }

  get position(): number {
    return this.#state.position;
  }

  get state(): RunnerState {
    return this.#state;
  }

  async waitFor(position: number, { timeoutMs }: { readonly timeoutMs: number }): Promise<boolean> {
    if (this.position >= position) return true;
    if (this.#isStopping || this.#state.isStuck || !this.#state.running) return false;
    this.#send({ kind: 'wait', position, timeoutMs });
    return this.#waiters.wait(position, { timeoutMs });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopListening();
    clearTimeout(this.#quiet);
    this.#send({ kind: 'stop' });
    await this.#exited;
  }

  #send(message: ToProjection): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromProjection): void {
    if (message.kind === 'ready') {
      this.#isOpen = true;
      this.#state = message.state;
      this.opened();
    } else if (message.kind === 'state') {
      this.#state = message.state;
      this.#waiters.reached(this.position);
      if (this.#state.isStuck) this.#waiters.giveUp();
    } else if (message.kind === 'misfit') {
      this.parts.onMisfit(message.misfit);
      this.#waiters.giveUp();
    } else {
      this.parts.log[message.level](message.details, message.message);
    }
  }

  #grown(): void {
    this.#hasGrown = this.#quiet !== undefined;
    if (this.#hasGrown) return;
    this.#send({ kind: 'grown' });
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      if (this.#hasGrown) this.#grown();
    }, growthEveryMs);
  }

  #ended(cause: string): void {
    this.#stopListening();
    clearTimeout(this.#quiet);
    this.#state = { ...this.#state, running: false };
    this.#waiters.giveUp();
    const reason = `the thread that projects the log is gone: ${cause}`;
    if (!this.#isOpen) this.opened(new Error(reason));
    else if (!this.#isStopping) this.parts.onLost(reason);
    else if (cause !== stopped)
      this.parts.log.warn({ cause }, 'the thread that projects the log did not end in order');
  }
}
