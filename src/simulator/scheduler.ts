/** Something that can die or pause: its tasks are then dropped or wait. */
export interface Life {
  isOver: boolean;
  /** Its tasks do not run before this virtual moment. */
  pausedUntilMs: number;
}

/** The owner of tasks outside the office's processes: networks, servers, fans. */
export const theWorld: Life = { isOver: false, pausedUntilMs: 0 };

export type Cancel = () => void;

interface Task {
  atMs: number;
  order: number;
  readonly run: () => void;
  readonly life: Life;
  isCancelled: boolean;
}

/** Node's own, kept because a simulation replaces it. */
const nextTurn = setImmediate;

/**
 * Virtual time: a queue of tasks in the order of their moments, then of their creation. All promises that can settle
 * do so between two tasks, so a run depends only on the order of tasks.
 */
export class Scheduler {
  readonly #tasks: Task[] = [];
  #order = 0;
  #nowMs: number;
  /** Tasks run so far. */
  turns = 0;
  /** The owner of the running task, and so of the timers the task sets. */
  current: Life = theWorld;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` after `delayMs` of virtual time, unless its owner is dead by then. */
  after(delayMs: number, run: () => void, life: Life = this.current): Cancel {
    const atMs = this.#nowMs + Math.max(0, Math.ceil(delayMs));
    const task: Task = { atMs, order: this.#order++, run, life, isCancelled: false };
    this.#push(task);
    return () => {
      task.isCancelled = true;
    };
  }

  /**
   * Runs tasks until `isDone` or until virtual time reaches `untilMs`.
   * @returns whether it is done.
   * @throws what a task throws.
   */
  run(isDone: () => boolean, untilMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        this.current = theWorld;
        try {
          if (isDone()) return resolve(true);
          if (!this.#runNext(untilMs)) return resolve(false);
        } catch (error) {
          return reject(error);
        }
        nextTurn(turn);
      };
      nextTurn(turn);
    });
  }

  #runNext(untilMs: number): boolean {
    for (;;) {
      const task = this.#tasks[0];
      if (!task || task.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#pop();
      if (task.isCancelled || task.life.isOver) continue;
      if (task.life.pausedUntilMs > task.atMs) {
        task.atMs = task.life.pausedUntilMs;
        this.#push(task);
        continue;
      }
      this.#nowMs = task.atMs;
      this.current = task.life;
      this.turns++;
      task.run();
      return true;
    }
  }

  /** A binary heap: each task is due no later than the two below it. */
  #push(task: Task): void {
    const tasks = this.#tasks;
    let index = tasks.push(task) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = tasks[above];
      if (parent === undefined || !isSooner(task, parent)) break;
      tasks[index] = parent;
      index = above;
    }
    tasks[index] = task;
  }

  #pop(): void {
    const tasks = this.#tasks;
    const last = tasks.pop();
    if (last === undefined || tasks.length === 0) return;
    let index = 0;
    for (;;) {
      const left = tasks[2 * index + 1];
      const right = tasks[2 * index + 2];
      const below = right !== undefined && left !== undefined && isSooner(right, left) ? right : left;
      if (below === undefined || !isSooner(below, last)) break;
      tasks[index] = below;
      index = below === left ? 2 * index + 1 : 2 * index + 2;
    }
    tasks[index] = last;
  }
}

function isSooner(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
