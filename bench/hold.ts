/**
 * Seat holds over HTTP, with log-in token, queue token and idempotency key, beside a bare Nest endpoint with
 * the same validation. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringFansIn, openSale } from './http/fans.js';
import { holdsOf } from './http/holds.js';
import { type LoadResult, measure } from './http/load.js';
import { officeEnvironment, startServer, stopServer } from './http/servers.js';

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

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
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
  const rounds: { hold: LoadResult; bare: LoadResult }[] = [];
  for (let round = 0; round < Number(values.repetitions); round++) {
    const bareResult = await measure(bare.url, again(), { connections, seconds });
    const holdResult = await measure(office.url, requests, { connections, seconds });
    rounds.push({ bare: bareResult, hold: holdResult });
  }
  report(rounds);
} finally {
  await Promise.all([stopServer(office), stopServer(bare)]);
  rmSync(dataDir, { recursive: true, force: true });
}

function report(rounds: readonly { hold: LoadResult; bare: LoadResult }[]): void {
  const ratio = median(rounds.map(({ hold, bare }) => hold.requestsPerSecond / bare.requestsPerSecond));
  if (values.json) {
    console.log(JSON.stringify({ connections, seconds, ratio, rounds }));
    return;
  }
  console.table(
    rounds.flatMap(({ bare, hold }, round) =>
      [['bare', bare] as const, ['hold', hold] as const].map(([what, result]) => ({
        round: round + 1,
        what,
        'requests/s': Math.round(result.requestsPerSecond),
        'p50 ms': Number(result.p50Ms.toFixed(2)),
        'p99 ms': Number(result.p99Ms.toFixed(2)),
        statuses: JSON.stringify(result.statuses),
      })),
    ),
  );
  console.log(`hold / bare, median of the rounds: ${ratio.toFixed(2)}`);
}
