/** A whole on-sale: 200,000 fans, 15,000 seats, ten minutes, on one office. See bench/README.md. */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dataFiles } from '../src/app/engines.js';
import { type ProcessorTime, peakMemoryOf, processorTimeOf } from './http/processor-time.js';
import { type BenchServer, officeEnvironment, startServer, stopServer } from './http/servers.js';
import { openHall } from './on-sale/hall.js';
import { newsSchema, type Summary } from './on-sale/news.js';
import { registerFans } from './on-sale/registered-fans.js';
import { idealSeconds, type Story, seatsPerFan } from './on-sale/story.js';
import { type Verification, verify } from './on-sale/verify.js';
import { Workplace } from './workplace.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    scale: { type: 'string', default: '1' },
    fans: { type: 'string', default: '200000' },
    seats: { type: 'string', default: '15000' },
    minutes: { type: 'string', default: '10' },
    /** Percent of the fans. */
    streams: { type: 'string', default: '10' },
    connections: { type: 'string', default: '2000' },
    think: { type: 'string', default: '4' },
    poll: { type: 'string' },
  },
});
const scale = Number(values.scale);
const fans = Math.round(Number(values.fans) * scale);
const seats = Math.max(seatsPerFan, Math.round(Number(values.seats) * scale));
/** The same at every scale: a smaller crowd joins at the same rate and is admitted at the same pace. */
const admitPerSecond = Number(values.seats) / seatsPerFan / (Number(values.minutes) * 60);
const joinSeconds = 60 * scale;
/** A smaller crowd asks more often, so that about as many questions come in a second. */
const pollSeconds = Number(values.poll ?? Math.max(3, 30 * scale));
/** For the import, and for the crowd's process to begin. */
const leadMs = 8_000;
const readyTimeoutMs = 600_000;
/** Descriptors of this process's children that are not streams. */
const otherDescriptors = 500;

function say(text: string): void {
  if (!values.json) console.log(text);
}

/** Live streams that the limit on open files leaves room for, on either side. Linux only: proc(5). */
function possibleStreams(wanted: number): number {
  const limit = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  const possible = Math.max(0, limit - Number(values.connections) - otherDescriptors);
  if (wanted > possible)
    say(`only ${possible} live streams: at most ${limit} files may be open (ulimit -Hn)`);
  return Math.min(wanted, possible);
}

/** Waits until the read models have all registrations. */
async function untilReady({ url }: BenchServer): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  for (;;) {
    const response = await fetch(new URL('/health/ready', url));
    const text = await response.text();
    if (response.ok) return;
    if (performance.now() > deadline) throw new Error(`the office does not become ready: ${text}`);
    await delay(500);
  }
}

/** Plays the story in a process of its own. */
async function play(story: Story, workplace: Workplace): Promise<Summary> {
  const crowd = fork(fileURLToPath(new URL('./on-sale/crowd.js', import.meta.url)));
  workplace.endWith(crowd);
  const ended = once(crowd, 'exit');
  let summary: Summary | undefined;
  let told = '';
  crowd.on('message', (message) => {
    const news = newsSchema.parse(message);
    if (news.kind === 'end') {
      summary = news;
      return;
    }
    const sinceOpening = Math.round((Date.now() - story.opensAtMs) / 1_000);
    told = `${sinceOpening} s: ${news.joined} joined, ${news.entered} entered, ${news.sold} seats sold, ${news.toldSoldOut} told that nothing is left`;
    if (!values.json && process.stderr.isTTY) process.stderr.write(`\r${told}`);
    else if (!values.json && sinceOpening % 10 === 0) console.error(told);
  });
  crowd.send(story);
  await ended;
  if (!values.json && process.stderr.isTTY) process.stderr.write('\n');
  if (!summary) throw new Error(`the crowd's process ended early; ${told}`);
  return summary;
}

interface Result extends Summary {
  readonly scale: number;
  readonly fans: number;
  readonly seats: number;
  readonly admitPerSecond: number;
  readonly streams: number;
  readonly idealSeconds: number;
  /** Sold out after so many times the ideal time. */
  readonly ratio: number | null;
  readonly peakMemoryMiB: number;
  /** Of the office from the first fan to the last, for 1,000 fans. */
  readonly processorSeconds: ProcessorTime;
  readonly verification: Verification;
}

async function run(workplace: Workplace): Promise<Result> {
  const dataDir = workplace.folder;
  const streams = possibleStreams(Math.round((fans * Number(values.streams)) / 100));
  say(`registering ${fans} fans …`);
  const registered = await registerFans(join(dataDir, dataFiles.log), fans, (done) => {
    if (!values.json && process.stderr.isTTY) process.stderr.write(`\r${done} registered `);
  });
  say(`${registered} events written; the office reads them …`);
  const secret = randomBytes(32).toString('hex');
  const office = await startServer('hold-server.js', {
    ...officeEnvironment(dataDir),
    SECRET: secret,
    MAX_LIVE_STREAMS: String(streams + otherDescriptors),
    // As an office has it.
    ADMISSION_INTERVAL_MS: '',
  });
  workplace.endWith(office.child);
  await untilReady(office);
  const opensAtMs = Date.now() + leadMs + joinSeconds * 500;
  const story = {
    url: office.url,
    secret,
    ...(await openHall(office.url, { seats, admitPerSecond, opensAtMs })),
    opensAtMs,
    fans,
    seats,
    joinSeconds,
    admitPerSecond,
    streams,
    connections: Number(values.connections),
    thinkSeconds: Number(values.think),
    pollSeconds,
  };
  const ideal = idealSeconds(story);
  say(
    `${fans} fans join within ${joinSeconds} s, ${streams} of them with a live stream; ${seats} seats, ${admitPerSecond} fans let in a second`,
  );
  const pid = office.child.pid ?? 0;
  const before = processorTimeOf(pid);
  const summary = await play(story, workplace);
  const after = processorTimeOf(pid);
  const peakMemoryMiB = peakMemoryOf(pid) / 2 ** 20;
  await stopServer(office);
  say('checking the log and the read models …');
  const forThousand = (seconds: number) => (seconds / fans) * 1_000;
  return {
    scale,
    fans,
    seats,
    admitPerSecond,
    streams,
    idealSeconds: ideal,
    ratio: summary.soldOutSeconds === null ? null : summary.soldOutSeconds / ideal,
    ...summary,
    peakMemoryMiB,
    processorSeconds: {
      process: forThousand(after.process - before.process),
      mainThread: forThousand(after.mainThread - before.mainThread),
    },
    verification: await verify(dataDir),
  };
}

function report(result: Result): void {
  if (values.json) {
    console.log(JSON.stringify(result));
    return;
  }
  const rounded = (value: number) => Math.round(value * 10) / 10;
  console.table(
    result.steps.map(({ step, count, p50Ms, p99Ms, maxMs }) => ({
      step,
      replies: count,
      'p50 ms': rounded(p50Ms),
      'p99 ms': rounded(p99Ms),
      'longest ms': rounded(maxMs),
    })),
  );
  const { verification, processorSeconds } = result;
  console.table({
    'joins a second': Math.round(result.joinsPerSecond),
    'fans who bought': verification.ordersPaid,
    'seats sold': `${result.sold} of ${result.seats}`,
    'sold out after s': result.soldOutSeconds === null ? 'never' : rounded(result.soldOutSeconds),
    'ideal s': rounded(result.idealSeconds),
    '÷ ideal': result.ratio === null ? 'never' : Number(result.ratio.toFixed(2)),
    'told that nothing is left': result.toldSoldOut,
    'told after the last payment, p50 / p99 ms': `${Math.round(result.toldWithinP50Ms)} / ${Math.round(result.toldWithinP99Ms)}`,
    'missed their turn': result.lost,
    'peak memory MiB': Math.round(result.peakMemoryMiB),
    'processor s for 1,000 fans': Number(processorSeconds.process.toFixed(2)),
    'of it main thread': Number(processorSeconds.mainThread.toFixed(2)),
    'events in the log': verification.events,
  });
  if (Object.keys(result.refusals).length > 0) console.table({ ...result.refusals });
  for (const [what, times] of Object.entries(result.errors)) console.log(`ERROR ${what} (${times} times)`);
  for (const finding of verification.findings) console.log(`FOUND ${finding}`);
  if (isGood(result)) console.log('No error; nothing is wrong in the log and the read models.');
}

/** Sold out without an error, and the log and tables keep every rule. */
function isGood({ soldOutSeconds, errors, verification }: Result): boolean {
  const isRight = Object.keys(errors).length === 0 && verification.findings.length === 0;
  return isRight && soldOutSeconds !== null && verification.seatsReserved === seats;
}

const workplace = new Workplace(values.folder, 'on-sale');
try {
  const result = await run(workplace);
  report(result);
  process.exitCode = isGood(result) ? 0 : 1;
} finally {
  await workplace.clear();
}
