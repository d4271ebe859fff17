import { join } from 'node:path';
import { dataFiles } from '../app/engines.js';
import { createDataDir, readConfig } from '../platform/config.js';
import {
  type MigrationOutcome,
  migrateReadModels,
  type ReadModelLocation,
} from '../projections/open-read-models.js';
import { CliFailure, type DefineCommand, exitCodes } from './command.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly json?: boolean;
}

/** What `boxoffice migrate` does and takes. */
export const defineMigrateCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Runs the missing migrations of the read models in DATABASE_URL, or in DATA_DIR without it. A starting server ' +
        'does the same; use this to migrate before the first server starts, with an account that may change tables.',
    )
    .option('--json', 'print what was done as JSON')
    .action(async (flags: Flags) => {
      const outcome = await migrate(locationOf(terminal));
      terminal.out(flags.json ? `${JSON.stringify(outcome, null, 2)}\n` : describeOutcome(outcome));
      done(exitCodes.ok);
    });
};

function locationOf({ env }: Terminal): ReadModelLocation {
  const { DATABASE_URL, DATA_DIR } = readConfig(env);
  if (DATABASE_URL !== undefined) return { url: DATABASE_URL };
  createDataDir(DATA_DIR);
  return { file: join(DATA_DIR, dataFiles.readModels) };
}

async function migrate(location: ReadModelLocation): Promise<MigrationOutcome> {
  try {
    return await migrateReadModels(location);
  } catch (error) {
    // Every error here is about the database: its address, the account or the version.
    throw new CliFailure(
      `the read models could not be migrated: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function describeOutcome({ applied, present }: MigrationOutcome): string {
  const lines = [
    ...present.map((name) => `present    ${name}\n`),
    ...applied.map((name) => `run        ${name}\n`),
    applied.length === 0 ? 'No migration was missing.\n' : `Migrations run: ${applied.length}.\n`,
  ];
  return lines.join('');
}
