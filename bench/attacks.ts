/** What fans notice of an attack on an office with its default limits. See bench/README.md. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bringFansIn, openSale, type Sale } from './http/fans.js';
import { type FloodResult, flood, playersOf } from './http/flood.js';
import { peakMemoryOf, processorTimeOf } from './http/processor-time.js';
import { attackedEnvironment, type BenchServer, startServer, stopServer } from './http/servers.js';
import { Workplace } from './workplace.js';

const attacks = ['stalled-bodies', 'pipelining', 'wait-positions', 'one-address'] as const;
type Attack = (typeof attacks)[number];

/** What the attacker's process is told on its command line, as JSON. */
export interface AttackOrder {
  readonly attack: Attack;
  readonly url: string;
  readonly scheduleId: string;
  readonly performanceId: string;
}

/** Connections that the attacker made, and replies by status; who pipelines reads none. */
type Spoils = Readonly<Record<string, number>>;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    /** One of them; default: all, one after the other. */
    attack: { type: 'string' },
    /** Of each phase. */
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    /** What the fans ask for, as a part of the most that they get without an attack. */
    load: { type: 'string', default: '0.7' },
    /** Each may hold 45 times in all. */
    fans: { type: 'string', default: '6000' },
  },
});
const chosen = attacks.filter((attack) => values.attack === undefined || attack === values.attack);
if (chosen.length === 0) throw new Error(`--attack must be one of ${attacks.join(', ')}`);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const tryingSeconds = 5;
/** An attack has this time to unfold before the fans are counted, ms. */
const unfoldingMs = 2_000;

/** What fans got, and what it took. */
interface Measured extends FloodResult {
  /** Of the time, how much the thread that answers requests was busy. */
  readonly busyShare: number;
}

interface Round {
  readonly alone: Measured;
  readonly attacked: Measured;
  readonly spoils: Spoils;
}

interface Outcome {
  readonly attack: Attack;
  /** Goodput under attack ÷ without: the median of the rounds. */
  readonly goodputRatio: number;
  readonly peakMemoryMiB: number;
  readonly rounds: readonly Round[];
}

const work = new Workplace(values.folder, 'attacks');
try {
  const outcomes: Outcome[] = [];
  for (const attack of chosen) outcomes.push(await suffer(attack));
  report(outcomes);
} finally {
  await work.clear();
}

/** One attack on an office of its own, again and again. @throws when the office does not survive it. */
async function suffer(attack: Attack): Promise<Outcome> {
  const office = await startServer('hold-server.js', {
    ...attackedEnvironment(`${work.folder}/${attack}`),
    NODE_OPTIONS: '--max-old-space-size=256',
  });
  work.endWith(office.child);
  let hasEnded = false;
  office.child.once('exit', () => {
    hasEnded = true;
  });
  const fanCount = Number(values.fans);
  const sale = await openSale(office.url, 15);
  if (!values.json) console.log(`${attack}: bringing in ${fanCount} fans …`);
  const players = playersOf(sale, await bringFansIn(office.url, sale, fanCount));
  const ask = async (perSecond: number | undefined, forSeconds: number): Promise<Measured> => {
    const before = processorTimeOf(office.child.pid ?? 0).mainThread;
    const result = await flood(office.url, sale, players, {
      connections,
      seconds: forSeconds,
      ...(perSecond === undefined ? {} : { perSecond }),
    });
    const busySeconds = processorTimeOf(office.child.pid ?? 0).mainThread - before;
    return { ...result, busyShare: busySeconds / result.seconds };
  };
  await ask(undefined, tryingSeconds);
  const most = await ask(undefined, tryingSeconds);
  const perSecond = most.goodput * Number(values.load);
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const alone = await ask(perSecond, seconds);
    rounds.push({ alone, ...(await attacked(attack, office, sale, () => ask(perSecond, seconds))) });
    if (hasEnded) throw new Error(`the office did not survive ${attack}`);
  }
  const peakMemoryMiB = Math.round(peakMemoryOf(office.child.pid ?? 0) / 1024 ** 2);
  await stopServer(office);
  const ratios = rounds.map((one) => one.attacked.goodput / one.alone.goodput).sort((a, b) => a - b);
  return { attack, goodputRatio: ratios[Math.floor(ratios.length / 2)] ?? Number.NaN, peakMemoryMiB, rounds };
}

async function attacked(
  attack: Attack,
  { url }: BenchServer,
  { scheduleId, performanceId }: Sale,
  measure: () => Promise<Measured>,
): Promise<Omit<Round, 'alone'>> {
  const order: AttackOrder = { attack, url, scheduleId, performanceId };
  const child = fork(fileURLToPath(new URL('./http/attacker.js', import.meta.url)), [JSON.stringify(order)]);
  work.endWith(child);
  await once(child, 'message');
  await new Promise((resolve) => setTimeout(resolve, unfoldingMs));
  const result = await measure();
  const ended = once(child, 'exit');
  child.send('end');
  const [spoils] = await once(child, 'message');
  await ended;
  return { attacked: result, spoils: spoils as Spoils }; // all that attacker.ts says in the end
}

function report(outcomes: readonly Outcome[]): void {
  if (values.json) {
    console.log(JSON.stringify({ seconds, connections, outcomes }));
    return;
  }
  console.table(
    outcomes.flatMap(({ attack, rounds }) =>
      rounds.map(({ alone, attacked: under, spoils }) => ({
        attack,
        'good/s alone': Math.round(alone.goodput),
        'good/s attacked': Math.round(under.goodput),
        'p99 ms alone': Math.round(alone.goodP99Ms),
        'p99 ms attacked': Math.round(under.goodP99Ms),
        'busy % alone': Math.round(alone.busyShare * 100),
        'busy % attacked': Math.round(under.busyShare * 100),
        'refused/s': Math.round(under.refusedPerSecond),
        other: JSON.stringify(under.other),
        'the attacker got': JSON.stringify(spoils),
      })),
    ),
  );
  for (const { attack, goodputRatio, peakMemoryMiB } of outcomes) {
    console.log(
      `${attack}: ${goodputRatio.toFixed(2)} of the goodput is left; at most ${peakMemoryMiB} MiB of memory`,
    );
  }
}
