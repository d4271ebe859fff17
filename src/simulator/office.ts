import { type CommandContext, processContext } from '../commands/command-context.js';
import type { CommandSettings } from '../commands/settings.js';
import { AdvanceCharge } from '../commands/wallet/charge-points.js';
import type { ChargeId } from '../events/ids.js';
import { TokenSigner } from '../platform/token-signer.js';
import type { Random } from './random.js';
import { theWorld } from './scheduler.js';
import { SimulatedDatabase } from './simulated-database.js';
import { SimulatedJobs } from './simulated-jobs.js';
import { SimulatedLog } from './simulated-log.js';
import { SimulatedPaymentSystem } from './simulated-payments.js';
import {
  describeError,
  isExpected,
  type Seams,
  SimulatedProcess,
  type Surroundings,
} from './simulated-process.js';
import type { World } from './world.js';

/** How old a process's copy of the catalog may be by its own clock, ms. */
export const catalogMaxAgeMs = 1_000;

const settings: CommandSettings = {
  accessTokenTtlMs: 900_000,
  refreshTokenTtlMs: 3_600_000,
  sessionMaxLifeMs: 24 * 3_600_000,
  queueTokenTtlMs: 3_600_000,
  catalogMaxAgeMs,
  chargeReplyTimeoutMs: 2_000,
  nameBeaconRound: false,
  paymentCallbackUrl: undefined,
  queueSecret: { current: 'a secret of the simulation alone, 32+ characters' },
};

/** Small enough that tokens are evicted and verified again. */
const maxRememberedTokens = 16;

/** Two clocks then differ by up to sixteen seconds: longer than every deadline of the simulated sale but a turn's. */
const largestClockOffsetMs = 8_000;

/** The longest pause of a process, ms: as long as the longest deadline of the simulated sale. */
export const longestPauseMs = 20_000;

/** The processes of one office, the servers they share, and the faults of both. */
export class Office {
  readonly log: SimulatedLog;
  readonly database = new SimulatedDatabase();
  readonly payments: SimulatedPaymentSystem;
  readonly #jobs: SimulatedJobs;
  readonly #around: Surroundings;
  readonly #chance: Random;
  readonly #processes: (SimulatedProcess | undefined)[] = [];
  #backup = this.database.backup();
  #starts = 0;

  /** @param processCount 1: everything in one process with an embedded log; more share their servers. */
  constructor(
    private readonly world: World,
    private readonly processCount: number,
    seams: Seams,
  ) {
    this.log = new SimulatedLog(world);
    this.payments = new SimulatedPaymentSystem(world);
    this.payments.onSettled = (key) => this.#callBack(key);
    this.#jobs = new SimulatedJobs(world);
    this.#chance = world.random('befalls');
    const { log, database, payments } = this;
    const signer = new TokenSigner(settings.queueSecret, world.clock, maxRememberedTokens);
    this.#around = { world, log, database, payments, jobs: this.#jobs, settings, signer, seams };
    for (let index = 0; index < processCount; index++) this.#start(index);
  }

  /** Processes that answer requests. */
  get serving(): SimulatedProcess[] {
    return this.#processes.filter((process) => process !== undefined).filter(({ isServing }) => isServing);
  }

  /** Draws the faults of processes and servers between two steps of the clients. */
  strike(): void {
    const { world } = this;
    const chance = this.#chance;
    const alive = this.#processes.filter((process) => process !== undefined);
    const victim = chance.pick(alive);
    if (chance.chance(0.02)) this.#backup = this.database.backup();
    if (!victim) return;
    if (world.strikes('process-crash', 0.008, victim.name)) victim.die('suddenly');
    const writer = alive.find((process) => process.isWriting);
    if (writer && world.strikes('transaction-crash', 0.05, writer.name)) writer.die('in a transaction');
    if (world.strikes('process-pause', 0.006, victim.name)) {
      const pauseMs = chance.pick([500, 3_000, 8_000, longestPauseMs]) ?? 0;
      victim.life.pausedUntilMs = world.scheduler.nowMs + pauseMs;
    }
    if (world.strikes('clock-jump', 0.008, victim.name)) {
      victim.clockOffsetMs = chance.between(-largestClockOffsetMs, largestClockOffsetMs);
    }
    if (world.strikes('jobs-emptied', 0.003, 'all jobs')) this.#jobs.empty();
    if (world.strikes('database-restored', 0.003, 'all tables')) {
      // As after a failed database server: all processes lose the connection and restart.
      for (const process of alive) process.die('with its database');
      this.database.restore(this.#backup);
    }
  }

  /** Ends pauses and clock offsets. */
  heal(): void {
    for (const process of this.#processes) {
      if (!process) continue;
      process.clockOffsetMs = 0;
      process.life.pausedUntilMs = 0;
    }
  }

  /** Ends all processes. */
  close(): void {
    for (const process of this.#processes) if (process) process.life.isOver = true;
  }

  #start(index: number): void {
    const { world, processCount } = this;
    // Every start has another public address, as after a changed configuration.
    const paymentCallbackUrl = `http://office-${this.#starts++}/v1/payment-callbacks`;
    const around = { ...this.#around, settings: { ...settings, paymentCallbackUrl } };
    const process = new SimulatedProcess(around, {
      name: `process-${index}`,
      isEmbedded: processCount === 1,
      // Only the first two processes project; further ones use their read models.
      isProjecting: index < 2,
      // Most clocks are exact, so that deadlines are met to the millisecond.
      clockOffsetMs: world.faults.isOn && this.#chance.chance(0.3) ? this.#chance.between(-50, 50) : 0,
      onDeath: () => {
        if (this.#processes[index] !== process) return;
        this.#processes[index] = undefined;
        world.scheduler.after(this.#chance.between(100, 4_000), () => this.#start(index), theWorld);
      },
    });
    this.#processes[index] = process;
    process.start();
  }

  /** The payment system reports a payment. As in the API, the report only makes the office ask for its state. */
  #callBack(chargeId: ChargeId): void {
    const { world } = this;
    const process = this.#chance.pick(this.serving);
    if (!process) return;
    const context: CommandContext = { ...processContext('charging'), actor: { kind: 'anonymous' } };
    const call = () =>
      process.execute(new AdvanceCharge(chargeId, context)).catch((error: unknown) => {
        if (!isExpected(error)) world.find('unexpected-error', `callback: ${describeError(error)}`);
      });
    world.scheduler.after(world.delayMs(), call, process.life);
  }
}
