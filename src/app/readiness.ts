import type { ProjectionOperations } from '../api/projection-operations.js';
import type { Readiness, ReadinessCheck } from '../api/readiness.js';
import type { EventStore } from '../event-store/port.js';
import { TimedOut, within } from '../platform/within.js';
import type { ReadModels } from '../projections/open-read-models.js';
import { selectFirst } from '../queries/database.js';
import type { LogFit } from './log-fit.js';

/** Longest wait for an answer: an orchestrator's probe waits about as long for ours. */
const answerTimeoutMs = 1_000;

/** Longest time for comparing read models with the log; docker-compose.yml gives a probe 5 s. */
const compareTimeoutMs = 3_000;

/** How this process follows the log. */
export interface Following {
  /** What keeps it from doing so. */
  trouble(): Promise<string | undefined>;
}

interface Parts {
  readonly store: EventStore;
  readonly fit: LogFit;
  readonly readModels: Pick<ReadModels, 'read'>;
  readonly operations: ProjectionOperations;
  readonly following: Following;
  /** See Engines. */
  readonly maxLag: number;
}

/** Ready: log and database answer, and the read models belong to the log and follow it. */
export function readinessOf(parts: Parts): Readiness {
  const { store, fit, readModels } = parts;
  return {
    refusal: () => fit.refusal,
    async check() {
      const { refusal } = fit;
      if (refusal !== undefined)
        return { ready: false, checks: [{ name: 'log', ok: false, detail: refusal }] };
      const checks = await Promise.all([
        answers('event-store', store.head()),
        // Asked although the projections ask it too: while nothing happens they have nothing to write.
        answers('database', selectFirst(readModels.read, 'SELECT 1')),
      ]);
      if (checks.some(({ ok }) => !ok)) return { ready: false, checks };
      const following = await readModelsCheck(parts);
      return { ready: following.ok, checks: [...checks, following] };
    },
  };
}

async function readModelsCheck(parts: Parts): Promise<ReadinessCheck> {
  const name = 'read-models';
  try {
    return { name, ...(await within(compareTimeoutMs, 'comparing with the log', compareReadModels(parts))) };
  } catch (error) {
    if (error instanceof TimedOut)
      return { name, ok: false, detail: `cannot be compared with the log within ${compareTimeoutMs} ms` };
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function compareReadModels(parts: Parts): Promise<Omit<ReadinessCheck, 'name'>> {
  const { store, fit, readModels, operations, following, maxLag } = parts;
  const misfit = await fit.check(store, readModels);
  if (misfit !== undefined) return { ok: false, detail: misfit };
  const { projections } = await operations.report();
  const halted = projections.filter(({ state }) => state !== 'running' && state !== 'swapping');
  const lag = Math.max(...projections.map(({ lagPositions }) => lagPositions));
  const standstill = halted.map((one) => `${one.name} ${one.state}`).join(', ');
  const trouble = (await following.trouble()) ?? (standstill || undefined);
  const ok = trouble === undefined && lag <= maxLag;
  return { ok, detail: trouble ?? `${lag} positions behind the log` };
}

async function answers(name: string, question: Promise<unknown>): Promise<ReadinessCheck> {
  const ok = await within(answerTimeoutMs, name, question).then(
    () => true,
    () => false,
  );
  return { name, ok, detail: ok ? 'answers' : 'does not answer' };
}
