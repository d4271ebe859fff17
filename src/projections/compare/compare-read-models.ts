import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { EventStore } from '../../event-store/port.js';
import { Database } from '../../platform/sqlite.js';
import { createTemporaryFolder, removeAbandonedFolders } from '../../platform/temporary-folders.js';
import { allProjections } from '../all-projections.js';
import { beforeFirst, type Checkpoint, checkpointOf, checkpointsTable } from '../engine/checkpoints.js';
import { type Cells, type CellValue, rowOf } from '../engine/entity.js';
import { misfitOf } from '../engine/made-from.js';
import type { Projection } from '../engine/projection.js';
import { defaultMysqlLimits } from '../mysql/pool.js';
import { parseMysqlUrl, tlsOptions } from '../mysql/server.js';
import type { ReadModelLocation } from '../open-read-models.js';
import type { ReadModels } from '../read-models.js';
import { openSqlite } from '../sqlite/open.js';
import {
  type ComparedProjection,
  compareTables,
  DecidingEvents,
  describeDifference,
  type Query,
  type ReadModelComparison,
  type TableDifference,
  type WrongRow,
} from './compare-tables.js';
import { type FoldProgress, LogFold } from './fold-log.js';

interface CompareOptions {
  /** The log as the server reads it. */
  readonly store: EventStore;
  readonly location: ReadModelLocation;
  readonly onProgress?: (progress: FoldProgress) => void;
  readonly signal?: AbortSignal;
}

/** By projection's name. */
type Checkpoints = ReadonlyMap<string, Pick<Checkpoint, 'position' | 'version' | 'madeFrom'>>;

const neverStarted = { position: beforeFirst, version: undefined, madeFrom: null };

/**
 * Compares every row of the read models with what the log makes of it: the log is folded into temporary tables by
 * the same projections, up to the position where each of the live ones stands. Works beside a running server.
 * Memory is bounded; the temporary tables take as much disk as the live ones.
 * @throws when the database cannot be opened or lacks tables.
 */
export function compareReadModels(options: CompareOptions): Promise<ReadModelComparison> {
  const { store, location, signal } = options;
  return withScratchModels(async (scratch) => {
    const fold = new LogFold(store, scratch, allProjections, options);
    // Most of the log is folded before the snapshot is taken, so that it is not kept open for long.
    const before = await withSnapshot(location, liveCheckpoints);
    await fold.advance(positionsOf(before));
    return withSnapshot(location, async (live) => {
      const checkpoints = await liveCheckpoints(live);
      await fold.advance(positionsOf(checkpoints));
      const judged: { projection: Projection; obstacle: string | null; misfit: string | null }[] = [];
      for (const projection of allProjections) {
        const { position, madeFrom } = checkpoints.get(projection.name) ?? neverStarted;
        const misfit = await misfitOf(store, [{ name: projection.name, position, madeFrom }]);
        const obstacle = obstacleTo(projection, checkpoints, before, fold);
        judged.push({ projection, obstacle, misfit: misfit?.sentence ?? null });
      }
      const comparable = judged.flatMap(({ projection, obstacle }) => (obstacle === null ? projection : []));
      const expected = { query: queryOf(scratch) };
      const { tables, differences } = await compareTables(comparable, expected, live, signal);
      const projections = judged.map(({ projection, obstacle, misfit }): ComparedProjection => {
        const { position } = checkpoints.get(projection.name) ?? neverStarted;
        return { projection: projection.name, position, problem: misfit ?? obstacle };
      });
      const differenceCount = tables.reduce((sum, table) => sum + table.differences, 0);
      return {
        clean: differenceCount === 0 && projections.every(({ problem }) => problem === null),
        projections,
        tables,
        differenceCount,
        differences: await explain(differences, positionsOf(checkpoints), allProjections, options),
      };
    });
  });
}

/** Why a projection's tables cannot be compared; null when they can. */
function obstacleTo(
  projection: Projection,
  live: Checkpoints,
  before: Checkpoints,
  fold: LogFold,
): string | null {
  const { position, version } = live.get(projection.name) ?? neverStarted;
  if (version !== undefined && version !== projection.version) {
    return `its tables were built by version ${version}, this is version ${projection.version}: rebuild them`;
  }
  if (position < (before.get(projection.name)?.position ?? beforeFirst)) {
    return 'its tables were rebuilt during the comparison: run it again';
  }
  return fold.failures.find(({ active }) => active.projection === projection)?.message ?? null;
}

/** Folds the log once more, watching the rows that differ; not at all when none does. */
export async function explain(
  differences: readonly TableDifference[],
  positions: ReadonlyMap<string, number>,
  projections: readonly Projection[],
  { store, onProgress, signal }: Pick<CompareOptions, 'store' | 'onProgress' | 'signal'>,
): Promise<WrongRow[]> {
  const events = new DecidingEvents();
  for (const { table, row } of differences) events.follow(table, row.key);
  if (differences.length > 0) {
    await withScratchModels(async (scratch) => {
      const options = { ...(onProgress && { onProgress }), ...(signal && { signal }), watch: events.watch };
      await new LogFold(store, scratch, projections, options).advance(positions);
    });
  }
  return differences.map((difference) => describeDifference(difference, events));
}

/** Runs `work` on a snapshot of the read models, closed afterwards. */
export async function withSnapshot<Result>(
  location: ReadModelLocation,
  work: (live: Snapshot) => Promise<Result>,
): Promise<Result> {
  const live = await openSnapshot(location);
  try {
    return await work(live);
  } finally {
    await live.close();
  }
}

/** Every projection's checkpoint in a snapshot, by name. */
export async function liveCheckpoints({ query }: Snapshot): Promise<Checkpoints> {
  const rows = await query(`SELECT * FROM ${checkpointsTable.name}`, []);
  return new Map(rows.map((row) => [String(row.name), checkpointOf(rowOf(checkpointsTable, row))]));
}

function positionsOf(checkpoints: Checkpoints): ReadonlyMap<string, number> {
  return new Map([...checkpoints].map(([name, { position }]) => [name, position]));
}

function queryOf({ write, dialect }: ReadModels): Query {
  return (sql, parameters) => dialect.withSession(write, (session) => session.all(sql, parameters));
}

/** The read models as they were at one moment, unaffected by later writes. */
interface Snapshot {
  readonly query: Query;
  close(): Promise<void>;
}

/**
 * Opens read models to look at them: nothing is created, migrated or written. While it is open the database keeps
 * old versions of changed rows, so close it soon.
 * @throws when the database cannot be opened.
 */
function openSnapshot(location: ReadModelLocation): Promise<Snapshot> {
  return location.url === undefined ? sqliteSnapshot(location.file) : mysqlSnapshot(location.url);
}

async function sqliteSnapshot(file: string): Promise<Snapshot> {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  // The first query fixes what all of them see.
  database.exec('BEGIN');
  return {
    query: async (sql, parameters) => database.prepare<CellValue[], Cells>(sql).all(...parameters),
    close: async () => void database.close(),
  };
}

async function mysqlSnapshot(url: string): Promise<Snapshot> {
  const location = parseMysqlUrl(url);
  const { username: user, tls: _, ...where } = location;
  const connection = await createConnection({
    ...where,
    user,
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    jsonStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
    connectTimeout: defaultMysqlLimits.connectTimeoutMs,
    ...tlsOptions(location),
  });
  // A connection lost while nobody asks would end the process; the next query says so anyway.
  connection.on('error', () => undefined);
  try {
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return {
    async query(sql, parameters) {
      const [rows] = await connection.query({ sql, values: [...parameters], timeout: queryTimeoutMs });
      // A SELECT answers with rows, and our columns hold numbers, text and null only.
      return rows as Cells[];
    },
    close: () => connection.end(),
  };
}

/** Longest wait for one page of rows. */
const queryTimeoutMs = 60_000;

/** Runs `work` on empty read models in a temporary folder (TMPDIR), which is removed afterwards. */
async function withScratchModels<Result>(work: (models: ReadModels) => Promise<Result>): Promise<Result> {
  await removeAbandonedFolders();
  const folder = await createTemporaryFolder('fold');
  try {
    const models = await openSqlite(join(folder, 'read-models.db'));
    try {
      // They are not needed after a power cut.
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
