import type { DataSource } from 'typeorm';
import type { ProjectionOperations } from './api/projection-operations.js';
import type { Readiness, ReadinessCheck } from './api/readiness.js';
import type { EventStore } from './event-store/port.js';
import { selectFirst } from './queries/select.js';

/** Longest wait for an answer: an orchestrator's probe waits about as long for ours. */
const answerTimeoutMs = 1_000;

/** How this process follows the log. */
export interface Following {
  /** What keeps it from doing so. */
  trouble(): Promise<string | undefined>;
}

interface Parts {
  readonly store: EventStore;
  readonly database: DataSource;
  readonly operations: ProjectionOperations;
  readonly following: Following;
  /** See Engines. */
  readonly maxLag: number;
}

/** Ready: the log and the database of the read models answer, and the read models follow the log. */
export function readinessOf({ store, database, operations, following, maxLag }: Parts): Readiness {
  return {
    async check() {
      const checks = await Promise.all([
        answers('event-store', store.head()),
        // Asked although the projections ask it too: while nothing happens they have nothing to write.
        answers('database', selectFirst(database, 'SELECT 1')),
      ]);
      if (checks.some(({ ok }) => !ok)) return { ready: false, checks };
      const readModels = await readModelsCheck(operations, following, maxLag);
      return { ready: readModels.ok, checks: [...checks, readModels] };
    },
  };
}

async function readModelsCheck(
  operations: ProjectionOperations,
  following: Following,
  maxLag: number,
): Promise<ReadinessCheck> {
  const name = 'read-models';
  try {
    const { projections } = await operations.report();
    const halted = projections.filter(({ state }) => state !== 'running' && state !== 'swapping');
    const lag = Math.max(...projections.map(({ lagPositions }) => lagPositions));
    const standstill = halted.map((one) => `${one.name} ${one.state}`).join(', ');
    const trouble = (await following.trouble()) ?? (standstill || undefined);
    const ok = trouble === undefined && lag <= maxLag;
    return { name, ok, detail: trouble ?? `${lag} positions behind the log` };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function answers(name: string, question: Promise<unknown>): Promise<ReadinessCheck> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), answerTimeoutMs);
  });
  const answered = question.then(
    () => true,
    () => false,
  );
  try {
    const ok = await Promise.race([answered, late]);
    return { name, ok, detail: ok ? 'answers' : 'does not answer' };
  } finally {
    clearTimeout(timer);
  }
}
