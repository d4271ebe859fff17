import { randomUUID } from 'node:crypto';
import type { ProjectionRebuilds } from '../api/projection-rebuilds.js';
import type { Clock } from '../platform/clock.js';
import { allProjections } from '../projections/all-projections.js';
import type { WriteSession } from '../projections/engine/dialect.js';
import type { ReadModels } from '../projections/open-read-models.js';
import {
  addRebuild,
  cancelRebuild,
  findRebuild,
  type RebuildRow,
} from '../projections/rebuild/rebuild-record.js';
import type { ProjectionRebuild } from '../queries/replies/projections.js';

const names = allProjections.map(({ name }) => name);

/** Rebuilds through the database: any process may be asked, one that projects does it. */
export function projectionRebuilds({
  readModels,
  clock,
}: {
  readonly readModels: ReadModels;
  readonly clock: Clock;
}): ProjectionRebuilds {
  const inSession = <Result>(work: (session: WriteSession) => Promise<Result>): Promise<Result> =>
    readModels.dialect.withSession(readModels.write, work);
  return {
    names,
    request: ({ names: chosen = names, compareOnly, restart }) =>
      inSession(async (session) => {
        const rebuildId = randomUUID();
        const request = { names: chosen, compareOnly, restart };
        const isOurs = await addRebuild(session, { rebuildId, status: 'requested', request }, clock.now());
        const row = await findRebuild(session);
        if (!row) throw new Error('the rebuild that was written down is not there');
        return isOurs ? { started: replyOf(row) } : { running: replyOf(row) };
      }),
    async find(id) {
      const row = await inSession(findRebuild);
      return row && (id === 'current' || id === row.rebuildId) ? replyOf(row) : undefined;
    },
    cancel: (rebuildId) => inSession((session) => cancelRebuild(session, rebuildId, clock.now())),
  };
}

function replyOf(row: RebuildRow): ProjectionRebuild {
  const { rebuildId, status, request, progress, report, error, requestedAt, updatedAt } = row;
  const { names: projections, compareOnly, restart } = request;
  return {
    rebuildId,
    status,
    projections,
    compareOnly,
    restart,
    progress,
    report,
    error,
    requestedAt,
    updatedAt,
  };
}
