import { createPublicKey } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { exportLines, signedExport } from '../../analysis/audit/export.js';
import { keyIdOf } from '../../analysis/audit/seal.js';
import { pagesOf } from '../../event-store/reading.js';
import { performanceIdSchema } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { systemClock } from '../../platform/clock.js';
import { readConfig } from '../../platform/config.js';
import { CliFailure, type ExitCode, exitCodes } from '../command.js';
import { openLog } from '../open-log.js';
import { stopOnSignal, type Terminal } from '../terminal.js';
import { sealingKey } from './seal-file.js';

interface Flags {
  readonly out: string;
  readonly verifier?: string;
}

/** The program that checks an export, independent of this one. */
const verifierFile = new URL('../../../bin/verify-export.mjs', import.meta.url);

/** Adds `audit export`. */
export function addExportCommand(audit: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  audit
    .command('export')
    .summary('write a signed export that proves a sale was fair')
    .description(
      'Writes the queue, turns, seats and orders of one performance to a file, without personal data, signed. Anybody ' +
        'can check it with Node.js only: node verify-export.mjs <file>.',
    )
    .argument('<performanceId>', 'the performance')
    .requiredOption('--out <file>', 'where to write it')
    .option('--verifier <file>', 'also write the program that checks it')
    .action(async (id: string, flags: Flags) => done(await runExport(id, flags, terminal)));
}

async function runExport(id: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const performanceId = performanceIdSchema.safeParse(id).data;
  if (performanceId === undefined) throw new CliFailure(`${id} is not the id of a performance (a UUID)`);
  const config = readConfig(terminal.env);
  const store = await openLog(config, terminal);
  const stop = stopOnSignal();
  try {
    const [first] = await store.readStream(streams.performance(performanceId), { limit: 1 });
    if (!first) throw new CliFailure(`there is no performance ${id} in the log`, exitCodes.failed);
    const key = sealingKey(config);
    const log = pagesOf((options) => store.readAll(options));
    const lines = signedExport(exportLines(log, performanceId, systemClock.now()), key);
    const count = await writeLines(flags.out, lines, stop.signal);
    if (flags.verifier !== undefined) copyFileSync(verifierFile, flags.verifier);
    // Without the header before the events and the signature after them.
    terminal.out(
      `${count - 2} events in ${flags.out}, signed by the key ${keyIdOf(createPublicKey(key))}.\n`,
    );
    return exitCodes.ok;
  } catch (error) {
    if (stop.signal.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    stop.ignore();
    await store.close();
  }
}

const bufferChars = 256 * 1024;

/** Writes lines to a temporary file and renames it when it is complete. @returns the number of lines. */
async function writeLines(path: string, lines: AsyncIterable<string>, signal: AbortSignal): Promise<number> {
  const draft = `${path}.part`;
  const file = await open(draft, 'w').catch((error: Error) => {
    throw new CliFailure(`${path} cannot be written: ${error.message}`);
  });
  let count = 0;
  try {
    let text = '';
    for await (const line of lines) {
      signal.throwIfAborted();
      text += `${line}\n`;
      count++;
      if (text.length < bufferChars) continue;
      await file.appendFile(text);
      text = '';
    }
    await file.appendFile(text);
    await file.close();
    await rename(draft, path);
    return count;
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
}
