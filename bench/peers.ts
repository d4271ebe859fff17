/** The office beside what a good team would otherwise build. See bench/README.md. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/platform/clock.js';
import { TokenSigner } from '../src/platform/token-signer.js';
import { openSale } from './http/fans.js';
import { processorTimeOf } from './http/processor-time.js';
import { type BenchServer, officeEnvironment, startServer, stopServer } from './http/servers.js';
import type { Taking } from './peers/bookings.js';
import { type PeerEngines, startPeerEngines } from './peers/engines.js';
import { bringIn } from './peers/fans.js';
import { createTables, peerPerformanceId, peerScheduleId, peerSeatIds } from './peers/schema.js';
import {
  holdsContended,
  holdsSpread,
  joins,
  type Load,
  type Measured,
  reads,
  type Side,
} from './peers/work.js';
import { Workplace } from './workplace.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '3' },
    repetitions: { type: 'string', default: '3' },
    /** Inside, of each side. */
    fans: { type: 'string', default: '2500' },
    sections: { type: 'string', default: '15' },
    pool: { type: 'string', default: '32' },
    'durable-line': { type: 'boolean', default: false },
  },
});
const load: Load = { connections: Number(values.connections), seconds: Number(values.seconds) };
const fanCount = Number(values.fans);
const sections = Number(values.sections);
const secret = randomBytes(32).toString('hex');
const warmUpSeconds = 1;

interface Contestant extends Side {
  readonly server: BenchServer;
}

interface Work {
  readonly name: string;
  readonly measure: (side: Side, load: Load) => Promise<Measured>;
}

/** Each side in turns, work by work. Seat maps come last: they are read with all holds given back. */
const works: readonly Work[] = [
  { name: 'holds, few seats', measure: holdsContended },
  { name: 'holds, spread', measure: holdsSpread },
  { name: 'join the queue', measure: joins },
  { name: 'own place', measure: (side, load) => reads(side, load, `${queueOf(side)}-token`, true) },
  { name: 'queue state', measure: (side, load) => reads(side, load, queueOf(side)) },
  { name: 'seat status', measure: (side, load) => reads(side, load, `${seatsOf(side)}/status`) },
  { name: 'seat map', measure: (side, load) => reads(side, load, seatsOf(side)) },
];

const queueOf = ({ performanceId }: Side) => `/v1/performances/${performanceId}/queue`;
const seatsOf = ({ scheduleId }: Side) => `/v1/schedules/${scheduleId}/seats`;

function say(text: string): void {
  if (!values.json) console.log(text);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function startOffice(workplace: Workplace): Promise<Contestant> {
  const dataDir = join(workplace.folder, 'office');
  mkdirSync(dataDir);
  const server = await startServer('hold-server.js', {
    ...officeEnvironment(dataDir),
    SECRET: secret,
    // What is measured is how much it does, not how it refuses: see overload.ts.
    MAX_REQUEST_WAIT_MS: '0',
  });
  workplace.endWith(server.child);
  const sale = await openSale(server.url, sections);
  const signer = new TokenSigner({ current: secret }, systemClock);
  const fans = await bringIn(server.url, sale.performanceId, signer, fanCount);
  return { name: 'office', server, url: server.url, ...sale, signer, fans };
}

async function startPeer(workplace: Workplace, engines: PeerEngines, taking: Taking): Promise<Contestant> {
  const databaseUrl = await engines.newDatabase();
  const seats = sections * 1_000;
  await createTables(databaseUrl, seats);
  const server = await startServer('../peers/server.js', {
    SECRET: secret,
    DATABASE_URL: databaseUrl,
    REDIS_URL: engines.redisUrl,
    TAKING: taking,
    // Both peers share the Redis.
    QUEUE: `queue:${taking}`,
    POOL_SIZE: values.pool,
  });
  workplace.endWith(server.child);
  const signer = new TokenSigner({ current: secret }, systemClock);
  const fans = await bringIn(server.url, peerPerformanceId, signer, fanCount);
  const ids = { performanceId: peerPerformanceId, scheduleId: peerScheduleId, seatIds: peerSeatIds(seats) };
  return { name: taking, server, url: server.url, ...ids, signer, fans };
}

interface Round {
  readonly work: string;
  readonly side: string;
  readonly measured: Measured;
  /** Of the side's own process for a reply, microseconds: MariaDB and Redis come on top. */
  readonly processUs: number;
}

async function measureAll(sides: readonly Contestant[]): Promise<Round[]> {
  const rounds: Round[] = [];
  for (const { name, measure } of works) {
    say(`${name} …`);
    for (const side of sides) await measure(side, { ...load, seconds: warmUpSeconds });
    for (let repetition = 0; repetition < Number(values.repetitions); repetition++) {
      for (const side of sides) {
        const pid = side.server.child.pid ?? 0;
        const before = processorTimeOf(pid).process;
        const measured = await measure(side, load);
        const used = processorTimeOf(pid).process - before;
        const answers = Object.values(measured.statuses).reduce((sum, count) => sum + count, 0);
        rounds.push({ work: name, side: side.name, measured, processUs: (used / answers) * 1e6 });
      }
    }
  }
  return rounds;
}

/** One row for each work and side; ratios are medians over the repetitions, each made in one turn. */
function table(rounds: readonly Round[], sides: readonly Contestant[]) {
  return works.flatMap(({ name }) => {
    const of = (side: string) => rounds.filter((round) => round.work === name && round.side === side);
    const office = of('office');
    return sides.map((side) => {
      const own = of(side.name);
      const ratio = (rate: (measured: Measured) => number) =>
        median(
          own.map((round, index) => rate(office[index]?.measured ?? round.measured) / rate(round.measured)),
        );
      return {
        work: name,
        side: side.name,
        perSecond: median(own.map(({ measured }) => measured.perSecond)),
        successesPerSecond: median(own.map(({ measured }) => measured.successesPerSecond)),
        p50Ms: median(own.map(({ measured }) => measured.p50Ms)),
        p99Ms: median(own.map(({ measured }) => measured.p99Ms)),
        processUs: median(own.map(({ processUs }) => processUs)),
        officeRatio: ratio((measured) => measured.perSecond),
        officeSuccessRatio: ratio((measured) => measured.successesPerSecond),
        statuses: own[0]?.measured.statuses ?? {},
      };
    });
  });
}

function report(rows: ReturnType<typeof table>): void {
  if (values.json) {
    console.log(JSON.stringify({ ...load, fans: fanCount, seats: sections * 1_000, rows }));
    return;
  }
  console.table(
    rows.map((row) => ({
      work: row.work,
      side: row.side,
      'replies/s': Math.round(row.perSecond),
      'of them good': Math.round(row.successesPerSecond),
      'p50 ms': Number(row.p50Ms.toFixed(1)),
      'p99 ms': Number(row.p99Ms.toFixed(1)),
      'process µs': Math.round(row.processUs),
      'office ÷ it': row.side === 'office' ? '' : row.officeRatio.toFixed(2),
      'good ÷ good': row.side === 'office' ? '' : row.officeSuccessRatio.toFixed(2),
      statuses: JSON.stringify(row.statuses),
    })),
  );
}

const workplace = new Workplace(values.folder, 'peers');
const sides: Contestant[] = [];
try {
  const engines = await startPeerEngines(workplace.folder, values['durable-line']);
  workplace.stopWith(() => engines.stop());
  say(`bringing in ${fanCount} fans on each side …`);
  sides.push(await startOffice(workplace));
  for (const taking of ['row-lock', 'conditional-update'] as const) {
    sides.push(await startPeer(workplace, engines, taking));
  }
  report(table(await measureAll(sides), sides));
} finally {
  await Promise.all(sides.map(({ server }) => stopServer(server)));
  await workplace.clear();
}
