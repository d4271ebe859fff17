import type { MessagePort } from 'node:worker_threads';
import type { DataSource } from 'typeorm';
import type { Dialect } from './engine/dialect.js';

/** The read models' database, migrated to this build, as projections and rebuilds use it. */
export interface WritableTables {
  /** Sessions of the dialect write; rows are read as they are committed. */
  readonly write: DataSource;
  readonly dialect: Dialect;
  close(): Promise<void>;
}

/** The read models' database, migrated to this build. */
export interface ReadModels extends WritableTables {
  /** For queries: sees committed batches only. */
  readonly read: DataSource;
  /** Removes what deleted rows of people left behind in the files, where that is in our power. */
  clean(): Promise<void>;
  /**
   * A port by which another thread of this process writes: one file has one writer. Undefined when each thread connects by
   * itself, as to a server.
   */
  connectWriter(): MessagePort | undefined;
}

/** Runs `work`, and closes what was opened when it fails. */
export async function closeOnError(
  opened: readonly DataSource[],
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    for (const dataSource of opened) await dataSource.destroy();
    throw error;
  }
}

/** Read models of two connections, closed once however often that is asked. */
export function readModels(
  write: DataSource,
  read: DataSource,
  {
    dialect,
    connectWriter,
    beforeClose,
  }: Pick<ReadModels, 'dialect' | 'connectWriter'> & { beforeClose?: () => Promise<void> },
): ReadModels {
  let closing: Promise<void> | undefined;
  const closeBoth = async (): Promise<void> => {
    await beforeClose?.();
    await read.destroy();
    await write.destroy();
  };
  return {
    write,
    read,
    dialect,
    connectWriter,
    clean: () => dialect.clean(write),
    close() {
      closing ??= closeBoth();
      return closing;
    },
  };
}
