import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../../src/platform/sqlite.js';
import { allProjections } from '../../../src/projections/all-projections.js';
import { controlProjections, loadCheckpoint } from '../../../src/projections/engine/checkpoints.js';
import type { WriteSession } from '../../../src/projections/engine/dialect.js';
import { openReadModels } from '../../../src/projections/open-read-models.js';
import { minute } from '../history.js';

const [projection] = allProjections;
if (!projection) throw new Error('there are no projections');

const writes: Record<string, (session: WriteSession) => Promise<unknown>> = {
  'a transaction': async (session) => {
    await session.begin();
    await session.commit();
  },
  'a single change': (session) => controlProjections(session, 'pause', ['users'], minute(0)),
  'reading a checkpoint, which makes a missing one': (session) =>
    loadCheckpoint(session, projection, '__next', minute(0)),
};

it.each(Object.entries(writes))('%s waits while another process writes the file', async (_, write) => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-writers-'));
  const file = join(folder, 'read-models.db');
  const models = await openReadModels({ file });
  const other = new Database(file);
  try {
    other.exec('BEGIN IMMEDIATE');
    let isDone = false;
    const written = models.dialect.withSession(models.write, write).then(() => {
      isDone = true;
    });
    // Several attempts, so that it is seen to be refused first.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    other.exec('COMMIT');
    await written;
  } finally {
    other.close();
    await models.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
