import type { Outcome } from '../../analysis/what-if/outcome.js';
import type { ReplayReport } from '../../analysis/what-if/report.js';
import { textTable } from '../text-table.js';

type Row = readonly [name: string, of: (outcome: Outcome) => string];

const rows: readonly Row[] = [
  ['fans who joined', ({ fans }) => grouped(fans)],
  ['seats for sale', ({ seatsForSale }) => grouped(seatsForSale)],
  ['seats sold', ({ seatsSold }) => grouped(seatsSold)],
  ['last sale after', ({ lastSaleAfterMs }) => duration(lastSaleAfterMs)],
  ['fans let in', ({ admitted }) => grouped(admitted)],
  ['wait, half of them', ({ wait }) => duration(wait?.p50Ms ?? null)],
  ['wait, 95 %', ({ wait }) => duration(wait?.p95Ms ?? null)],
  ['wait, longest', ({ wait }) => duration(wait?.maxMs ?? null)],
  ['holds', ({ holds }) => grouped(holds)],
  ['holds that lapsed', ({ lapsedHolds }) => grouped(lapsedHolds)],
  ['fans who bought', ({ bought }) => grouped(bought)],
  ['inside without buying', ({ leftEmptyHanded }) => grouped(leftEmptyHanded)],
  ['missed their turn', ({ missedTurn }) => grouped(missedTurn)],
  ['gave up waiting', ({ gaveUp }) => grouped(gaveUp)],
  ['never got in', ({ neverGotIn }) => grouped(neverGotIn)],
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
  return [
    changed('hold', duration(recordedSettings.holdTtlMs), duration(settings.holdTtlMs)),
    changed('inside at once', grouped(recordedSettings.maxActive), grouped(settings.maxActive)),
    changed('let in per second', String(recordedSettings.admitPerSecond), String(settings.admitPerSecond)),
    changed('time to enter', duration(recordedSettings.claimWindowMs), duration(settings.claimWindowMs)),
    changed('time inside', duration(recordedSettings.serviceWindowMs), duration(settings.serviceWindowMs)),
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

/** Milliseconds as people say them. */
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
