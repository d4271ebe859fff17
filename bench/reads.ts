/** What everybody reads during an on-sale, beside `/health/live`. See bench/README.md. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bringFansIn, openSale, type ReadyFan, type Sale } from './http/fans.js';
import { processorTimeOf } from './http/processor-time.js';
import { RawClient } from './http/raw-client.js';
import { type BenchServer, officeEnvironment, startServer, stopServer } from './http/servers.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    connections: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '2' },
    repetitions: { type: 'string', default: '3' },
    sections: { type: 'string', default: '15' },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);

interface Read {
  readonly name: string;
  readonly path: string;
  /** Header lines, each with its line break. */
  readonly headers: string;
}

interface Measured {
  readonly requestsPerSecond: number;
  /** Processor time of the server for a request, microseconds. */
  readonly processUs: number;
  readonly mainThreadUs: number;
  /** Of a reply's body. */
  readonly bytes: number;
  readonly statuses: Readonly<Record<string, number>>;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function measure({ url, child }: BenchServer, read: Read): Promise<Measured> {
  const before = processorTimeOf(child.pid ?? 0);
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const statuses: Record<string, number> = {};
  let count = 0;
  let bytes = 0;
  const worker = async () => {
    const client = new RawClient(new URL(url));
    while (performance.now() < endsAt) {
      const reply = await client.send('GET', read.path, read.headers);
      statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
      count++;
      // The raw client reads bytes as Latin-1 characters.
      bytes = reply.body.length;
    }
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const elapsed = (performance.now() - startedAt) / 1000;
  const after = processorTimeOf(child.pid ?? 0);
  return {
    requestsPerSecond: count / elapsed,
    processUs: ((after.process - before.process) / count) * 1e6,
    mainThreadUs: ((after.mainThread - before.mainThread) / count) * 1e6,
    bytes,
    statuses,
  };
}

async function etagOf(url: string, path: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(new URL(path, url), { headers });
  await response.arrayBuffer();
  return response.headers.get('etag') ?? '"none"';
}

async function readsOf(url: string, sale: Sale, fan: ReadyFan): Promise<Read[]> {
  const date = `/v1/schedules/${sale.scheduleId}`;
  const show = `/v1/performances/${sale.performanceId}`;
  const status = `${date}/seats/status`;
  const answer = await fetch(new URL(status, url));
  const { plan } = (await answer.json()) as { plan: string }; // our own API
  const planPath = `${date}/plans/${plan}`;
  const own = `Authorization: Bearer ${fan.accessToken}\r\nX-Queue-Token: ${fan.queueToken}\r\n`;
  const br = 'Accept-Encoding: br\r\n';
  return [
    { name: 'health/live', path: '/health/live', headers: '' },
    { name: 'plan, known', path: planPath, headers: `If-None-Match: ${await etagOf(url, planPath)}\r\n` },
    { name: 'plan, br', path: planPath, headers: br },
    { name: 'seat status', path: status, headers: '' },
    { name: 'seat map, br', path: `${date}/seats`, headers: br },
    { name: 'seat map', path: `${date}/seats`, headers: '' },
    { name: 'availability', path: `${date}/availability`, headers: '' },
    { name: 'performances', path: '/v1/performances', headers: '' },
    { name: 'performance', path: show, headers: '' },
    { name: 'queue', path: `${show}/queue`, headers: '' },
    { name: 'own place', path: `${show}/queue-token`, headers: own },
  ];
}

mkdirSync(values.folder, { recursive: true });
const dataDir = mkdtempSync(join(values.folder, 'bench-reads-'));
const office = await startServer('hold-server.js', {
  ...officeEnvironment(dataDir),
  // What is measured is what a reply costs, not how requests are refused: see overload.ts.
  MAX_REQUEST_WAIT_MS: '0',
});
try {
  const sale = await openSale(office.url, Number(values.sections));
  const [fan] = await bringFansIn(office.url, sale, 1);
  if (!fan) throw new Error('no fan came in');
  const reads = await readsOf(office.url, sale, fan);
  const rounds = new Map<string, Measured[]>(reads.map(({ name }) => [name, []]));
  for (const read of reads) await measure(office, read);
  for (let round = 0; round < Number(values.repetitions); round++) {
    for (const read of reads) rounds.get(read.name)?.push(await measure(office, read));
  }
  report(rounds);
} finally {
  await stopServer(office);
  rmSync(dataDir, { recursive: true, force: true });
}

function report(rounds: ReadonlyMap<string, readonly Measured[]>): void {
  const yardstick = rounds.get('health/live') ?? [];
  const rows = [...rounds].map(([name, measured]) => ({
    name,
    requestsPerSecond: median(measured.map((one) => one.requestsPerSecond)),
    processUs: median(measured.map((one) => one.processUs)),
    mainThreadUs: median(measured.map((one) => one.mainThreadUs)),
    ratio: median(measured.map((one, round) => one.processUs / (yardstick[round]?.processUs ?? Number.NaN))),
    bytes: measured[0]?.bytes ?? 0,
    statuses: measured[0]?.statuses ?? {},
  }));
  if (values.json) {
    console.log(JSON.stringify({ connections, seconds, rows }));
    return;
  }
  console.table(
    rows.map((row) => ({
      read: row.name,
      'requests/s': Math.round(row.requestsPerSecond),
      'processor µs': Math.round(row.processUs),
      'main thread µs': Math.round(row.mainThreadUs),
      '÷ health/live': Number(row.ratio.toFixed(2)),
      bytes: row.bytes,
      statuses: JSON.stringify(row.statuses),
    })),
  );
}
