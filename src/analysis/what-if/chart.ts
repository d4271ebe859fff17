import type { Outcome, SoldPoint } from './outcome.js';
import type { ReplayReport } from './report.js';

/** The width of a phone, so that text keeps its size there. */
const width = 400;
const height = 400;
const plot = { left: 54, right: 14, top: 132, bottom: 46 } as const;

interface Curve {
  readonly name: string;
  readonly className: string;
  readonly outcome: Outcome;
}

/** A chart of seats sold over time: recorded, simulated with the same settings, and with other settings. */
export function replayChart(report: ReplayReport): string {
  const curves: readonly Curve[] = [
    { name: 'what happened', className: 'recorded', outcome: report.recorded },
    { name: 'simulated, same settings', className: 'baseline', outcome: report.baseline },
    { name: 'simulated, other settings', className: 'what-if', outcome: report.whatIf },
  ];
  const endMs = niceEnd(
    Math.max(1_000, ...curves.map(({ outcome }) => outcome.sold.at(-1)?.afterMs ?? 0)) * 1.02,
  );
  const seats = Math.max(1, ...curves.flatMap(({ outcome }) => outcome.sold.map((point) => point.seats)));
  const seatSteps = ticks(seats, 5);
  const top = Math.max(seats, seatSteps.at(-1) ?? 1);
  const x = (ms: number) => plot.left + (ms / endMs) * (width - plot.left - plot.right);
  const y = (count: number) => height - plot.bottom - (count / top) * (height - plot.top - plot.bottom);
  const timeSteps = ticks(endMs, 5, timeUnits);
  const unit = endMs >= 7_200_000 ? hours : endMs >= 180_000 ? minutes : seconds;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="chart-title chart-desc">
<title id="chart-title">Seats sold over time</title>
<desc id="chart-desc">${describe(report)}</desc>
<style>${style}</style>
<rect class="paper" width="${width}" height="${height}"/>
<text class="heading" x="10" y="24">Seats sold over time</text>
${curves.map(legend).join('\n')}
${seatSteps.map((count) => `<line class="grid" x1="${plot.left}" x2="${width - plot.right}" y1="${n1(y(count))}" y2="${n1(y(count))}"/><text class="tick" x="${plot.left - 8}" y="${n1(y(count) + 5)}" text-anchor="end">${grouped(count)}</text>`).join('\n')}
${timeSteps.map((ms) => `<line class="mark" x1="${n1(x(ms))}" x2="${n1(x(ms))}" y1="${height - plot.bottom}" y2="${height - plot.bottom + 5}"/><text class="tick" x="${n1(x(ms))}" y="${height - plot.bottom + 22}" text-anchor="middle">${n1(ms / unit.ms)}</text>`).join('\n')}
<line class="axis" x1="${plot.left}" x2="${width - plot.right}" y1="${height - plot.bottom}" y2="${height - plot.bottom}"/>
<text class="label" x="${(plot.left + width - plot.right) / 2}" y="${height - 8}" text-anchor="middle">${unit.name} since the opening</text>
<text class="label" x="10" y="${plot.top - 12}">seats sold</text>
${curves.map(({ className, outcome }) => `<path class="${className}" d="${pathOf(outcome.sold, endMs, x, y)}"/>`).join('\n')}
</svg>
`;
}

/** A step curve: the count stays the same between two sales. */
function pathOf(
  points: readonly SoldPoint[],
  endMs: number,
  x: (ms: number) => number,
  y: (n: number) => number,
) {
  let path = `M${n1(x(0))} ${n1(y(0))}`;
  for (const { afterMs, seats } of points) path += `H${n1(x(afterMs))}V${n1(y(seats))}`;
  return `${path}H${n1(x(endMs))}`;
}

function legend({ name, className, outcome }: Curve, row: number): string {
  const y = 46 + 22 * row;
  const summary = `: ${grouped(outcome.seatsSold)}`;
  return `<line class="${className}" x1="10" x2="36" y1="${y}" y2="${y}"/><text class="legend" x="44" y="${y + 5}">${name}${summary}</text>`;
}

function describe({ recorded, baseline, whatIf }: ReplayReport): string {
  const words = (name: string, { seatsSold, wait, lapsedHolds }: Outcome) =>
    `${name}: ${seatsSold} seats sold, ${lapsedHolds} holds lapsed, half of the admitted fans waited up to ${Math.round((wait?.p50Ms ?? 0) / 1000)} seconds.`;
  return [
    words('What happened', recorded),
    words('Simulated with the same settings', baseline),
    words('Simulated with other settings', whatIf),
  ].join(' ');
}

interface Unit {
  readonly name: string;
  readonly ms: number;
}
const seconds: Unit = { name: 'seconds', ms: 1_000 };
const minutes: Unit = { name: 'minutes', ms: 60_000 };
const hours: Unit = { name: 'hours', ms: 3_600_000 };

/** Steps of the time axis that are easy to read. */
const timeUnits = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].map(
  (s) => s * 1_000,
);

/** At most `most` even steps from 0 up to `end`. @param steps what they may be; default 1, 2, 5, 10, 20, … */
function ticks(end: number, most: number, steps: readonly number[] = decimalSteps): number[] {
  const step = steps.find((candidate) => end / candidate <= most) ?? Math.ceil(end / most);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, n) => n * step);
}
const decimalSteps = Array.from({ length: 8 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

/** Very short recordings still get an axis. */
function niceEnd(ms: number): number {
  return Math.ceil(ms / 1_000) * 1_000;
}

const n1 = (value: number) => String(Math.round(value * 10) / 10);
const grouped = (count: number) => count.toLocaleString('en');

const style = `
svg{--paper:#fff;--ink:#1a1a1a;--faint:#d8d8d8;--soft:#595959;--recorded:#1a1a1a;--baseline:#0060b0;--what-if:#b84a00;font-family:system-ui,sans-serif}
@media (prefers-color-scheme:dark){svg{--paper:#161616;--ink:#f2f2f2;--faint:#3a3a3a;--soft:#b5b5b5;--recorded:#f2f2f2;--baseline:#6db8ff;--what-if:#ffa25c}}
.paper{fill:var(--paper)}.heading{fill:var(--ink);font-size:17px;font-weight:600}.legend{fill:var(--ink);font-size:14px}
.tick{fill:var(--soft);font-size:13px}.label{fill:var(--soft);font-size:13px}.grid{stroke:var(--faint)}.axis,.mark{stroke:var(--soft)}
path,line{fill:none}.recorded,.baseline,.what-if{stroke-width:2.5;stroke-linejoin:round}
.recorded{stroke:var(--recorded)}.baseline{stroke:var(--baseline);stroke-dasharray:3 4}.what-if{stroke:var(--what-if);stroke-dasharray:10 4}
`;
