import { rmSync } from 'node:fs';
import { startBoxoffice } from '../../app/boxoffice.js';
import { sampleCatalog } from '../../integrations/feeds/sample-catalog.js';
import { systemClock } from '../../platform/clock.js';
import { readConfig } from '../../platform/config.js';
import { createLog } from '../../platform/logging.js';
import { resolveSecrets } from '../../platform/secrets.js';
import { createTemporaryFolder } from '../../platform/temporary-folders.js';
import { importOverHttp, toQuery } from '../import.js';

export interface DemoServer {
  readonly url: string;
  readonly adminKey: string | undefined;
  close(): Promise<void>;
}

/** Rules under which a few hundred fans queue, compete and let holds lapse within a minute. */
const hastyRules = { maxActive: 40, admitPerSecond: 25, holdTtlMs: 8_000, claimWindowMs: 30_000 };

/** Starts a server with the sample catalog on a temporary folder, which closing it removes. */
export async function startOwnServer(): Promise<DemoServer> {
  const dataDir = await createTemporaryFolder('demo');
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  try {
    const config = readConfig({
      DATA_DIR: dataDir,
      PORT: '0',
      SAMPLE_CATALOG: 'false',
      RATE_LIMIT_LOGIN_PER_MINUTE: '0',
      RATE_LIMIT_LOGIN_PER_MINUTE_OF_ACCOUNT: '0',
      RATE_LIMIT_REGISTRATIONS_PER_MINUTE: '0',
      RATE_LIMIT_REFRESHES_PER_MINUTE: '0',
      RATE_LIMIT_COMMANDS_PER_MINUTE: '0',
      RATE_LIMIT_READS_PER_MINUTE: '0',
      RATE_LIMIT_JOINS_PER_MINUTE: '0',
    });
    const server = await startBoxoffice(config, { log: createLog({ LOG_LEVEL: 'silent' }) });
    const close = async () => {
      await server.close();
      remove();
    };
    try {
      const { adminKey } = resolveSecrets(config);
      if (adminKey === undefined) throw new Error('a process that does everything has a key');
      const feed = JSON.stringify(sampleCatalog(new Date(systemClock.nowMs())));
      const query = toQuery('boxoffice', { sales: hastyRules });
      const imported = await importOverHttp(server.url, adminKey, feed, query);
      if (imported.kind === 'imported') await untilReadable(server.url, imported.position);
      return { url: server.url, adminKey, close };
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    remove();
    throw error;
  }
}

/** Read models follow the log with a delay: waits until they have the catalog, or the server's limit ends the wait. */
async function untilReadable(url: string, position: number | null): Promise<void> {
  const headers = { 'x-wait-for-position': String(position ?? 0) };
  const answer = await fetch(new URL('/v1/performances?limit=1', url), { headers });
  await answer.arrayBuffer();
}
