import type { DataSource } from 'typeorm';
import type { Dialect } from './engine/dialect.js';

/** The read models' database, migrated to this build. */
export interface ReadModels {
  /** For projections only. */
  readonly write: DataSource;
  /** For queries: sees committed batches only. */
  readonly read: DataSource;
  readonly dialect: Dialect;
  /** Removes what deleted rows of people left behind in the files, where that is in our power. */
  clean(): Promise<void>;
  close(): Promise<void>;
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
    clean,
    beforeClose,
  }: Pick<ReadModels, 'dialect' | 'clean'> & { beforeClose?: () => Promise<void> },
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
    clean,
    close() {
      closing ??= closeBoth();
      return closing;
    },
  };
}
