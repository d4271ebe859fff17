import type { Command } from '@nestjs/cqrs';
import type { DataSource } from 'typeorm';
import { BoardFeeds } from '../boards/board-feeds.js';
import { QueueBoards } from '../boards/queue-boards.js';
import { SeatBoards } from '../boards/seat-boards.js';
import type { CommandSettings } from '../commands/settings.js';
import { StreamRepository } from '../commands/stream-repository.js';
import { Rejected } from '../domain/rejection.js';
import { type EventStore, type Position, StoreUnavailable } from '../event-store/port.js';
import type { PerformanceId, ScheduleId, TokenId } from '../events/ids.js';
import { toInstant } from '../events/ids.js';
import type { PaymentProvider } from '../integrations/payment/port.js';
import { Chance } from '../platform/chance.js';
import type { Clock } from '../platform/clock.js';
import type { ProcessLog } from '../platform/failure-log.js';
import { PasswordHasher } from '../platform/password-hasher.js';
import type { TokenSigner } from '../platform/token-signer.js';
import { AdmissionProcess } from '../processes/admission.js';
import { Cancellations } from '../processes/cancellations.js';
import { Expiry } from '../processes/expiry.js';
import type { Commands } from '../processes/periodic-task.js';
import { ChargeStillOpen, Recovery } from '../processes/recovery.js';
import { InProcessTimers } from '../processes/timers.js';
import { allProjections } from '../projections/all-projections.js';
import { DatabaseFailure, type WriteSession } from '../projections/engine/dialect.js';
import { ProjectionRunner } from '../projections/engine/runner.js';
import { ReadModelsUnavailable } from '../queries/database.js';
import { CheckpointProgress } from '../queries/projection-progress.js';
import type { BoardQueries, CommandQueries, ProcessQueries, ReadModelProgress } from '../queries/queries.js';
import type { BoardComparison } from '../queries/replies/boards.js';
import { commandSide } from './command-side.js';
import type { Random } from './random.js';
import type { Life } from './scheduler.js';
import { type SimulatedDatabase, SimulatedSession, simulatedDialect } from './simulated-database.js';
import type { SimulatedJobs } from './simulated-jobs.js';
import { ProcessStore, type SimulatedLog } from './simulated-log.js';
import type { SimulatedPaymentSystem } from './simulated-payments.js';
import { simulatedQueries } from './simulated-queries.js';
import type { World } from './world.js';

/** Intervals of the periodic processes, ms. */
const intervals = { sweepMs: 2_000, admissionMs: 500, resumeAfterMs: 4_000 } as const;

/** How long a starting process waits for its read models, ms. */
const catchUpTimeoutMs = 60_000;

/** Small enough that streams are evicted and read again, as in a large office. */
const maxCachedStreams = 64;

/** Small enough that rows are evicted and read again, as in a large office. */
const cachedRows = 8;

/** Small enough that boards and tokens are evicted, and changes forgotten before a board that is read has them. */
const boardSettings = {
  rememberedSeatChanges: 16,
  keptBoards: 2,
  keptQueues: 1,
  keptTokens: 4,
  waitForPositionTimeoutMs: 2_000,
  freshForMs: 250,
} as const;

/** One process of the product from start to death: its memory is lost when it dies. */
export class SimulatedProcess {
  readonly life: Life = { isOver: false, pausedUntilMs: 0 };
  readonly name: string;
  /** The offset of its clock from true time, ms. */
  clockOffsetMs: number;
  isServing = false;
  readonly #commands: Commands;
  readonly #boards: { readonly seats: SeatBoards; readonly queues: QueueBoards; readonly feeds: BoardFeeds };
  readonly #start: () => Promise<void>;
  readonly #sessions = new Set<SimulatedSession>();

  constructor(
    private readonly around: Surroundings,
    private readonly role: ProcessRole,
  ) {
    const { world, log, seams } = around;
    this.name = role.name;
    this.clockOffsetMs = role.clockOffsetMs;
    const { name, life } = this;
    const die = () => this.die('with an append on its way');
    const way = new ProcessStore(world, log, { name, life, isEmbedded: role.isEmbedded, die });
    const store = seams.store(way);
    const { progress, follow } = this.#readSide(store);
    const queries = simulatedQueries(world, around.database, this, progress);
    this.#commands = commandSide({
      store,
      repository: new StreamRepository(store, this.clock, {
        isOnlyWriter: role.isEmbedded,
        maxCachedStreams,
      }),
      clock: this.clock,
      settings: around.settings,
      payments: seams.payments(around.payments.for(this)),
      hasher: new PlainHasher(),
      signer: around.signer,
      chance: new SeededChance(world.random(`chance of ${role.name}`)),
      queries: seams.queries(queries),
    });
    const processes = this.#processes(store, queries);
    this.#boards = this.#openBoards(store, queries, progress);
    this.#start = async () => {
      follow();
      const head = await store.head();
      if (head !== undefined) await progress.waitFor(head, { timeoutMs: catchUpTimeoutMs });
      processes.recovery.start();
      processes.cancellations.start();
      await processes.expiry.start();
      processes.admission.start();
      await this.#boards.feeds.start();
      this.isServing = true;
    };
  }

  /** The process's clock. */
  readonly clock: Clock = {
    now: () => toInstant(this.clock.nowMs()),
    nowMs: () => this.around.world.scheduler.nowMs + this.clockOffsetMs,
  };

  /** Starts the process; if that fails, it dies and is restarted, as under a supervisor. */
  start(): void {
    const { world } = this.around;
    world.trace(() => `${this.name} starts`);
    const fail = (error: unknown) => {
      this.#judge(error, 'the process could not start');
      this.die(`while starting: ${describeError(error)}`);
    };
    world.scheduler.after(0, () => void this.#start().catch(fail), this.life);
  }

  /** Runs a command as a request does. */
  execute<Result>(command: Command<Result>): Promise<Result> {
    return this.#commands.execute(command);
  }

  /** A fan looks at a date's seats, a queue and the own place. */
  async look({ scheduleId, performanceId, tokenId }: Looked): Promise<void> {
    const { seats, queues } = this.#boards;
    if (scheduleId) await seats.of(scheduleId);
    await queues.queue(performanceId);
    if (tokenId) await queues.placeOf(tokenId);
  }

  /** What this process has in memory, beside the tables. */
  compareBoards(): Promise<BoardComparison[]> {
    return this.#boards.feeds.compare(this.clock);
  }

  die(how: string): void {
    if (this.life.isOver) return;
    const { world } = this.around;
    this.life.isOver = true;
    this.isServing = false;
    world.trace(() => `${this.name} dies ${how}`);
    for (const session of this.#sessions) session.abandon();
    this.role.onDeath();
  }

  /** Whether a transaction with changes is open. */
  get isWriting(): boolean {
    return [...this.#sessions].some((session) => session.hasChanges);
  }

  #readSide(store: EventStore): { progress: ReadModelProgress; follow: () => void } {
    const { database, seams } = this.around;
    if (!this.role.isProjecting) {
      const names = allProjections.map(({ name }) => name);
      return { progress: new CheckpointProgress(checkpointsOf(database), names), follow: () => undefined };
    }
    const dialect = simulatedDialect(
      () => this.#openSession(),
      (session) => seams.session(session, database),
    );
    const runner = new ProjectionRunner({
      store,
      dialect,
      // The dialect opens its own connections.
      dataSource: {} as DataSource,
      projections: allProjections,
      cachedRows,
      clock: this.clock,
      logger: this.#log,
    });
    return { progress: runner, follow: () => runner.start() };
  }

  #openBoards(store: EventStore, queries: BoardQueries, progress: ReadModelProgress) {
    const checkpoints = this.around.database;
    const tables = {
      waitFor: (position: Position, timeoutMs: number) => progress.waitFor(position, { timeoutMs }),
      // Checkpoints hold positions the log gave.
      current: () => Math.min(...checkpoints.checkpoints().values()) as Position,
    };
    const seats = new SeatBoards(queries, tables, boardSettings);
    const queues = new QueueBoards(queries, boardSettings, this.clock);
    return { seats, queues, feeds: new BoardFeeds(store, seats, queues, this.#log) };
  }

  #processes(store: EventStore, queries: ProcessQueries) {
    const { jobs } = this.around;
    const { sweepMs, admissionMs, resumeAfterMs } = intervals;
    const { isEmbedded } = this.role;
    const timers = isEmbedded
      ? new InProcessTimers(this.clock)
      : jobs.timersFor(this, () => this.clock.nowMs());
    const lease = isEmbedded ? undefined : jobs.leaseFor(this);
    const commands = this.#commands;
    const log = this.#log;
    return {
      recovery: new Recovery(commands, queries, this.clock, log, resumeAfterMs, sweepMs, lease),
      cancellations: new Cancellations(store, commands, queries, this.clock, log, sweepMs, lease),
      expiry: new Expiry(store, commands, timers, queries, this.clock, log, sweepMs, lease),
      admission: new AdmissionProcess(store, commands, queries, this.clock, log, admissionMs, lease),
    };
  }

  #openSession() {
    const session = new SimulatedSession(this.around.world, this.around.database, this);
    this.#sessions.add(session);
    const close = () => {
      session.abandon();
      this.#sessions.delete(session);
    };
    return { session, close };
  }

  readonly #log: ProcessLog = {
    info: () => undefined,
    warn: (details, message) => this.#judge(errorOf(details), message),
    error: (details, message) => this.#judge(errorOf(details) ?? new Error(message), message),
  };

  /** An error that a process logs is either expected or a finding. */
  #judge(error: unknown, message: string): void {
    const { world } = this.around;
    world.trace(() => `${this.name}: ${message} (${describeError(error)})`);
    if (error === undefined || isExpected(error)) return;
    const stack = error instanceof Error ? error.stack : undefined;
    world.find('unexpected-error', `${this.name}: ${message}: ${stack ?? String(error)}`);
  }
}

/** The error in a log line's details: `err`, or `error` where the projections write. */
function errorOf(details: object): unknown {
  if ('err' in details) return details.err;
  return 'error' in details ? details.error : undefined;
}

/** The one question that {@link CheckpointProgress} asks its database. */
function checkpointsOf(database: SimulatedDatabase): DataSource {
  const query = async () => {
    const positions = [...database.checkpoints().values()];
    const position = positions.length === 0 ? null : Math.min(...positions);
    return [{ position, found: positions.length, stuck: 0 }];
  };
  return { query } as unknown as DataSource; // nothing else of it is used
}

/** What a fan looks at. */
export interface Looked {
  readonly scheduleId: ScheduleId | undefined;
  readonly performanceId: PerformanceId;
  readonly tokenId: TokenId | undefined;
}

/** What all processes of an office share. */
export interface Surroundings {
  readonly world: World;
  readonly log: SimulatedLog;
  readonly database: SimulatedDatabase;
  readonly payments: SimulatedPaymentSystem;
  readonly jobs: SimulatedJobs;
  readonly settings: CommandSettings;
  /** One for all: it keeps nothing but what it has verified, and making it takes longer than a process's start. */
  readonly signer: TokenSigner;
  readonly seams: Seams;
}

interface ProcessRole {
  readonly name: string;
  /** The only process: log and timers are embedded. */
  readonly isEmbedded: boolean;
  /** Whether it writes read models; otherwise it reads what others wrote. */
  readonly isProjecting: boolean;
  /** The offset of its clock from true time at the start, ms. */
  readonly clockOffsetMs: number;
  /** Called when the process has died. */
  readonly onDeath: () => void;
}

/** Hooks between the product and its simulated surroundings, where tests inject bugs. */
export interface Seams {
  readonly store: (store: EventStore) => EventStore;
  readonly payments: (payments: PaymentProvider) => PaymentProvider;
  readonly queries: (queries: CommandQueries) => CommandQueries;
  readonly session: (session: WriteSession, database: SimulatedDatabase) => WriteSession;
}

/** Hooks that change nothing. */
export const noSeams: Seams = {
  store: (store) => store,
  payments: (payments) => payments,
  queries: (queries) => queries,
  session: (session) => session,
};

/** Numbers that the seed decides. */
class SeededChance extends Chance {
  constructor(private readonly random: Random) {
    super();
  }

  override below(bound: number): number {
    return this.random.below(bound);
  }
}

/** Passwords in plain text: argon2 uses threads, which a seed does not control, and takes longer than a whole run. */
class PlainHasher extends PasswordHasher {
  override async hash(password: string): Promise<string> {
    return `plain ${password}`;
  }

  override async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    return passwordHash === `plain ${password}`;
  }
}

/** Whether an error is caused by an outage, so that the caller retries. */
export function isOutage(error: unknown): boolean {
  return (
    error instanceof StoreUnavailable ||
    error instanceof ReadModelsUnavailable ||
    error instanceof DatabaseFailure
  );
}

/** Whether the product's design allows an error; any other one is a finding. */
export function isExpected(error: unknown): boolean {
  return isOutage(error) || error instanceof Rejected || error instanceof ChargeStillOpen;
}

/** An error in one line. */
export function describeError(error: unknown): string {
  if (error instanceof Rejected) return `refused: ${error.rejection.code}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
