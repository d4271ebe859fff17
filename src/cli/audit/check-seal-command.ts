import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  checkSeals,
  type FoundEvent,
  type SealCheck,
  type SealFinding,
} from '../../analysis/audit/check-seals.js';

import { readConfig } from '../../platform/config.js';
import { CliFailure, type ExitCode, exitCodes } from '../exit-codes.js';
import { openStoredLog } from '../open-stored-log.js';
import { stopOnSignal } from '../stop-on-signal.js';
import type { Terminal } from '../terminal.js';
import { sealLines } from './seal-file.js';
import { checkingKey, sealFiles } from './seal-key.js';

interface Flags {
  readonly seals?: string;
  readonly publicKey?: string;
  readonly json?: boolean;
}

/** Findings written out; the rest is counted. */
const maxShown = 20;

/** Adds `audit check-seal`. */
export function addCheckSealCommand(
  audit: Command,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): void {
  audit
    .command('check-seal')
    .summary('check that the log is what was sealed')
    .description(
      'Checks the chain of seals, their signatures, and every sealed event of the log. A seal file kept elsewhere and ' +
        'the public key are all it needs beside the log.',
    )
    .option('--seals <file>', `the seal file (default: ${sealFiles.seals} in DATA_DIR)`)
    .option('--public-key <file>', `PEM (default: SEAL_KEY_FILE’s, or ${sealFiles.publicKey} in DATA_DIR)`)
    .option('--json', 'print the result as JSON')
    .action(async (flags: Flags) => done(await runCheckSeal(flags, terminal)));
}

async function runCheckSeal(flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const config = readConfig(terminal.env);
  const path = flags.seals ?? join(config.DATA_DIR, sealFiles.seals);
  if (!existsSync(path)) throw new CliFailure(`there is no seal file at ${path}`);
  const publicKey = checkingKey(config, flags.publicKey);
  const log = await openStoredLog(config, terminal);
  const stop = stopOnSignal();
  try {
    const check = await checkSeals(sealLines(path), log, {
      publicKey,
      signal: stop.signal,
      onProgress: ({ events }) => {
        if (terminal.isInteractive) terminal.err(`\r${events} events compared`);
      },
    });
    if (terminal.isInteractive) terminal.err('\n');
    terminal.out(flags.json ? `${JSON.stringify(check, null, 2)}\n` : describeCheck(check));
    return check.clean ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (stop.signal.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    stop.ignore();
    await log.close();
  }
}

function describeCheck({
  clean,
  seals,
  events,
  unsealedEvents,
  lastSeal,
  findings,
  findingCount,
}: SealCheck): string {
  const lines = [
    `${seals} seals are signed and in order, ${events} events compared, ${unsealedEvents} events behind the last seal.`,
  ];
  if (lastSeal) {
    lines.push(`The last seal is number ${lastSeal.number} of ${lastSeal.sealedAt}, ${lastSeal.hash}`);
  }
  if (clean) lines.push(seals === 0 ? 'Nothing was sealed.' : 'Nothing was changed.');
  else {
    lines.push(
      `${findingCount} findings:`,
      ...findings.slice(0, maxShown).map((finding) => `  ${describe(finding)}`),
    );
    if (findingCount > maxShown) lines.push(`  … and ${findingCount - maxShown} more`);
  }
  return `${lines.join('\n')}\n`;
}

function describe(finding: SealFinding): string {
  if (finding.kind === 'seal') return `line ${finding.line} of the seal file ${finding.problem}`;
  const { seal, after, upTo, sealedEvents, foundEvents, first } = finding;
  const range = `seal ${seal} (positions ${after ?? 'from the start'} to ${upTo})`;
  const count =
    foundEvents === sealedEvents ? '' : `; ${sealedEvents} events were sealed, ${foundEvents} are there`;
  switch (first.kind) {
    case 'changed':
      return `${range}: ${place(first.event)} is not what was sealed there${count}`;
    case 'added':
      return `${range}: ${place(first.event)} was not sealed${count}`;
    case 'missing':
      return `${range}: an event is gone ${first.after ? `behind ${place(first.after)}` : 'at the start'}${count}`;
  }
}

function place({ position, stream, revision, type }: FoundEvent): string {
  return `${type} at position ${position} (${stream || 'of no stream'} @${revision})`;
}
