import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '../open-sqlite.js';
import type { ReadModels } from '../read-models.js';

/** Runs `work` on empty read models in a temporary folder (TMPDIR), which is removed afterwards. */
export async function withScratchModels<Result>(
  work: (models: ReadModels) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'boxoffice-fold-'));
  try {
    const models = await openSqlite(join(folder, 'read-models.db'));
    try {
      // Nobody misses them after a power cut.
      await models.write.query('PRAGMA synchronous = OFF');
      return await work(models);
    } finally {
      await models.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
