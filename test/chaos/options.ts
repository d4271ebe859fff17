import { parseArgs } from 'node:util';
import { CliFailure } from '../../src/cli/command.js';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import { type Mode, modeNames } from './chaos-office.js';
import { clusterFaults, hasRealLog } from './cluster-faults.js';
import { embeddedFaults } from './embedded-faults.js';
import { chosen, type RunSettings } from './run.js';

export interface ChaosOptions extends RunSettings {
  readonly modes: readonly Mode[];
  readonly json: boolean;
}

const numbers = {
  cycles: { default: 20, least: 1, most: 100_000, meaning: 'cycles in each mode' },
  from: { default: 0, least: 0, most: 1_000_000, meaning: 'number of the first cycle, to repeat one' },
  seed: { default: undefined, least: 0, most: 2_147_483_647, meaning: 'of every choice; default: a new one' },
  fans: { default: 12, least: 1, most: 500, meaning: 'fans at a time' },
  'freeze-ms': { default: 4_000, least: 1, most: 600_000, meaning: 'how long a process stands still' },
  'redis-away-ms': { default: 4_000, least: 1, most: 600_000, meaning: 'how long Redis is away' },
  'log-away-ms': {
    default: 10_000,
    least: 1,
    most: 600_000,
    meaning: 'how long two of three nodes of EventStoreDB are away',
  },
  'clock-shift-ms': { default: 2_000, least: 1, most: 600_000, meaning: 'how wrong a clock is' },
  'convergence-ms': {
    default: 30_000,
    least: 1,
    most: 3_600_000,
    meaning: 'how long after a fault something may be left of it',
  },
} as const;
type NumberName = keyof typeof numbers;

/** @throws {CliFailure} naming what cannot be understood. */
export function readOptions(args: readonly string[]): ChaosOptions | 'help' {
  const { values } = parsed(args);
  if (values.help) return 'help';
  const number = (name: NumberName, otherwise: number) => numberOf(name, values[name], otherwise);
  const modes = modesOf(values.mode);
  const faults = values.faults?.split(',').filter((name) => name !== '') ?? [];
  for (const name of faults) {
    if (modes.some((mode) => chosen(faultsOf(mode), [name]).length > 0)) continue;
    throw new CliFailure(`--faults: there is no fault ${name} in ${modes.join(' or ')} mode`);
  }
  return {
    // A mode in which none of them exists is not run.
    modes: modes.filter((mode) => chosen(faultsOf(mode), faults).length > 0),
    faults,
    json: values.json ?? false,
    cycles: number('cycles', numbers.cycles.default),
    from: number('from', numbers.from.default),
    seed: number('seed', Math.floor(Math.random() * 1_000_000)),
    fans: number('fans', numbers.fans.default),
    freezeMs: number('freeze-ms', numbers['freeze-ms'].default),
    redisAwayMs: number('redis-away-ms', numbers['redis-away-ms'].default),
    logAwayMs: number('log-away-ms', numbers['log-away-ms'].default),
    clockShiftMs: number('clock-shift-ms', numbers['clock-shift-ms'].default),
    convergenceMs: number('convergence-ms', numbers['convergence-ms'].default),
    database: databaseOf(values.database),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        mode: { type: 'string' },
        faults: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        cycles: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        fans: { type: 'string' },
        'freeze-ms': { type: 'string' },
        'redis-away-ms': { type: 'string' },
        'log-away-ms': { type: 'string' },
        'clock-shift-ms': { type: 'string' },
        'convergence-ms': { type: 'string' },
        database: { type: 'string' },
      },
    });
  } catch (error) {
    throw new CliFailure(
      `${error instanceof Error ? error.message : String(error)}. --help tells the options`,
    );
  }
}

function numberOf(name: NumberName, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const { least, most } = numbers[name];
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new CliFailure(`--${name} takes an integer from ${least} to ${most}, not "${text}"`);
}

function modesOf(text = 'embedded'): readonly Mode[] {
  if (text === 'both') return modeNames;
  const mode = modeNames.find((name) => name === text);
  if (mode) return [mode];
  throw new CliFailure(`--mode takes ${modeNames.join(', ')} or both, not "${text}"`);
}

function databaseOf(kind: string | undefined): ServerKind | undefined {
  if (kind === undefined || kind === 'mariadb' || kind === 'mysql') return kind;
  throw new CliFailure(`--database takes mariadb or mysql, not "${kind}"`);
}

/** The command that runs one cycle again. */
export function commandOf(mode: Mode, cycle: number, options: ChaosOptions): string {
  const { seed, fans, freezeMs, redisAwayMs, logAwayMs, clockShiftMs, convergenceMs, faults } = options;
  const named = {
    mode,
    seed,
    from: cycle,
    cycles: 1,
    fans,
    'freeze-ms': freezeMs,
    'redis-away-ms': redisAwayMs,
    'log-away-ms': logAwayMs,
    'clock-shift-ms': clockShiftMs,
    'convergence-ms': convergenceMs,
    ...(options.database === undefined ? {} : { database: options.database }),
  };
  const settings = Object.entries(named).map(([name, value]) => `--${name} ${value}`);
  const only = faults.length === 0 ? [] : [`--faults ${faults.join(',')}`];
  const log = mode === 'cluster' && hasRealLog ? ['EVENTSTORED', 'EVENTSTORED_NODES', 'EVENTSTORED_TLS'] : [];
  const environment = log.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return [...environment, 'npm run chaos --', ...settings, ...only].join(' ');
}

/** The faults of a mode, by name. */
function faultsOf(mode: Mode): readonly { readonly name: string; readonly meaning: string }[] {
  return mode === 'embedded' ? embeddedFaults : clusterFaults;
}

/** What --help says. */
export function usage(): string {
  const options = Object.entries(numbers).map(([name, { meaning, default: otherwise }]) => {
    return `  ${`--${name} <number>`.padEnd(26)}${meaning}${otherwise === undefined ? '' : ` (default ${otherwise})`}`;
  });
  const faults = modeNames.flatMap((mode) => [
    `\nFaults in ${mode} mode:`,
    ...faultsOf(mode).map(({ name, meaning }) => `  ${name.padEnd(17)}${meaning}`),
  ]);
  return `npm run chaos -- [options]

Runs an office under load, breaks something in every cycle, and compares all that was acknowledged with what is
there. See docs/chaos.md.

  --mode <mode>             embedded (default), cluster or both
  --faults <a,b,…>          only these; "kill" stands for all that begin with "kill-"
${options.join('\n')}
  --database <kind>         of cluster mode: mariadb or mysql; default: the one that is installed, or MariaDB
  --json                    one JSON object a cycle, then a summary
  --help                    this text
${faults.join('\n')}

Exit codes: 0 nothing found, 1 something found, 2 wrong options, 130 stopped by Ctrl-C.
`;
}
