import type { DataSource } from 'typeorm';
import type { Instant } from '../../events/ids.js';
import { advanceCheckpoints, type CheckpointMark } from './checkpoints.js';
import type { Dialect, WriteSession } from './dialect.js';
import { CheckpointMoved } from './fold-batch.js';

export interface TransactionOptions {
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
export class BatchTransaction {
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

  /** Undoes whatever was done; never fails. */
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
