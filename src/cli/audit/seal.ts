import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  checkSeals,
  type FoundEvent,
  type SealCheck,
  type SealFinding,
} from '../../analysis/audit/check-seals.js';
import {
  isSignedBy,
  keyIdOf,
  maxRangeEvents,
  type Seal,
  sealHash,
  sealLog,
  stillHolds,
} from '../../analysis/audit/seal.js';
import type { StoredLog } from '../../event-store/port.js';
import { systemClock } from '../../platform/clock.js';
import { readConfig } from '../../platform/config.js';
import { CliFailure, type ExitCode, exitCodes, toWholeNumber } from '../command.js';
import { openStoredLog } from '../open-log.js';
import { counted, stopOnSignal, type Terminal } from '../terminal.js';
import { checkingKey, publicPem, SealFile, sealFiles, sealingKey, sealLines } from './seal-file.js';

interface SealFlags {
  readonly out?: string;
  readonly range: string;
  readonly json?: boolean;
}

/** What a run of `audit seal` did. */
interface Sealed {
  readonly file: string;
  readonly newSeals: number;
  readonly newEvents: number;
  readonly lastSeal: { readonly number: number; readonly upTo: number; readonly hash: string } | null;
  readonly key: string;
}

/** Adds `audit seal` and `audit public-key`. */
export function addSealCommands(audit: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  audit
    .command('seal')
    .summary('sign the log as it is now')
    .description(
      'Appends signed digests of the events after the last seal to a seal file, so that "check-seal" finds sealed events ' +
        'that were changed, removed, added or reordered later. Keep copies of the file elsewhere.',
    )
    .option('--out <file>', `the seal file (default: ${sealFiles.seals} in DATA_DIR)`)
    .option('--range <events>', `events under one seal, up to ${maxRangeEvents}`, '1000')
    .option('--json', 'print what was sealed as JSON')
    .action(async (flags: SealFlags) => done(await runSeal(flags, terminal)));
  audit
    .command('public-key')
    .summary('print the key that seals and exports are checked with')
    .description('Prints the public half of the key that "seal" and "export" sign with, as PEM.')
    .action(() => {
      terminal.out(publicPem(createPublicKey(sealingKey(readConfig(terminal.env)))));
      done(exitCodes.ok);
    });
}

async function runSeal(flags: SealFlags, terminal: Terminal): Promise<ExitCode> {
  const rangeEvents = toWholeNumber('--range', flags.range, 1, maxRangeEvents);
  const config = readConfig(terminal.env);
  const log = await openStoredLog(config, terminal);
  const stop = stopOnSignal();
  try {
    const key = sealingKey(config);
    const path = flags.out ?? join(config.DATA_DIR, sealFiles.seals);
    const file = await SealFile.open(path);
    try {
      const { last: before } = file;
      const publicKey = createPublicKey(key);
      if (before) await assertContinues(before, log, publicKey, path);
      let last = before;
      let newEvents = 0;
      for await (const seal of sealLog(log, { last, rangeEvents, key, now: () => systemClock.now() })) {
        await file.append(seal);
        last = seal;
        newEvents += seal.events;
        if (terminal.isInteractive) terminal.err(`\r${newEvents} events sealed`);
        if (stop.signal.aborted) break;
      }
      if (terminal.isInteractive && newEvents > 0) terminal.err('\n');
      const newSeals = (last?.number ?? -1) - (before?.number ?? -1);
      const lastSeal = last ? { number: last.number, upTo: last.upTo, hash: sealHash(last) } : null;
      const sealed: Sealed = { file: path, newSeals, newEvents, lastSeal, key: keyIdOf(publicKey) };
      terminal.out(flags.json ? `${JSON.stringify(sealed, null, 2)}\n` : describeSealed(sealed));
      return stop.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
    } finally {
      await file.close();
    }
  } finally {
    stop.ignore();
    await log.close();
  }
}

/** New seals must not hide that the log or the key has changed since the last one. */
async function assertContinues(
  last: Seal,
  log: StoredLog,
  publicKey: ReturnType<typeof createPublicKey>,
  path: string,
): Promise<void> {
  if (!isSignedBy(last, publicKey)) {
    throw new CliFailure(
      `${path} was signed by the key ${last.key}, not by this one, ${keyIdOf(publicKey)}: start another file with --out`,
    );
  }
  if (await stillHolds(log, last)) return;
  throw new CliFailure(
    `the log has changed since seal ${last.number}: run "boxoffice audit check-seal" for details`,
    exitCodes.failed,
  );
}

function describeSealed({ file, newSeals, newEvents, lastSeal, key }: Sealed): string {
  if (!lastSeal) return 'The log is empty: there is nothing to seal.\n';
  const { number, upTo, hash } = lastSeal;
  return [
    newSeals === 0
      ? 'Nothing is new since the last seal.'
      : `${counted(newEvents, 'event', 'events')} sealed with ${counted(newSeals, 'seal', 'seals')} in ${file}, signed by the key ${key}.`,
    `The last seal is number ${number}, up to position ${upTo}. Keep its hash elsewhere:`,
    `  ${hash}`,
    '',
  ].join('\n');
}

interface CheckSealFlags {
  readonly seals?: string;
  readonly publicKey?: string;
  readonly json?: boolean;
}

/** Findings written out; more are only counted. */
const maxShown = 20;

/** Adds `audit check-seal`. */
export function addCheckSealCommand(
  audit: Command,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): void {
  audit
    .command('check-seal')
    .summary('check the log against its seals')
    .description(
      'Checks the chain of seals, their signatures, and every sealed event of the log. It needs only ' +
        'the log, a seal file and the public key.',
    )
    .option('--seals <file>', `the seal file (default: ${sealFiles.seals} in DATA_DIR)`)
    .option('--public-key <file>', `PEM (default: SEAL_KEY_FILE’s, or ${sealFiles.publicKey} in DATA_DIR)`)
    .option('--json', 'print the result as JSON')
    .action(async (flags: CheckSealFlags) => done(await runCheckSeal(flags, terminal)));
}

async function runCheckSeal(flags: CheckSealFlags, terminal: Terminal): Promise<ExitCode> {
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
    [
      `${counted(seals, 'seal is', 'seals are')} signed and in order`,
      `${counted(events, 'event', 'events')} compared`,
      `${counted(unsealedEvents, 'event', 'events')} after the last seal.`,
    ].join(', '),
  ];
  if (lastSeal) {
    lines.push(`The last seal is number ${lastSeal.number} of ${lastSeal.sealedAt}, ${lastSeal.hash}`);
  }
  if (clean) lines.push(seals === 0 ? 'There are no seals.' : 'Nothing was changed.');
  else {
    lines.push(
      `${counted(findingCount, 'finding', 'findings')}:`,
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
    foundEvents === sealedEvents
      ? ''
      : `; ${counted(sealedEvents, 'event was', 'events were')} sealed, ${counted(foundEvents, 'is', 'are')} there`;
  switch (first.kind) {
    case 'changed':
      return `${range}: ${place(first.event)} differs from what was sealed there${count}`;
    case 'added':
      return `${range}: ${place(first.event)} was not sealed${count}`;
    case 'missing':
      return `${range}: an event is missing ${first.after ? `after ${place(first.after)}` : 'at the start'}${count}`;
  }
}

function place({ position, stream, revision, type }: FoundEvent): string {
  return `${type} at position ${position} (${stream || 'of no stream'} @${revision})`;
}
