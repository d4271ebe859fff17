import type { DataSource } from 'typeorm';
import type { EventStore, SubscriptionBatch } from '../../event-store/port.js';
import type { Instant } from '../../events/ids.js';
import type { Clock } from '../../platform/clock.js';
import { advanceCheckpoints, type CheckpointMark } from './checkpoints.js';
import { DatabaseFailure, type Dialect, RowRefused, type WriteSession } from './dialect.js';
import type { Table } from './entity.js';
import {
  type ActiveProjection,
  CheckpointMoved,
  DecodedEvents,
  type FoldedBatch,
  foldBatch,
  markOf,
  ProjectionFailure,
} from './fold-batch.js';
import { fingerprintOfLog, madeFromText } from './made-from.js';
import { type RowChanges, type RowSource, writeTable } from './unit-of-work.js';

interface PipelineOptions {
  /** The log the batches come from. */
  readonly store: Pick<EventStore, 'readAll'>;
  readonly dialect: Pick<Dialect, 'withSession' | 'committedRows'>;
  readonly dataSource: DataSource;
  readonly clock: Clock;
}

/** How far a projection has folded the log, and what of it is being written. */
interface Folded {
  readonly position: number;
  readonly unwritten: RowChanges;
}

const nothing: RowChanges = new Map();

/**
 * Applies batches one after the other, each in one transaction of all rows and checkpoints. While the database writes
 * a batch, the next one is folded: rows not yet written are looked up in memory. Two batches are in memory at most.
 */
export class BatchPipeline {
  private readonly folded = new Map<ActiveProjection, Folded>();
  /** The batch before, until it is written. */
  private writing: Promise<void> = Promise.resolve();
  /** Fingerprint of the log, once it has an event. */
  private log: string | undefined;

  constructor(private readonly options: PipelineOptions) {}

  /** How far the projection has come, written or not. */
  positionOf(active: ActiveProjection): number {
    return this.folded.get(active)?.position ?? active.position;
  }

  /**
   * Resolves when the batch before is written and this one on its way; when this one is the last for now, once it is
   * written too.
   * @param projections those that have seen the batch already are passed over.
   * @param onWritten called after the commit.
   * @throws {CheckpointMoved} {@link ProjectionFailure} {@link DatabaseFailure}, of this batch or the one before.
   * Everything is then as the checkpoints say: the projections' caches and positions are to be read anew.
   */
  async apply(
    projections: readonly ActiveProjection[],
    batch: SubscriptionBatch,
    onWritten: () => void,
  ): Promise<void> {
    const behind = projections.filter((active) => this.positionOf(active) < batch.position);
    if (behind.length === 0) {
      await this.drain();
      onWritten();
      return;
    }
    const transaction = this.transactionOf(behind, batch, await this.madeFromOf(batch));
    const decoded = new DecodedEvents();
    try {
      const folds = await this.fold(behind, batch, decoded, transaction);
      // Rows written before the end of the batch are neither in memory nor committed.
      const hasWritten = transaction.session !== undefined;
      await this.writing;
      // Opened while this thread has nothing else to do, so that the database can begin with the rows.
      const session = await transaction.open();
      this.writing = this.write(session, folds, transaction).then(() => {
        for (const active of behind) active.position = batch.position;
        onWritten();
      });
      // A failure is thrown to the next caller that waits for it.
      this.writing.catch(() => undefined);
      for (const { active, changes } of folds) {
        this.folded.set(active, { position: batch.position, unwritten: changes });
      }
      if (batch.caughtUp || hasWritten) await this.writing;
    } catch (error) {
      await transaction.rollback();
      await this.drain();
      throw error;
    }
  }

  /** Waits until nothing is being written, and forgets everything. @throws what the last write failed with. */
  async drain(): Promise<void> {
    try {
      await this.writing;
    } finally {
      this.writing = Promise.resolve();
      this.folded.clear();
      this.log = undefined;
    }
  }

  /** The log identity to store with the batch; undefined when it has no event. */
  private async madeFromOf({ events }: SubscriptionBatch): Promise<string | undefined> {
    const last = events.at(-1);
    if (!last) return undefined;
    this.log ??= await fingerprintOfLog(this.options.store);
    return this.log && madeFromText(this.log, last);
  }

  private transactionOf(
    behind: readonly ActiveProjection[],
    batch: SubscriptionBatch,
    madeFrom: string | undefined,
  ): BatchTransaction {
    const { dialect, dataSource, clock } = this.options;
    const marks = () => behind.map(markOf);
    const at = clock.now();
    const { position: to } = batch;
    return new BatchTransaction({ dialect, dataSource, after: this.writing, marks, to, at, madeFrom });
  }

  /** The projections' tables are their own, so one may read while another folds. */
  private fold(
    behind: readonly ActiveProjection[],
    { events }: SubscriptionBatch,
    decoded: DecodedEvents,
    transaction: BatchTransaction,
  ): Promise<FoldedBatch[]> {
    return allOrFirstFailure(
      behind.map((active) => {
        const from = this.positionOf(active);
        const unseen = events.filter(({ position }) => position > from);
        return foldBatch(active, unseen, decoded, this.sourceOf(active, transaction));
      }),
    );
  }

  private sourceOf(active: ActiveProjection, transaction: BatchTransaction): RowSource {
    const { dialect, dataSource } = this.options;
    const tableName = (table: Table) => table.name + active.suffix;
    return {
      tableName,
      unwritten: this.folded.get(active)?.unwritten ?? nothing,
      committed: (table, keys) => dialect.committedRows(dataSource, table, tableName(table), keys),
      get transaction() {
        return transaction.session;
      },
      openTransaction: () => transaction.open(),
    };
  }

  private async write(
    session: WriteSession,
    folds: readonly FoldedBatch[],
    transaction: BatchTransaction,
  ): Promise<void> {
    try {
      await allOrFirstFailure(folds.map((fold) => writeChanges(session, fold)));
      await transaction.commit();
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
  }
}

/**
 * Asks for all at once: the database has something to do while this thread folds the next batch.
 * @throws {ProjectionFailure} the database will never take the rows.
 */
async function writeChanges(
  session: WriteSession,
  { active, changes, onlyEvent }: FoldedBatch,
): Promise<void> {
  try {
    await allOrFirstFailure(
      [...changes].map(([table, changed]) => writeTable(session, table, table.name + active.suffix, changed)),
    );
  } catch (error) {
    throw error instanceof RowRefused ? new ProjectionFailure(active, onlyEvent, error) : error;
  }
}

/** @throws the database's failure, or else the first one in order, once all have ended. */
async function allOrFirstFailure<Result>(work: readonly Promise<Result>[]): Promise<Result[]> {
  const outcomes = await Promise.allSettled(work);
  const results: Result[] = [];
  const failures: unknown[] = [];
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') results.push(outcome.value);
    else failures.push(outcome.reason);
  }
  if (failures.length > 0)
    throw failures.find((failure) => failure instanceof DatabaseFailure) ?? failures[0];
  return results;
}

interface TransactionOptions {
  readonly dialect: Pick<Dialect, 'withSession'>;
  readonly dataSource: DataSource;
  /** The end of the transaction before, which this one waits for. */
  readonly after: Promise<unknown>;
  /** Where the checkpoints are once that has ended. */
  readonly marks: () => readonly CheckpointMark[];
  /** Where they go. */
  readonly to: number;
  readonly at: Instant;
  /** See {@link advanceCheckpoints}. */
  readonly madeFrom: string | undefined;
}

/** The one transaction of a batch: its first statement moves the checkpoints, so that another runner's fails or waits. */
class BatchTransaction {
  /** Once it is open. */
  session: WriteSession | undefined;
  private opening: Promise<WriteSession> | undefined;
  private ended: Promise<void> = Promise.resolve();
  private end: (commit: boolean) => void = () => {};

  constructor(private readonly options: TransactionOptions) {}

  /**
   * Opens it, once.
   * @throws {CheckpointMoved} {@link DatabaseFailure}, or what the transaction before failed with.
   */
  open(): Promise<WriteSession> {
    this.opening ??= this.begin();
    return this.opening;
  }

  /** @throws {DatabaseFailure} whether it was committed only the checkpoint can tell then. */
  async commit(): Promise<void> {
    this.end(true);
    await this.ended;
  }

  /** Undoes all that was done; never fails. */
  async rollback(): Promise<void> {
    await this.opening?.catch(() => undefined);
    this.end(false);
    await this.ended.catch(() => undefined);
  }

  private async begin(): Promise<WriteSession> {
    const { dialect, dataSource, after } = this.options;
    await after;
    return new Promise((resolve, reject) => {
      this.ended = dialect.withSession(dataSource, (session) => this.run(session, resolve));
      this.ended.catch(reject);
    });
  }

  /** From BEGIN to COMMIT; the session is ours for as long as this runs. */
  private async run(session: WriteSession, opened: (session: WriteSession) => void): Promise<void> {
    const { marks, to, at, madeFrom } = this.options;
    const ending = new Promise<boolean>((resolve) => {
      this.end = resolve;
    });
    await session.begin();
    try {
      if (!(await advanceCheckpoints(session, marks(), to, at, madeFrom))) {
        throw new CheckpointMoved('somebody else has changed a checkpoint');
      }
      this.session = session;
      opened(session);
      if (await ending) await session.commit();
      else await session.rollback();
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }
}
