import type { RoundLease } from '../processes/periodic-task.js';
import { type Deadline, type LiveDeadlines, nameOf, type OnDue, type Timers } from '../processes/timers.js';
import { type Life, theWorld } from './scheduler.js';
import type { World } from './world.js';

interface Worker {
  readonly name: string;
  readonly life: Life;
  readonly nowMs: () => number;
  readonly onDue: OnDue;
}

/** Attempts at a failing job. */
const maxAttempts = 3;

/** Deadlines and leases that all processes share, as a server of jobs keeps them. */
export class SimulatedJobs {
  readonly #workers = new Set<Worker>();
  readonly #waiting = new Set<string>();
  readonly #rounds = new Map<string, number>();
  /** Increases whenever all jobs are lost. */
  #generation = 0;

  constructor(private readonly world: World) {}

  /** The timers of one process. */
  timersFor(process: { readonly name: string; readonly life: Life }, nowMs: () => number): Timers {
    let restoredGeneration = -1;
    let worker: Worker | undefined;
    return {
      start: async (onDue) => {
        worker = { ...process, nowMs, onDue };
        this.#workers.add(worker);
      },
      schedule: async (deadlines) => {
        for (const deadline of deadlines) this.#add(deadline, nowMs());
      },
      restore: async (live: LiveDeadlines) => {
        if (restoredGeneration === this.#generation) return;
        const generation = this.#generation;
        for await (const page of live()) for (const deadline of page) this.#add(deadline, nowMs());
        restoredGeneration = generation;
        if (generation > 0) this.world.saw('timers restored after all jobs were lost');
      },
      stop: async () => {
        if (worker) this.#workers.delete(worker);
      },
    };
  }

  /** Loses every waiting job. */
  empty(): void {
    this.#generation++;
    this.#waiting.clear();
  }

  /** The lease of one process. */
  leaseFor({ name, life }: { readonly name: string; readonly life: Life }): RoundLease {
    return {
      claim: async (work, everyMs) => {
        const { world } = this;
        const untilMs = this.#rounds.get(work) ?? 0;
        const leftMs = untilMs - world.scheduler.nowMs;
        const isDoubled = leftMs > 0 && world.strikes('turn-doubled', 0.05, `${name} ${work}`);
        if (leftMs <= 0) this.#rounds.set(work, world.scheduler.nowMs + everyMs);
        return world.later(life, world.delayMs(), () => (isDoubled ? 0 : Math.max(0, leftMs)));
      },
    };
  }

  #add(deadline: Deadline, nowMs: number): void {
    const { world } = this;
    const id = `${nameOf(deadline)}-${deadline.dueAt}`;
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    const dueInMs = Math.max(0, Date.parse(deadline.dueAt) - nowMs);
    if (world.strikes('job-lost', 0.05, id)) return;
    const earlyMs = world.strikes('job-early', 0.1, id) ? world.latency.pick([1, 1, 50, 1_000]) : undefined;
    const lateMs = world.strikes('job-late', 0.1, id) ? world.latency.between(100, 10_000) : 0;
    const inMs = Math.max(0, dueInMs - (earlyMs ?? 0)) + lateMs;
    const generation = this.#generation;
    const run = () => {
      if (generation === this.#generation) this.#run(id, deadline, 1);
    };
    world.scheduler.after(inMs, run, theWorld);
    if (world.strikes('job-doubled', 0.05, id)) {
      world.scheduler.after(inMs + world.latency.between(0, 200), run, theWorld);
    }
  }

  #run(id: string, deadline: Deadline, attempt: number): void {
    const { world } = this;
    const worker = world.latency.pick([...this.#workers].filter(({ life }) => !life.isOver));
    // No worker is alive: the job is dropped, and the sweeper does its work later.
    if (!worker) {
      this.#waiting.delete(id);
      return;
    }
    world.trace(() => `${worker.name} runs job ${id}`);
    const again = () => {
      if (attempt < maxAttempts) this.#run(id, deadline, attempt + 1);
      else this.#waiting.delete(id);
    };
    const start = () => {
      worker.onDue(deadline).then(
        () => this.#waiting.delete(id),
        () => world.scheduler.after(1_000, again, theWorld),
      );
    };
    world.scheduler.after(0, start, worker.life);
    if (world.strikes('job-stalled', 0.05, id)) {
      world.scheduler.after(world.latency.between(0, 50), again, theWorld);
    }
  }
}
