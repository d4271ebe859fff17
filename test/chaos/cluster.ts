import { join } from 'node:path';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import type { EventStore } from '../../src/event-store/port.js';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import { ClusterOffice } from '../e2e/cluster-office.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import { startDatabaseServer, type TestDatabaseServer } from '../services/database-server.js';
import { RealEventStore } from '../services/event-store.js';
import { type ChaosOffice, ChildFaults } from './chaos-office.js';

/** The office in five processes on private engines: two api, one projector, one worker, and EventStoreDB or its stand-in. */
export class Cluster implements ChaosOffice {
  readonly mode = 'cluster';

  private constructor(
    readonly office: ClusterOffice,
    readonly database: TestDatabaseServer,
    readonly faults: ChildFaults,
  ) {}

  /** @param folder its own; log, tables and what the processes printed stay there. */
  static async open(
    folder: string,
    { database: kind }: { readonly database?: ServerKind | undefined },
  ): Promise<Cluster> {
    const faults = new ChildFaults(folder);
    const database = await startDatabaseServer({ folder: join(folder, 'database'), kind });
    try {
      const eventStoreFolder = join(folder, 'events');
      const settings = { database, eventStoreFolder, outputFolder: join(folder, 'processes') };
      return new Cluster(await ClusterOffice.open(faults.env, settings), database, faults);
    } catch (error) {
      await database.kill();
      throw error;
    }
  }

  get url(): string {
    return this.office.url;
  }

  get config(): { readonly ADMIN_KEY: string } {
    return this.office.config;
  }

  /** The log's stand-in. @throws when the log is a real EventStoreDB. */
  get standIn(): ChildServer {
    const { eventStore } = this.office;
    if (eventStore instanceof ChildServer) return eventStore;
    throw new Error('planned faults need the stand-in, and the log is a real EventStoreDB');
  }

  /** The log's real EventStoreDB. @throws when it is the stand-in. */
  get eventStoreDb(): RealEventStore {
    const { eventStore } = this.office;
    if (eventStore instanceof RealEventStore) return eventStore;
    throw new Error('the stand-in has no nodes');
  }

  async openLog(): Promise<EventStore> {
    return openEventStoreDb({ connectionString: this.office.eventStore.connectionString });
  }

  pointsBought(): Promise<number> {
    return this.office.pointsBought();
  }

  async close(): Promise<void> {
    await this.office.close();
    await this.database.kill();
  }
}
