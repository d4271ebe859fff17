import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { type CheckpointMark, generations } from './checkpoints.js';
import type { Dialect } from './dialect.js';

/**
 * Looks at halted projections now and then, until somebody has changed one of them from outside.
 * @param halted where their checkpoints were read.
 * @param end gives the watch up.
 */
export async function untilControlled(
  {
    dialect,
    dataSource,
  }: { readonly dialect: Pick<Dialect, 'withSession'>; readonly dataSource: DataSource },
  halted: readonly CheckpointMark[],
  options: { readonly lookEveryMs: number; readonly end: AbortSignal },
): Promise<void> {
  for (;;) {
    await delay(options.lookEveryMs, undefined, { signal: options.end }).catch(() => undefined);
    if (options.end.aborted) return;
    // A database that does not answer is noticed by whoever needs it.
    const now = await dialect.withSession(dataSource, generations).catch(() => undefined);
    if (now && halted.some(({ name, generation }) => now.get(name) !== generation)) return;
  }
}
