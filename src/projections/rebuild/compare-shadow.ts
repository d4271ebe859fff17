import { setImmediate as nextTurn } from 'node:timers/promises';
import { liveCheckpoints, withSnapshot } from '../compare/compare-read-models.js';
import { compareTables, type TableDifference } from '../compare/compare-tables.js';
import type { ComparedTable } from '../compare/comparison.js';
import type { LogFold } from '../compare/fold-log.js';
import type { Query } from '../compare/sorted-rows.js';
import { beforeFirst, type Checkpoint } from '../engine/checkpoints.js';
import type { Projection } from '../engine/projection.js';
import type { RebuildOptions } from './rebuild-options.js';
import type { RebuiltProjection } from './rebuild-report.js';
import { shadowSuffix } from './shadow-tables.js';

/** Positions by projection's name. */
export type Positions = ReadonlyMap<string, number>;

export interface ShadowComparison {
  readonly rebuilt: readonly RebuiltProjection[];
  readonly tables: readonly ComparedTable[];
  readonly found: readonly TableDifference[];
}

interface Shadow {
  readonly fold: LogFold;
  /** Live tables of another log, with the reason, by projection. */
  readonly foreign: ReadonlyMap<string, string>;
  advance(targets: Positions): Promise<void>;
}

/**
 * Compares live and shadow tables at one position of the log: the live ones in a snapshot, so that they may be
 * written meanwhile, and the shadow brought to just where that is.
 */
export function compareShadow(
  { models, location, projections, signal }: RebuildOptions,
  { fold, foreign, advance }: Shadow,
): Promise<ShadowComparison> {
  return withSnapshot(location, async (live) => {
    const checkpoints = await liveCheckpoints(live);
    const shadow = await fold.positions();
    const rebuilt = projections.map((projection): RebuiltProjection => {
      const { name } = projection;
      const checkpoint = checkpoints.get(name);
      const problem =
        foreign.get(name) ?? obstacleTo(projection, checkpoint, shadow.get(name) ?? beforeFirst);
      const comparedAt = problem ? null : (checkpoint?.position ?? null);
      return { projection: name, comparedAt, problem, swappedAt: null };
    });
    const positions = comparedAt(rebuilt);
    await advance(positions);
    const comparable = projections.filter(({ name }) => positions.has(name));
    const query: Query = async (sql, parameters) => {
      // In the server's own process others get a turn.
      await nextTurn();
      return models.dialect.withSession(models.write, (session) => session.all(sql, parameters));
    };
    const nameOf = ({ name }: { readonly name: string }): string => name + shadowSuffix;
    const { tables, differences } = await compareTables(comparable, { query, nameOf }, live, signal);
    return { rebuilt, tables, found: differences };
  });
}

/** Why live tables cannot be compared; null when they can. */
function obstacleTo(
  projection: Projection,
  live: Pick<Checkpoint, 'position' | 'version'> | undefined,
  shadow: number,
): string | null {
  if (live === undefined) return 'it was never projected';
  if (live.version !== projection.version) {
    return `its tables were built by version ${live.version}, this is version ${projection.version}`;
  }
  if (live.position >= shadow) return null;
  return `its tables stand still at position ${live.position}, and those an earlier run has left are further`;
}

/** Where projections were compared, by name. */
export function comparedAt(rebuilt: readonly RebuiltProjection[]): Positions {
  return new Map(
    rebuilt.flatMap(({ projection, comparedAt }) => (comparedAt === null ? [] : [[projection, comparedAt]])),
  );
}
