import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReadModels } from '../read-models.js';
import { openSqlite } from '../sqlite/open.js';

/** Runs `work` on empty read models in a temporary folder (TMPDIR), which is removed afterwards. */
export async function withScratchModels<Result>(
  work: (models: ReadModels) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'boxoffice-fold-'));
  try {
    const models = await openSqlite(join(folder, 'read-models.db'));
    try {
      // Nobody misses them after a power cut.
      await models.dialect.withSession(models.write, (session) =>
        session.run('PRAGMA synchronous = OFF', []),
      );
      return await work(models);
    } finally {
      await models.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
