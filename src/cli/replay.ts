import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { replayChart } from '../analysis/what-if/chart.js';
import type { Demand } from '../analysis/what-if/demand.js';
import type { SaleSettings } from '../analysis/what-if/line.js';
import type { Outcome } from '../analysis/what-if/outcome.js';
import { NothingToReplay, readDemand } from '../analysis/what-if/recording.js';
import { type ReplayReport, replay } from '../analysis/what-if/report.js';
import { salesRulesSchema } from '../events/catalog-events.js';
import { type PerformanceId, performanceIdSchema } from '../events/ids.js';
import type { TurnTerms } from '../events/queue-events.js';
import { readConfig } from '../platform/config.js';
import { CliFailure, type DefineCommand, type ExitCode, exitCodes } from './command.js';
import { openLog } from './open-log.js';
import { type Terminal, textTable } from './terminal.js';

interface Flags {
  readonly holdTtl?: string;
  readonly maxActive?: string;
  readonly admitPerSecond?: string;
  readonly claimWindow?: string;
  readonly serviceWindow?: string;
  readonly idleWindow?: string;
  readonly maxLapsedHolds?: string;
  readonly maxReleasedHolds?: string;
  readonly seatCoolDown?: string;
  readonly seed?: string;
  readonly json?: boolean;
  readonly html?: string;
  readonly svg?: string;
}

/** What `boxoffice replay` does and takes. */
export const defineReplayCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Reads the fans of a performance’s on-sale and their actions from the log, and simulates the same fans under ' +
        'other settings: seats sold, waiting times, lapsed holds, fans who gave up. Nothing is written to the log. ' +
        'docs/what-if.md states the assumptions of the model.',
    )
    .argument('<performanceId>', 'the performance')
    .option('--hold-ttl <duration>', 'how long seats are held, such as 90s, 3m or 1h')
    .option('--max-active <number>', 'fans who may be active at the same time')
    .option('--admit-per-second <number>', 'fans admitted per second')
    .option('--claim-window <duration>', 'the time to enter after admission')
    .option('--service-window <duration>', 'the time to buy after entering')
    .option('--idle-window <duration>', 'the time inside without a hold, after which the turn is lost')
    .option('--max-lapsed-holds <number>', 'the turn ends when so many of its holds have lapsed')
    .option('--max-released-holds <number>', 'the turn ends when so many of its holds were given back')
    .option('--seat-cool-down <duration>', 'for how long a fan cannot hold the same seats again')
    .option('--seed <number>', 'the same seed makes the same run (default: a random one)')
    .option('--json', 'print the report as JSON')
    .option('--html <file>', 'write the report with its chart as one page')
    .option('--svg <file>', 'write the chart')
    .action(async (id: string, flags: Flags) => done(await runReplay(id, flags, terminal)));
};

async function runReplay(id: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const performanceId = performanceIdSchema.safeParse(id).data;
  if (performanceId === undefined) throw new CliFailure(`${id} is not the id of a performance (a UUID)`);
  const changes = changesOf(flags);
  const seed = seedOf(flags.seed);
  const demand = await demandOf(performanceId, terminal);
  const report = replay(demand, {
    seed,
    changes,
    onProgress: (run, joined) => show(terminal, `simulating ${run}: ${joined} of ${demand.fans.length} fans`),
  });
  if (terminal.isInteractive) terminal.err('\n');
  if (flags.svg !== undefined) writeReport('--svg', flags.svg, replayChart(report));
  if (flags.html !== undefined) writeReport('--html', flags.html, replayPage(report));
  terminal.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeReplay(report));
  return exitCodes.ok;
}

async function demandOf(performanceId: PerformanceId, terminal: Terminal): Promise<Demand> {
  const store = await openLog(readConfig(terminal.env), terminal);
  try {
    return await readDemand(store, performanceId, ({ events, fans }) =>
      show(terminal, `${events} events read, ${fans} fans found`),
    );
  } catch (error) {
    if (error instanceof NothingToReplay) throw new CliFailure(error.message);
    throw error;
  } finally {
    await store.close();
  }
}

function changesOf(flags: Flags): Partial<SaleSettings> {
  const { holdTtl, maxActive, admitPerSecond, claimWindow, serviceWindow } = flags;
  const { idleWindow, maxLapsedHolds, maxReleasedHolds, seatCoolDown } = flags;
  return {
    ...setting('--hold-ttl', 'holdTtlMs', holdTtl, durationMs),
    ...setting('--max-active', 'maxActive', maxActive, Number),
    ...setting('--admit-per-second', 'admitPerSecond', admitPerSecond, Number),
    ...setting('--claim-window', 'claimWindowMs', claimWindow, durationMs),
    ...setting('--service-window', 'serviceWindowMs', serviceWindow, durationMs),
    ...setting('--idle-window', 'idleWindowMs', idleWindow, durationMs),
    ...setting('--max-lapsed-holds', 'maxLapsedHolds', maxLapsedHolds, Number),
    ...setting('--max-released-holds', 'maxReleasedHolds', maxReleasedHolds, Number),
    ...setting('--seat-cool-down', 'seatCoolDownMs', seatCoolDown, durationMs),
  };
}

/** A setting within the bounds that a performance's own rules have. */
function setting(
  flag: string,
  name: keyof SaleSettings,
  text: string | undefined,
  parse: (text: string) => number,
): Partial<SaleSettings> {
  if (text === undefined) return {};
  const value = salesRulesSchema.shape[name].safeParse(text.trim() === '' ? Number.NaN : parse(text));
  if (value.success) return { [name]: value.data };
  throw new CliFailure(`${flag}: ${text}: ${value.error.issues[0]?.message ?? 'is not allowed'}`);
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `90s`, `3m`, `1h` or `500ms` in milliseconds; NaN for other text. */
function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  return Math.round(Number(amount) * (unitsMs[unit ?? ''] ?? Number.NaN));
}

function seedOf(text: string | undefined): number {
  if (text === undefined) return randomInt(1_000_000);
  const seed = Number(text);
  if (/^\d{1,10}$/.test(text) && seed < 2 ** 32) return seed;
  throw new CliFailure(`--seed: ${text} is not a whole number from 0 to ${2 ** 32 - 1}`);
}

function writeReport(flag: string, file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliFailure(
      `${flag}: cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Redraws a line on an interactive terminal. */
function show(terminal: Terminal, text: string): void {
  if (terminal.isInteractive) terminal.err(`\r\u001b[K${text}`);
}

/** A replay as one self-contained HTML file: chart, numbers and settings, without scripts. */
export function replayPage(report: ReplayReport): string {
  const { headings, rows } = tableOf(report);
  const head = headings.map((heading) => `<th scope="col">${escaped(sentence(heading))}</th>`).join('');
  const body = rows.map(
    ([name = '', ...cells]) =>
      `<tr><th scope="row">${escaped(name)}</th>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`,
  );
  const settings = settingsOf(report).map((setting) => `<li>${escaped(setting)}</li>`);
  const notes = report.notes.map((note) => `<p>${escaped(note)}</p>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>What if? ${escaped(report.performanceId)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>What if?</h1>
<p>The on-sale of performance <code>${escaped(report.performanceId)}</code>, as it happened and replayed with other settings (seed ${report.seed}).</p>
${replayChart(report)}
<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>
<p>“Happened” against “simulated, same” is the error of the model; “simulated, same” against “simulated, other” is the effect of the settings.</p>
<h2>Settings</h2>
<ul>${settings.join('')}</ul>
${notes.join('\n')}
</main>
</body>
</html>
`;
}

function sentence(heading: string): string {
  return heading.charAt(0) + heading.slice(1).toLowerCase();
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

const style = `
body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#fff;color:#1a1a1a}
main{max-width:760px;margin:0 auto;padding:16px}svg{width:100%;max-width:600px;height:auto;display:block}

.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:15px}
th,td{padding:6px 4px;text-align:right;border-bottom:1px solid #d8d8d8}td{white-space:nowrap}th:first-child{text-align:left;font-weight:400}
code{overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{background:#161616;color:#f2f2f2}th,td{border-color:#3a3a3a}}
`;

type Row = readonly [name: string, of: (outcome: Outcome) => string];

const rows: readonly Row[] = [
  ['fans who joined', ({ fans }) => grouped(fans)],
  ['seats for sale', ({ seatsForSale }) => grouped(seatsForSale)],
  ['seats sold', ({ seatsSold }) => grouped(seatsSold)],
  ['last sale after', ({ lastSaleAfterMs }) => duration(lastSaleAfterMs)],
  ['fans admitted', ({ admitted }) => grouped(admitted)],
  ['wait, half of them', ({ wait }) => duration(wait?.p50Ms ?? null)],
  ['wait, 95 %', ({ wait }) => duration(wait?.p95Ms ?? null)],
  ['wait, longest', ({ wait }) => duration(wait?.maxMs ?? null)],
  ['holds', ({ holds }) => grouped(holds)],
  ['holds that lapsed', ({ lapsedHolds }) => grouped(lapsedHolds)],
  ['fans who bought', ({ bought }) => grouped(bought)],
  ['entered, bought nothing', ({ leftEmptyHanded }) => grouped(leftEmptyHanded)],
  ['missed their turn', ({ missedTurn }) => grouped(missedTurn)],
  ['gave up waiting', ({ gaveUp }) => grouped(gaveUp)],
  ['never admitted', ({ neverGotIn }) => grouped(neverGotIn)],
];

/** A replay as a table for terminals and as cells for a page. */
export function tableOf({ recorded, baseline, whatIf }: ReplayReport): {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  return {
    headings: ['', 'HAPPENED', 'SIMULATED, SAME', 'SIMULATED, OTHER'],
    rows: rows.map(([name, of]) => [name, of(recorded), of(baseline), of(whatIf)]),
  };
}

/** What was recorded and what was changed, one setting a line. */
export function settingsOf({ recordedSettings, settings }: ReplayReport): string[] {
  const changed = (name: string, before: string, after: string) =>
    before === after ? `${name} ${before}` : `${name} ${before} → ${after}`;
  // Rules that a sale may do without.
  const optional = (name: string, rule: keyof TurnTerms, show: (value: number) => string) => {
    const [before, after] = [recordedSettings[rule], settings[rule]];
    if (before === undefined && after === undefined) return [];
    const shown = (value: number | undefined) => (value === undefined ? 'unlimited' : show(value));
    return [changed(name, shown(before), shown(after))];
  };
  return [
    changed('hold', duration(recordedSettings.holdTtlMs), duration(settings.holdTtlMs)),
    changed('active at once', grouped(recordedSettings.maxActive), grouped(settings.maxActive)),
    changed('admitted per second', String(recordedSettings.admitPerSecond), String(settings.admitPerSecond)),
    changed('time to enter', duration(recordedSettings.claimWindowMs), duration(settings.claimWindowMs)),
    changed('time to buy', duration(recordedSettings.serviceWindowMs), duration(settings.serviceWindowMs)),
    ...optional('time without a hold', 'idleWindowMs', duration),
    ...optional('lapsed holds', 'maxLapsedHolds', String),
    ...optional('released holds', 'maxReleasedHolds', String),
    ...optional('cool-down of seats', 'seatCoolDownMs', duration),
  ];
}

/** A replay's report for people to read. */
export function describeReplay(report: ReplayReport): string {
  const { headings, rows: cells } = tableOf(report);
  return [
    textTable(headings, cells),
    `settings: ${settingsOf(report).join(', ')}`,
    `HAPPENED against SIMULATED, SAME is the error of the model; SIMULATED, SAME against OTHER is the effect.`,
    ...report.notes,
    '',
  ].join('\n');
}

const grouped = (count: number) => count.toLocaleString('en');

/** A duration for people. */
function duration(ms: number | null): string {
  if (ms === null) return '-';
  const seconds = ms / 1_000;
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const rest = whole % 60;
  const parts = [
    hours > 0 ? `${hours} h` : '',
    minutes > 0 ? `${minutes} min` : '',
    rest > 0 ? `${rest} s` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}
