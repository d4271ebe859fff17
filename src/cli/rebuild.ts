import { randomUUID } from 'node:crypto';
import { readModelLocation } from '../app/engines.js';
import { systemClock } from '../platform/clock.js';
import { type Config, readConfig } from '../platform/config.js';
import { allProjections } from '../projections/all-projections.js';
import type { WrongRow } from '../projections/compare/compare-tables.js';
import type { Projection } from '../projections/engine/projection.js';
import { openReadModels, type ReadModels } from '../projections/open-read-models.js';
import {
  addRebuild,
  type RebuildProgress,
  type RebuildReport,
  RebuildStopped,
  type RebuiltProjection,
} from '../projections/rebuild/rebuild-record.js';
import { runRebuild } from '../projections/rebuild/rebuilder.js';
import { CliFailure, type DefineCommand, exitCodes } from './command.js';
import { openRevealedLog } from './open-log.js';
import type { Terminal } from './terminal.js';

/**
 * A server that writes the same file retries every 10 ms and gives up after 5 s: short transactions with pauses leave
 * it gaps.
 */
const besideAnotherWriter = { batchSize: 250, pauseMs: 12 };

interface Flags {
  readonly all?: boolean;
  readonly compareOnly?: boolean;
  readonly restart?: boolean;
  readonly json?: boolean;
}

/** What `boxoffice rebuild` does and takes. */
export const defineRebuildCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Builds the tables of projections from the log beside the live ones, reports rows that differ, and replaces the ' +
        `live tables while servers run. Names: ${allProjections.map(({ name }) => name).join(', ')}.`,
    )
    .argument('[name...]', 'projections to rebuild')
    .option('--all', 'rebuild every projection')
    .option('--compare-only', 'report differences and change nothing')
    .option('--restart', 'start over instead of continuing an interrupted rebuild')
    .option('--json', 'print the report as JSON')
    .action(async (names: readonly string[], flags: Flags) => {
      const projections = chosen(names, flags.all ?? false);
      const report = await rebuildUntilStopped(readConfig(terminal.env), terminal, projections, flags);
      if (report === undefined) {
        terminal.err('stopped; run the same command to continue, or with --restart to start over\n');
        done(exitCodes.interrupted);
        return;
      }
      terminal.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeRebuild(report));
      const isBad = flags.compareOnly === true && report.differenceCount > 0;
      done(isBad ? exitCodes.failed : exitCodes.ok);
    });
};

function chosen(names: readonly string[], all: boolean): readonly Projection[] {
  if (all) return allProjections;
  if (names.length === 0) throw new CliFailure('name the projections to rebuild, or use --all');
  const known = new Map(allProjections.map((projection) => [projection.name, projection]));
  return [...new Set(names)].map((name) => {
    const projection = known.get(name);
    if (!projection) throw new CliFailure(`there is no projection ${name}: ${[...known.keys()].join(', ')}`);
    return projection;
  });
}

/** @returns undefined when a signal ended it. */
async function rebuildUntilStopped(
  config: Config,
  terminal: Terminal,
  projections: readonly Projection[],
  flags: Flags,
): Promise<RebuildReport | undefined> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new RebuildStopped('stopped by a signal'));
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await rebuildHere(config, terminal, projections, { flags, signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) return undefined;
    if (error instanceof CliFailure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`the rebuild stopped: ${reason}`, exitCodes.failed);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function rebuildHere(
  config: Config,
  terminal: Terminal,
  projections: readonly Projection[],
  { flags, signal }: { readonly flags: Flags; readonly signal: AbortSignal },
): Promise<RebuildReport> {
  const log = await openRevealedLog(config, terminal);
  try {
    const location = readModelLocation(config);
    const models = await openReadModels(location);
    const line = new RebuildProgressLine(terminal);
    try {
      const request = {
        names: projections.map(({ name }) => name),
        compareOnly: flags.compareOnly ?? false,
        restart: flags.restart ?? false,
      };
      return await runRebuild({
        rebuildId: await writeDown(models, request),
        store: log.store,
        models,
        location,
        projections,
        request,
        ...(models.dialect.hasOneWriter ? besideAnotherWriter : { pauseMs: 0 }),
        signal,
        onProgress: (progress) => line.show(progress),
      });
    } finally {
      line.end();
      await models.close();
    }
  } finally {
    await log.close();
  }
}

async function writeDown(
  { write, dialect }: ReadModels,
  request: Parameters<typeof addRebuild>[1]['request'],
): Promise<string> {
  const rebuildId = randomUUID();
  const isOurs = await dialect.withSession(write, (session) =>
    addRebuild(session, { rebuildId, status: 'running', request }, systemClock.now()),
  );
  if (isOurs) return rebuildId;
  throw new CliFailure(
    'another rebuild of these read models is running, or died less than 30 seconds ago: wait for it or cancel it',
  );
}

const redrawEveryMs = 200;
const barWidth = 30;

const phases: Readonly<Record<RebuildProgress['phase'], string>> = {
  folding: 'reading the log',
  comparing: 'comparing rows',
  explaining: 'looking for the events behind the differences',
  swapping: 'swapping tables',
  waiting: 'waiting for open transactions that have used the tables',
  cleaning: 'dropping tables',
};

/** Shows a rebuild's progress on an interactive terminal. */
export class RebuildProgressLine {
  #shownAt = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(private readonly terminal: Terminal) {}

  show(progress: RebuildProgress): void {
    const nowMs = performance.now();
    if (!this.terminal.isInteractive || nowMs - this.#shownAt < redrawEveryMs) return;
    this.#shownAt = nowMs;
    this.#isShown = true;
    this.terminal.err(`\r\x1b[K${progressText(progress)}`);
  }

  end(): void {
    if (this.#isShown) this.terminal.err('\r\x1b[K');
  }
}

/** One line: bar, share, rate, time left. */
export function progressText(progress: RebuildProgress): string {
  const { phase, position, target, events, eventsPerSecond, secondsLeft } = progress;
  const share = target > 0 ? Math.min(1, Math.max(0, position) / target) : 0;
  const full = Math.round(share * barWidth);
  const bar = `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`;
  const left = secondsLeft !== null ? `, ${secondsLeft} s left` : '';
  return `${bar} ${Math.floor(share * 100)} %  ${phases[phase]}: ${events} events, ${eventsPerSecond}/s${left}`;
}

/** A rebuild's report for people. */
export function describeRebuild(report: RebuildReport): string {
  const { projections, tables, differenceCount, differences, events, elapsedMs } = report;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const lines = [
    ...projections.map(describeProjection),
    ...differences.flatMap(describeRow),
    ...(differences.length < differenceCount ? [`… and ${differenceCount - differences.length} more`] : []),
    `${events} events read in ${(elapsedMs / 1_000).toFixed(1)} s, ${rows} rows compared, ${differenceCount} different.`,
  ];
  return `${lines.join('\n')}\n`;
}

function describeProjection({ projection, comparedAt, problem, swappedAt }: RebuiltProjection): string {
  const compared = problem === null ? `compared at position ${comparedAt}` : `not compared: ${problem}`;
  const swapped = swappedAt === null ? 'left as it is' : `rebuilt up to position ${swappedAt}`;
  return `${projection.padEnd(10)} ${swapped}; ${compared}`;
}

function describeRow({ table, key, kind, event, cells }: WrongRow): string[] {
  const name = Object.entries(key)
    .map(([column, value]) => `${column}=${value}`)
    .join(' ');
  const why = (place: WrongRow['event']): string =>
    place ? `${place.type} at position ${place.position} (${place.stream} ${place.revision})` : 'no event';
  const words = { missing: 'is missing', unexpected: 'should not be there', different: 'differs' } as const;
  return [
    `${table} ${name} ${words[kind]}: ${why(event)}`,
    ...cells.map(
      ({ column, expected, found, event: decided }) =>
        `  ${column}: ${JSON.stringify(found)} should be ${JSON.stringify(expected)}, by ${why(decided)}`,
    ),
  ];
}
