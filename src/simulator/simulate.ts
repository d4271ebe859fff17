import type { Instant } from '../events/ids.js';
import { Crowd } from './crowd.js';
import type { FaultKind } from './faults.js';
import { longestPauseMs, Office } from './office.js';
import { KeptPromises } from './promises.js';
import { theWorld } from './scheduler.js';
import { noSeams, type Seams } from './simulated-process.js';
import { installVirtualNode } from './virtual-node.js';
import { Watch } from './watch.js';
import { type SimulationFinding, World } from './world.js';

export interface SimulationOptions {
  /** Determines the whole run. */
  readonly seed: number;
  /** Actions of clients before the faults stop. */
  readonly steps: number;
  readonly withoutFaults?: ReadonlySet<FaultKind>;
  readonly onTrace?: (line: string) => void;
  /** Default: {@link noSeams}. */
  readonly seams?: Partial<Seams>;
}

export interface SimulationOutcome {
  readonly seed: number;
  /** Empty when nothing is wrong. */
  readonly findings: readonly SimulationFinding[];
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly branches: ReadonlyMap<string, number>;
  readonly events: number;
  /** Virtual time from the first step until everything had settled. */
  readonly virtualMs: number;
  /** The last virtual moment. */
  readonly endedAt: Instant;
  /** Equal for equal runs. */
  readonly fingerprint: number;
}

/** Virtual time that publishing the sale may take, that the steps may take, and that settling may take, ms. */
const bounds = { publishMs: 60_000, stepsMs: 3_600_000, settleMs: 600_000 } as const;
/** Time after the last fault in which late requests and appends may still arrive, ms. */
const quietMs = 15_000;

/**
 * Runs one office under one seed: publishes a sale, runs clients and faults for some steps, then lets the office
 * settle and checks it. The same options give the same outcome. Only one call at a time per thread, since it
 * replaces the thread's timers.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationOutcome> {
  const world = new World({
    seed: options.seed,
    withoutFaults: options.withoutFaults ?? new Set(),
    onTrace: options.onTrace,
  });
  const uninstall = installVirtualNode(world);
  try {
    return await run(world, options);
  } finally {
    uninstall();
  }
}

async function run(world: World, options: SimulationOptions): Promise<SimulationOutcome> {
  const { scheduler } = world;
  const chance = world.random('world');
  const promises = new KeptPromises();
  const office = new Office(world, chance.pick([1, 2, 2, 3]) ?? 1, { ...noSeams, ...options.seams });
  const watch = new Watch(world, office, promises);
  const isBroken = () => world.findings.length > 0;

  await scheduler.run(() => office.serving.length > 0, scheduler.nowMs + bounds.publishMs);
  const crowd = new Crowd(world, office, promises);
  await drive(world, crowd.publish());
  const beganMs = scheduler.nowMs;
  world.faults.isOn = true;
  const step = () => {
    if (world.step >= options.steps) return;
    world.step++;
    office.strike();
    crowd.act();
    scheduler.after(gapMs(), step, theWorld);
  };
  const gapMs = () => {
    if (chance.chance(0.2)) return 0;
    return chance.chance(0.015) ? chance.between(1_000, 8_000) : chance.gap(60);
  };
  scheduler.after(0, step, theWorld);
  await scheduler.run(() => isBroken() || world.step >= options.steps, scheduler.nowMs + bounds.stepsMs);

  world.faults.isOn = false;
  world.trace(() => 'no more faults and no more requests');
  office.heal();
  if (!isBroken()) await scheduler.run(isBroken, scheduler.nowMs + quietMs);
  if (!isBroken()) {
    await scheduler.run(() => isBroken() || watch.isSettled, scheduler.nowMs + bounds.settleMs);
  }
  const isJudged = !isBroken();
  if (isJudged && !watch.isSettled) world.find('not-settled', watch.describeUnsettled());
  const virtualMs = scheduler.nowMs - beganMs;
  // A process that was paused last must have followed what the others did meanwhile.
  if (isJudged) await scheduler.run(isBroken, scheduler.nowMs + longestPauseMs);
  if (isJudged) await drive(world, watch.judgeBoards());
  office.close();
  if (isJudged) await watch.judge((work) => drive(world, work));
  const { findings, faults, branches, fingerprint } = world;
  const { seed } = options;
  const events = office.log.head;
  const endedAt = world.clock.now();
  return { seed, findings, faults: faults.counts, branches, events, virtualMs, endedAt, fingerprint };
}

/** Advances virtual time until some work has ended. */
async function drive<Result>({ scheduler }: World, work: Promise<Result>): Promise<Result> {
  let hasEnded = false;
  const ended = () => {
    hasEnded = true;
  };
  work.then(ended, ended);
  const isDone = await scheduler.run(() => hasEnded, scheduler.nowMs + bounds.publishMs);
  if (!isDone) throw new Error('the simulation waited in vain for work of its own');
  return work;
}
