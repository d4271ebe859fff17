import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findDatabaseServers, findProgram } from '../../scripts/stack/programs.mjs';
import { startDatabaseServer } from '../../test/services/database-server.js';
import { startRedis } from '../../test/services/redis.js';

export interface PeerEngines {
  /** @returns the URL of an empty database. */
  newDatabase(): Promise<string>;
  readonly redisUrl: string;
  stop(): Promise<void>;
}

/** Every COMMIT is on disk before its reply, as every append of the office is. */
const durable = [
  '--innodb-flush-log-at-trx-commit=1',
  '--innodb-flush-method=fsync',
  '--innodb-log-file-size=256M',
  '--innodb-buffer-pool-size=512M',
  // Without the locks between rows that the default isolation takes.
  '--transaction-isolation=READ-COMMITTED',
];

/**
 * A private MariaDB with its files in the folder, and a private Redis.
 * @param durableLine whether Redis has every write on disk before its reply, as the office has; otherwise it keeps the waiting
 * line in memory only.
 * @throws naming what to install.
 */
export async function startPeerEngines(folder: string, durableLine: boolean): Promise<PeerEngines> {
  const missing = [
    ...(findDatabaseServers().mariadb ? [] : ['MariaDB 10.6 or later (Debian: mariadb-server)']),
    ...(findProgram(['redis-server', 'valkey-server']) ? [] : ['Redis 6.2 or later (Debian: redis-server)']),
  ];
  if (missing.length > 0) throw new Error(`install ${missing.join(' and ')}`);
  const own = join(folder, 'mariadb');
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const database = await startDatabaseServer({ kind: 'mariadb', folder: own, settings: durable });
  const redis = await startRedis({ persistent: durableLine });
  return {
    newDatabase: () => database.newDatabase(),
    redisUrl: redis.url,
    async stop() {
      await Promise.all([database.stop(), redis.stop()]);
    },
  };
}
