import type { DataSource } from 'typeorm';
import type { Position } from '../event-store/port.js';
import { allProjections, allTables } from '../projections/all-projections.js';
import { BatchPipeline } from '../projections/engine/batch-pipeline.js';
import { beforeFirst, checkpointsTable, loadCheckpoint } from '../projections/engine/checkpoints.js';
import { keyOfRow } from '../projections/engine/table.js';
import { RowCache } from '../projections/engine/unit-of-work.js';
import type { Office } from './office.js';
import { theWorld } from './scheduler.js';
import { SimulatedDatabase } from './simulated-database.js';
import { SimulatedSession, simulatedDialect } from './simulated-session.js';
import type { World } from './world.js';

/** A simulated office has a few dozen rows in a table. */
const cachedRows = 100;

/** Rows told apart in one finding; more say nothing new. */
const maxDifferences = 5;

/** Where the read models differ from the same log projected anew, in one go and without faults. */
export async function differencesFromFold(world: World, office: Office): Promise<string[]> {
  const anew = new SimulatedDatabase();
  const session = new SimulatedSession(world, anew, { name: 'the fold', life: theWorld });
  const projections = allProjections.map((projection) => ({
    projection,
    suffix: '',
    cache: new RowCache(cachedRows),
    position: beforeFirst,
    generation: 0,
  }));
  const at = world.clock.now();
  for (const { projection } of projections) await loadCheckpoint(session, projection, '', at);
  const { events, head } = office.log;
  const pipeline = new BatchPipeline({
    store: { readAll: async () => events.slice(0, 1) },
    dialect: simulatedDialect(
      () => ({ session, close: () => undefined }),
      (plain) => plain,
    ),
    // The dialect opens its own connections.
    dataSource: {} as DataSource,
    clock: world.clock,
  });
  // Positions of the log in memory are counted.
  const batch = { events, position: head as Position, caughtUp: true };
  await pipeline.apply(projections, batch, () => undefined);
  return differences(office.database, anew);
}

function differences(found: SimulatedDatabase, expected: SimulatedDatabase): string[] {
  const differing: string[] = [];
  for (const table of allTables) {
    if (table === checkpointsTable) continue;
    const textOf = (database: SimulatedDatabase) =>
      new Map(
        database.rows(table).map((row) => {
          const columns = Object.keys(table.columns).map((column) => row[column]);
          return [keyOfRow(table, row).join(' '), JSON.stringify(columns)];
        }),
      );
    const before = textOf(found);
    const after = textOf(expected);
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(key) === after.get(key)) continue;
      differing.push(
        `${table.name} ${key}: is ${before.get(key) ?? 'missing'}, the log says ${after.get(key) ?? 'none'}`,
      );
      if (differing.length >= maxDifferences) return differing;
    }
  }
  return differing;
}
