/**
 * A rebuild of every read model of an embedded office, by the command, while clients hold seats over HTTP. See
 * bench/README.md.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { dataFiles } from '../src/app/engines.js';
import { bringFansIn, openSale } from './http/fans.js';
import { type FloodResult, flood, playersOf } from './http/flood.js';
import { officeEnvironment, startServer, stopServer } from './http/servers.js';
import { eventsPerJourney } from './projection/journeys.js';
import { writeLog } from './projection/write-log.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    events: { type: 'string', default: '1000000' },
    clients: { type: 'string', default: '100' },
    /** Holds and releases a second, of all clients together. */
    'per-second': { type: 'string', default: '500' },
    /** Each may hold 45 times in all. */
    fans: { type: 'string', default: '5000' },
    /** Of the load without a rebuild. */
    seconds: { type: 'string', default: '10' },
  },
});
const clients = Number(values.clients);
const memoryEveryMs = 200;
/** A rebuild that takes longer than this is given up. */
const longestSeconds = 3_600;

const outcomeSchema = z.object({ differenceCount: z.number(), events: z.number(), elapsedMs: z.number() });

/** Resident memory of a process, bytes; 0 when it is gone. Linux only. */
function residentBytes(pid: number | undefined): number {
  try {
    const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(match?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

async function rebuild(env: Record<string, string>) {
  // The built program: run from the repository's folder, as npm does.
  const program = join(process.cwd(), 'bin', 'boxoffice.mjs');
  const child = spawn(process.execPath, [program, 'rebuild', '--all', '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  let peakBytes = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(child.pid));
  }, memoryEveryMs);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) throw new Error(`the rebuild ended with ${code}`);
  return { ...outcomeSchema.parse(JSON.parse(output)), peakBytes };
}

/** Everything that is not a hold or its release, refusals included. */
function failed({ refusedPerSecond, seconds, other }: FloodResult): number {
  return Object.values(other).reduce((sum, count) => sum + count, Math.round(refusedPerSecond * seconds));
}

mkdirSync(values.folder, { recursive: true });
const dataDir = mkdtempSync(join(values.folder, 'bench-rebuild-'));
const env = {
  ...officeEnvironment(dataDir),
  // Server, load and rebuild share the machine: a long wait is what is measured, not a reason to refuse.
  MAX_REQUEST_WAIT_MS: '0',
};
await writeLog(join(dataDir, dataFiles.log), Math.ceil(Number(values.events) / eventsPerJourney));
const office = await startServer('hold-server.js', env);
const { url } = office;
try {
  const fanCount = Number(values.fans);
  const sale = await openSale(url, Math.ceil(fanCount / 1_000));
  const players = playersOf(sale, await bringFansIn(url, sale, fanCount));
  const load = { connections: clients, perSecond: Number(values['per-second']) };
  const alone = await flood(url, sale, players, { ...load, seconds: Number(values.seconds) });
  const over = new AbortController();
  const during = flood(url, sale, players, { ...load, seconds: longestSeconds, signal: over.signal });
  const [rebuilt, felt] = await Promise.all([rebuild(env).finally(() => over.abort()), during]);
  report(alone, felt, rebuilt);
} finally {
  await stopServer(office);
  rmSync(dataDir, { recursive: true, force: true });
}

function report(alone: FloodResult, during: FloodResult, rebuilt: Awaited<ReturnType<typeof rebuild>>): void {
  const { events, elapsedMs, differenceCount, peakBytes } = rebuilt;
  const eventsPerSecond = Math.round(events / (elapsedMs / 1_000));
  if (values.json) {
    console.log(JSON.stringify({ clients, alone, during, ...rebuilt, eventsPerSecond }));
    return;
  }
  console.table({
    'without a rebuild': row(alone),
    'during the rebuild': row(during),
  });
  console.log(
    `${events} events in ${(elapsedMs / 1_000).toFixed(1)} s, ${eventsPerSecond} events/s, ` +
      `${differenceCount} differences, peak memory of the rebuild ${Math.round(peakBytes / 1_048_576)} MiB`,
  );
}

function row(result: FloodResult) {
  return {
    seconds: Math.round(result.seconds),
    'requests/s': Math.round(result.goodput),
    'p95 ms': Number(result.goodP95Ms.toFixed(1)),
    'p99 ms': Number(result.goodP99Ms.toFixed(1)),
    failed: failed(result),
  };
}
