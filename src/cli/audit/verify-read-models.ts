import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataFiles } from '../../app/engines.js';
import type { Config } from '../../platform/config.js';
import { compareReadModels } from '../../projections/compare/compare-read-models.js';
import type { ReadModelComparison } from '../../projections/compare/compare-tables.js';
import type { ReadModelLocation } from '../../projections/open-read-models.js';
import { CliFailure } from '../exit-codes.js';
import { openRevealedLog } from '../open-log.js';
import type { Terminal } from '../terminal.js';

/** A part of the verification that was left out, and why. */
export interface Skipped {
  readonly skipped: string;
}

/**
 * Compares the read models of this configuration with its log.
 * @throws {CliFailure} when either cannot be read.
 */
export async function verifyReadModels(
  config: Config,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ReadModelComparison | Skipped> {
  const location = locationOf(config);
  if ('skipped' in location) return location;
  const log = await openRevealedLog(config, terminal);
  try {
    return await compareReadModels({
      store: log.store,
      location,
      signal,
      onProgress: ({ events }) => {
        if (terminal.isInteractive) terminal.err(`\r${events} events folded`);
      },
    });
  } catch (error) {
    if (signal.aborted || error instanceof CliFailure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(
      `the read models cannot be compared: ${reason} (--skip-read-models leaves them out)`,
    );
  } finally {
    if (terminal.isInteractive) terminal.err('\n');
    await log.close();
  }
}

function locationOf({ DATABASE_URL, DATA_DIR }: Config): ReadModelLocation | Skipped {
  if (DATABASE_URL !== undefined) return { url: DATABASE_URL };
  const file = join(DATA_DIR, dataFiles.readModels);
  return existsSync(file) ? { file } : { skipped: `there are no read models at ${file}` };
}
