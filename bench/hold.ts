/**
 * Seat holds over HTTP, with log-in token, queue token and idempotency key, beside a bare Nest endpoint with
 * the same validation. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringFansIn, openSale } from './http/fans.js';
import { holdsOf } from './http/holds.js';
import { type HoldRequest, type LoadResult, measure } from './http/load.js';
import { processorTimeOf } from './http/processor-time.js';
import { type BenchServer, officeEnvironment, startServer, stopServer } from './http/servers.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '4' },
    repetitions: { type: 'string', default: '3' },
    fans: { type: 'string', default: '3000' },
  },
});
const holdsPerFan = 20;
const connections = Number(values.connections);
const seconds = Number(values.seconds);
const fanCount = Number(values.fans);

/** What one server answered, and what it cost. */
interface Measured extends LoadResult {
  /** Processor time of all threads for a request, microseconds. */
  readonly processUs: number;
  /** Of the thread that answers requests. */
  readonly mainThreadUs: number;
}

interface Round {
  readonly bare: Measured;
  readonly hold: Measured;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function measureServer(server: BenchServer, requests: Iterator<HoldRequest>): Promise<Measured> {
  const pid = server.child.pid ?? 0;
  const before = processorTimeOf(pid);
  const result = await measure(server.url, requests, { connections, seconds });
  const after = processorTimeOf(pid);
  const count = Object.values(result.statuses).reduce((sum, of) => sum + of, 0);
  if (count === 0) throw new Error('the seats are used up: bring more fans in with --fans');
  return {
    ...result,
    processUs: ((after.process - before.process) / count) * 1e6,
    mainThreadUs: ((after.mainThread - before.mainThread) / count) * 1e6,
  };
}

mkdirSync(values.folder, { recursive: true });
const dataDir = mkdtempSync(join(values.folder, 'bench-hold-'));
const office = await startServer('hold-server.js', {
  ...officeEnvironment(dataDir),
  // What is measured is how much it takes, not how it refuses: see overload.ts.
  MAX_REQUEST_WAIT_MS: '0',
});
const bare = await startServer('bare-server.js');
try {
  const sale = await openSale(office.url, Math.ceil((fanCount * holdsPerFan) / 1000));
  if (!values.json) console.log(`bringing in ${fanCount} fans …`);
  const fans = await bringFansIn(office.url, sale, fanCount);
  const requests = holdsOf(sale, fans, holdsPerFan);
  const again = () => holdsOf(sale, fans, holdsPerFan);
  await measure(bare.url, again(), { connections, seconds: 2 });
  await measure(office.url, requests, { connections, seconds: 2 });
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.repetitions); round++) {
    rounds.push({ bare: await measureServer(bare, again()), hold: await measureServer(office, requests) });
  }
  report(rounds);
} finally {
  await Promise.all([stopServer(office), stopServer(bare)]);
  rmSync(dataDir, { recursive: true, force: true });
}

function report(rounds: readonly Round[]): void {
  const ratioOf = (figure: (of: Measured) => number) =>
    median(rounds.map(({ hold, bare }) => figure(hold) / figure(bare)));
  const ratios = {
    requestsPerSecond: ratioOf((of) => of.requestsPerSecond),
    processUs: ratioOf((of) => of.processUs),
    mainThreadUs: ratioOf((of) => of.mainThreadUs),
  };
  if (values.json) {
    console.log(JSON.stringify({ connections, seconds, ratios, rounds }));
    return;
  }
  console.table(
    rounds.flatMap(({ bare, hold }, round) =>
      [['bare', bare] as const, ['hold', hold] as const].map(([what, result]) => ({
        round: round + 1,
        what,
        'requests/s': Math.round(result.requestsPerSecond),
        'process µs': Math.round(result.processUs),
        'main thread µs': Math.round(result.mainThreadUs),
        'p50 ms': Number(result.p50Ms.toFixed(2)),
        'p99 ms': Number(result.p99Ms.toFixed(2)),
        statuses: JSON.stringify(result.statuses),
      })),
    ),
  );
  console.log(
    `hold / bare, median of the rounds: ${ratios.requestsPerSecond.toFixed(2)} requests/s, ` +
      `${ratios.processUs.toFixed(1)} processor time, ${ratios.mainThreadUs.toFixed(1)} of it on the main thread`,
  );
}
