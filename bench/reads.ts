/** What everybody reads during an on-sale, beside `/health/live`. See bench/README.md. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PerformanceId } from '../src/events/ids.js';
import { bringFansIn, openSale, type ReadyFan, type Sale } from './http/fans.js';
import { processorTimeOf } from './http/processor-time.js';
import { RawClient } from './http/raw-client.js';
import {
  type BenchServer,
  longestStallOf,
  officeEnvironment,
  startServer,
  stopServer,
} from './http/servers.js';
import {
  accessTokenOf,
  joinInLog,
  joinInTables,
  publishCrowded,
  queueTokenOf,
  secret,
} from './reads/crowd.js';
import type { News, Watching } from './reads/watchers.js';
import { Workplace } from './workplace.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    connections: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '2' },
    repetitions: { type: 'string', default: '3' },
    sections: { type: 'string', default: '15' },
    watchers: { type: 'string', default: '0,1000,19800' },
    tokens: { type: 'string', default: '1000,1000000' },
    admissions: { type: 'string', default: '5' },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);
const watcherCounts = numbersOf(values.watchers);
const tokenCounts = numbersOf(values.tokens);
const mostWatchers = Math.max(0, ...watcherCounts);
/** Admissions that are watched come one at a time. */
const watchedPerSecond = 0.4;

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

interface Told {
  readonly watchers: number;
  /** From an admission to the moment when every watcher was told, milliseconds. */
  readonly medianMs: number;
  readonly longestMs: number;
  /** The longest time that the event loop was kept during an admission, milliseconds. */
  readonly longestStallMs: number;
}

function numbersOf(text: string): number[] {
  return text.split(',').filter(Boolean).map(Number);
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

async function readsOf(
  url: string,
  sale: Sale,
  fan: ReadyFan,
  crowds: ReadonlyMap<number, PerformanceId>,
): Promise<Read[]> {
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
    ...[...crowds].map(([count, performanceId]) => ({
      name: `own place of ${count}`,
      path: `/v1/performances/${performanceId}/queue-token`,
      headers: `Authorization: Bearer ${accessTokenOf(crowdOf(count), count - 1)}\r\nX-Queue-Token: ${queueTokenOf(crowdOf(count), performanceId, count - 1)}\r\n`,
    })),
  ];
}

function crowdOf(tokens: number): string {
  return `tokens-${tokens}`;
}

/** What everybody reads while many watch. */
const readBesideWatchers = new Set(['health/live', 'seat status', 'queue', 'own place']);

/** Connects watchers until the returned function is called. */
async function connectWatchers(
  { url }: BenchServer,
  performanceId: PerformanceId,
  watchers: number,
): Promise<{ told(): Promise<number>; close(): Promise<void> }> {
  const watching: Watching = { url, crowd: 'watched', performanceId, watchers };
  const program = fileURLToPath(new URL('./reads/watchers.js', import.meta.url));
  const child = fork(program, [JSON.stringify(watching)]);
  work.endWith(child);
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the watchers have ended')));
  ended.catch(() => undefined);
  const news = async (): Promise<News> => {
    const [message] = await Promise.race([once(child, 'message'), ended]);
    return message as News; // all that watchers.ts says
  };
  await news();
  return {
    told: async () => {
      const next = await news();
      return next.kind === 'told' ? next.tookMs : Number.NaN;
    },
    close: async () => {
      const exit = once(child, 'exit');
      child.kill();
      await exit;
    },
  };
}

/** How soon all watchers are told of an admission. */
async function measureAdmissions(
  office: BenchServer,
  watchers: number,
  told: () => Promise<number>,
): Promise<Told> {
  const took: number[] = [];
  // The first one may have been on its way while they connected.
  await told();
  await longestStallOf(office);
  for (let admission = 0; admission < Number(values.admissions); admission++) took.push(await told());
  return {
    watchers,
    medianMs: median(took),
    longestMs: Math.max(...took),
    longestStallMs: await longestStallOf(office),
  };
}

async function whenReady({ url }: BenchServer): Promise<void> {
  while (!(await fetch(new URL('/health/ready', url))).ok) await delay(200);
}

const work = new Workplace(values.folder, 'reads');
const environment = {
  ...officeEnvironment(work.folder),
  SECRET: secret,
  // What is measured is what a reply costs, not how requests are refused: see overload.ts.
  MAX_REQUEST_WAIT_MS: '0',
};
async function startOffice(): Promise<BenchServer> {
  const office = await startServer('hold-server.js', environment);
  work.endWith(office.child);
  await whenReady(office);
  return office;
}

try {
  let office = await startOffice();
  const sale = await openSale(office.url, Number(values.sections));
  const [fan] = await bringFansIn(office.url, sale, 1);
  if (!fan) throw new Error('no fan came in');
  const crowds = new Map<number, PerformanceId>();
  for (const count of tokenCounts) crowds.set(count, await publishCrowded(office.url, crowdOf(count), 1));
  const watched = await publishCrowded(office.url, 'watched', watchedPerSecond);
  await stopServer(office);
  await joinInLog(join(work.folder, 'events.db'), 'watched', watched, mostWatchers);
  for (const [count, performanceId] of crowds)
    joinInTables(join(work.folder, 'read-models.db'), crowdOf(count), performanceId, count);

  office = await startOffice();
  const reads = await readsOf(office.url, sale, fan, crowds);
  const rounds = await measureInTurns(office, reads);
  const besideWatchers = new Map<number, ReadonlyMap<string, readonly Measured[]>>();
  const told: Told[] = [];
  for (const watchers of watcherCounts.filter((count) => count > 0)) {
    const connected = await connectWatchers(office, watched, watchers);
    told.push(await measureAdmissions(office, watchers, connected.told));
    const some = reads.filter(({ name }) => readBesideWatchers.has(name));
    besideWatchers.set(watchers, await measureInTurns(office, some));
    await connected.close();
  }
  await stopServer(office);
  const rows = [
    ...rowsOf(0, rounds),
    ...[...besideWatchers].flatMap(([watchers, beside]) => rowsOf(watchers, beside)),
  ];
  report(rows, told);
} finally {
  work.clear();
}

async function measureInTurns(
  office: BenchServer,
  reads: readonly Read[],
): Promise<ReadonlyMap<string, readonly Measured[]>> {
  const rounds = new Map<string, Measured[]>(reads.map(({ name }) => [name, []]));
  for (const read of reads) await measure(office, read);
  for (let round = 0; round < Number(values.repetitions); round++) {
    for (const read of reads) rounds.get(read.name)?.push(await measure(office, read));
  }
  return rounds;
}

interface Row {
  readonly name: string;
  readonly watchers: number;
  readonly requestsPerSecond: number;
  readonly processUs: number;
  readonly mainThreadUs: number;
  readonly ratio: number;
  readonly bytes: number;
  readonly statuses: Readonly<Record<string, number>>;
}

function rowsOf(watchers: number, rounds: ReadonlyMap<string, readonly Measured[]>): Row[] {
  const yardstick = rounds.get('health/live') ?? [];
  return [...rounds].map(([name, measured]) => ({
    name,
    watchers,
    requestsPerSecond: median(measured.map((one) => one.requestsPerSecond)),
    processUs: median(measured.map((one) => one.processUs)),
    mainThreadUs: median(measured.map((one) => one.mainThreadUs)),
    ratio: median(measured.map((one, round) => one.processUs / (yardstick[round]?.processUs ?? Number.NaN))),
    bytes: measured[0]?.bytes ?? 0,
    statuses: measured[0]?.statuses ?? {},
  }));
}

function report(rows: readonly Row[], told: readonly Told[]): void {
  if (values.json) {
    console.log(JSON.stringify({ connections, seconds, rows, told }));
    return;
  }
  console.table(
    rows.map((row) => ({
      read: row.name,
      watchers: row.watchers,
      'requests/s': Math.round(row.requestsPerSecond),
      'processor µs': Math.round(row.processUs),
      'main thread µs': Math.round(row.mainThreadUs),
      '÷ health/live': Number(row.ratio.toFixed(2)),
      bytes: row.bytes,
      statuses: JSON.stringify(row.statuses),
    })),
  );
  console.table(
    told.map((one) => ({
      watchers: one.watchers,
      'all told after ms': Math.round(one.medianMs),
      'at most ms': Math.round(one.longestMs),
      'longest stall ms': Math.round(one.longestStallMs),
    })),
  );
}
