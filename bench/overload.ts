/**
 * What a server makes of ten times the requests it can serve: how much of its best it still does, how soon it
 * refuses the rest, and how soon it has recovered. See bench/README.md.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { bringFansIn, openSale, type Sale } from './http/fans.js';
import { type FloodResult, flood, type Player, playersOf, promptMs } from './http/flood.js';
import type { ProbeOrder } from './http/probe.js';
import { adminKey, officeEnvironment, startServer, stopServer } from './http/servers.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    seconds: { type: 'string', default: '60' },
    /** Connections tried for the peak; the overload has ten times as many as the best. */
    connections: { type: 'string', default: '16,32,64' },
    factor: { type: 'string', default: '10' },
    /** Clients wait as long as `Retry-After` says. */
    patient: { type: 'boolean', default: false },
    /** Each may hold 45 times in all. */
    fans: { type: 'string', default: '9000' },
  },
});
const candidates = values.connections.split(',').map(Number);
const factor = Number(values.factor);
const tryingSeconds = 5;
const recoverySeconds = 10;

/** Requests a second of a few fans in a process of their own: see http/probe.ts. */
const probesPerSecond = 100;
const holdsOfProbes = 45;

interface Row extends FloodResult {
  readonly phase: string;
  readonly connections: number;
  /** Events that the read models still have to come to when the phase is over. */
  readonly behind: number;
}

const reportSchema = z.object({ projections: z.array(z.object({ lagPositions: z.number() })) });

mkdirSync(values.folder, { recursive: true });
const dataDir = mkdtempSync(join(values.folder, 'bench-overload-'));
const office = await startServer('hold-server.js', officeEnvironment(dataDir));
try {
  const fanCount = Number(values.fans);
  const sale = await openSale(office.url, Math.ceil(fanCount / 1000));
  if (!values.json) console.log(`bringing in ${fanCount} fans …`);
  const fans = await bringFansIn(office.url, sale, fanCount);
  const players = playersOf(sale, fans);
  const rows: Row[] = [];
  const run = async (phase: string, connections: number, seconds: number, perSecond?: number) => {
    const pace = perSecond === undefined ? {} : { perSecond };
    const isPatient = values.patient;
    const result = await flood(office.url, sale, players, { connections, seconds, isPatient, ...pace });
    rows.push({ phase, connections, behind: await behind(office.url), ...result });
    return result;
  };
  await run('warm-up', candidates[0] ?? 16, tryingSeconds);
  let best = { connections: 1, goodput: 0 };
  for (const connections of candidates) {
    const { goodput } = await run('peak?', connections, tryingSeconds);
    if (goodput > best.goodput) best = { connections, goodput };
  }
  // The office slows down a little as its log and its caches grow, so ordinary load is measured before and after.
  const seconds = Number(values.seconds);
  const observed = async (phase: string, connections: number, perSecond?: number) => {
    const probed = probe({ url: office.url, sale, players, seconds });
    const result = await run(phase, connections, seconds, perSecond);
    rows.push({ phase: 'seen by a few among them', connections: 10, behind: Number.NaN, ...(await probed) });
    return result;
  };
  const peak = await observed('peak', best.connections);
  const overloaded = await observed(`${factor} × peak`, best.connections * factor, best.goodput * factor);
  let recoveredAfterSeconds: number | undefined;
  for (let second = 1; second <= recoverySeconds; second++) {
    const { goodput, refusedPerSecond } = await run('after', best.connections, 1);
    if (refusedPerSecond > 0 || goodput < 0.9 * peak.goodput) continue;
    recoveredAfterSeconds = second;
    break;
  }
  const again = await observed('peak again', best.connections);
  const goodputRatio = (2 * overloaded.goodput) / (peak.goodput + again.goodput);
  report(rows, { goodputRatio, recoveredAfterSeconds });
} finally {
  await stopServer(office);
  rmSync(dataDir, { recursive: true, force: true });
}

/** How far behind the slowest projection is. */
async function behind(url: string): Promise<number> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const response = await fetch(new URL('/v1/ops/projections', url), { headers });
  const { projections } = reportSchema.parse(await response.json());
  return Math.max(...projections.map(({ lagPositions }) => lagPositions));
}

/** Measures from a process of its own what a flood made in this one can't: how soon the server answers. */
async function probe(options: {
  readonly url: string;
  readonly sale: Sale;
  readonly players: Iterator<Player>;
  readonly seconds: number;
}): Promise<FloodResult> {
  const { url, sale, players, seconds } = options;
  const needed = 10 + Math.ceil((seconds * probesPerSecond) / (2 * holdsOfProbes));
  const own = Array.from({ length: needed }, () => players.next().value).filter((one) => one !== undefined);
  const child = fork(fileURLToPath(new URL('./http/probe.js', import.meta.url)));
  const order: ProbeOrder = {
    url,
    scheduleId: sale.scheduleId,
    players: own,
    seconds,
    perSecond: probesPerSecond,
  };
  child.send(order);
  const [result] = await once(child, 'message');
  return result as FloodResult; // the program answers with nothing else
}

function report(
  rows: readonly Row[],
  verdict: { readonly goodputRatio: number; readonly recoveredAfterSeconds: number | undefined },
): void {
  if (values.json) {
    console.log(JSON.stringify({ rows, ...verdict }));
    return;
  }
  // Of what did not occur there is no quantile; a child process tells that as null.
  const rounded = (number: number | null) =>
    Number.isFinite(number) ? String(Math.round(Number(number) * 10) / 10) : '–';
  console.table(
    rows.map(({ phase, connections, behind, other, ...figures }) => ({
      phase,
      connections,
      'offered/s': Math.round(figures.offered),
      'good/s': Math.round(figures.goodput),
      'good p50/p99 ms': `${rounded(figures.goodP50Ms)} / ${rounded(figures.goodP99Ms)}`,
      'refused/s': Math.round(figures.refusedPerSecond),
      'refused p50/p99 ms': `${rounded(figures.refusedP50Ms)} / ${rounded(figures.refusedP99Ms)}`,
      [`refused ≤ ${promptMs} ms, %`]: rounded(figures.refusedPromptlyPercent),
      'events behind': rounded(behind),
      other: JSON.stringify(other),
    })),
  );
  const after = verdict.recoveredAfterSeconds;
  console.log(`goodput under overload / before and after: ${verdict.goodputRatio.toFixed(2)}`);
  console.log(
    after === undefined ? `not recovered within ${recoverySeconds} s` : `recovered within ${after} s`,
  );
}
