import type { DataSource } from 'typeorm';
import { type Checkpoint, checkpointOf, checkpointsTable } from '../projections/engine/checkpoints.js';
import { type Cells, rowOf } from '../projections/engine/entity.js';
import { PositionWaiters } from '../projections/engine/position-waiters.js';
import { selectAll, selectFirst } from './database.js';

/** How often the checkpoints are read while a caller waits for them. */
const lookEveryMs = 15;

/** Counts come as text from some servers. */
type Cell = number | string | null;

/** How far another process's projections are, read from their checkpoints while a caller waits for them. */
export class CheckpointProgress {
  #position = -1;
  #isStuck = false;
  #looking: Promise<void> | undefined;
  readonly #waiters = new PositionWaiters();
  #isStopped = false;

  /** @param projections names of the projections that count: the last one decides. */
  constructor(
    private readonly db: DataSource,
    private readonly projections: readonly string[],
  ) {}

  /** The position that every projection had reached when the checkpoints were last read; -1 before the first event. */
  get position(): number {
    return this.#position;
  }

  /** Reads the checkpoints. @throws when the database does not answer. */
  async refresh(): Promise<number> {
    const marks = this.projections.map(() => '?').join(', ');
    const row = await selectFirst<{ position: Cell; found: Cell; stuck: Cell }>(
      this.db,
      `SELECT MIN(position) AS position, COUNT(*) AS found,
         SUM(CASE WHEN paused_at IS NOT NULL OR parked IS NOT NULL THEN 1 ELSE 0 END) AS stuck
       FROM projection_checkpoints WHERE name IN (${marks})`,
      this.projections,
    );
    const isComplete = Number(row?.found ?? 0) === this.projections.length;
    this.#isStuck = Number(row?.stuck ?? 0) > 0;
    if (isComplete) this.#position = Math.max(this.#position, Number(row?.position ?? -1));
    return this.#position;
  }

  /** Waits until every projection has applied `position`. @returns false when that took too long, or one is parked or paused. */
  async waitFor(position: number, options: { readonly timeoutMs: number }): Promise<boolean> {
    if (this.#position >= position) return true;
    if (this.#isStopped) return false;
    const reached = this.#waiters.wait(position, options);
    this.#keepLooking();
    return reached;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiters.giveUp();
    await this.#looking;
  }

  #keepLooking(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      // A caller may have begun to wait after the checkpoints were last read.
      if (this.#waiters.isAnyone && !this.#isStopped) this.#keepLooking();
    });
  }

  /** Reads the checkpoints for all callers, until none waits. */
  async #look(): Promise<void> {
    while (this.#waiters.isAnyone && !this.#isStopped) {
      // A database that does not answer now may answer before the callers' time is up.
      await this.refresh().catch(() => undefined);
      this.#waiters.reached(this.#position);
      // It would take an operator.
      if (this.#isStuck) this.#waiters.giveUp();
      if (this.#waiters.isAnyone) await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  }
}

/** The checkpoints of these projections by name; those that no process has made yet are missing. */
export async function projectionStates(
  db: DataSource,
  names: readonly string[],
): Promise<ReadonlyMap<string, Checkpoint>> {
  const marks = names.map(() => '?').join(', ');
  const rows = await selectAll<Cells>(
    db,
    `SELECT * FROM projection_checkpoints WHERE name IN (${marks})`,
    names,
  );
  return new Map(rows.map((row) => [String(row.name), checkpointOf(rowOf(checkpointsTable, row))]));
}
