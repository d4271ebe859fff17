import { replayChart } from '../../analysis/what-if/chart.js';
import type { ReplayReport } from '../../analysis/what-if/report.js';
import { settingsOf, tableOf } from './report-text.js';

/** A replay as one file that opens anywhere: the chart, the numbers, the settings; no script, nothing loaded. */
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
