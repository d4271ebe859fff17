import { join } from 'node:path';
import { checkEventStoreDb, EventStoreDbRefused } from '../event-store/eventstoredb/check-server.js';
import { openEventStoreDb } from '../event-store/eventstoredb/event-store-db.js';
import type { EventStore } from '../event-store/port.js';
import { LogGrowth, openSqliteEventStore } from '../event-store/sqlite/sqlite-event-store.js';
import { startVirtualPaymentSystem } from '../integrations/payment/virtual/server.js';
import { openPersonalKeys, type PersonalKeys } from '../personal-data/personal-keys.js';
import { revealingStore } from '../personal-data/store-views.js';
import { BadConfiguration, type Config, createDataDir } from '../platform/config.js';
import { tightenDataFolder } from '../platform/data-folder.js';
import { BadEventStoreUrl, parseEventStoreUrl } from '../platform/event-store-url.js';
import type { Log } from '../platform/logging.js';
import { RedisLink } from '../platform/redis.js';
import type { Secrets } from '../platform/secrets.js';
import {
  BadDatabaseUrl,
  openReadModels,
  type ReadModelLocation,
  type ReadModels,
} from '../projections/open-read-models.js';
import { bringTogether, FittingStore, LogFit } from './log-fit.js';
import type { ProjectionOrder } from './projection-thread-client.js';

/** The loss of a part that this process cannot work without and cannot replace: its supervisor has to start it again. */
export class Breakdown {
  #reason: string | undefined;
  #tell: (reason: string) => void = () => undefined;
  /** Resolves with the reason, once it happens. */
  readonly happened: Promise<string>;

  constructor(private readonly log: { fatal(details: object, message: string): void }) {
    this.happened = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  /** What was lost and why; undefined while everything works. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Records the first loss. */
  readonly report = (reason: string): void => {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.log.fatal({}, reason);
    this.#tell(reason);
  };
}

/** What the product runs on, opened. */
export interface Engines {
  /** The log as it is: personal data sealed. Writing or reading names takes a view of it (src/personal-data). */
  readonly store: EventStore;
  /** Whether log and read models belong together; checked when the engines are opened. */
  readonly fit: LogFit;
  /** Happens when a thread that writes the log or the read models, or projects, ends by itself. */
  readonly breakdown: Breakdown;
  readonly personalKeys: PersonalKeys;
  /** Tells of each commit of the embedded log. */
  readonly growth: LogGrowth;
  /** The embedded log: one process holds it open for writing. */
  readonly isOnlyWriter: boolean;
  /**
   * Positions the read models may be behind the log before a process should not be asked. A position is an event
   * in the embedded log, a byte in EventStoreDB: either way some fifty thousand events.
   */
  readonly maxLag: number;
  readonly readModels: ReadModels;
  /** Of the same read models. */
  readonly location: ReadModelLocation;
  /** Undefined: timers and idempotency records live in this process. */
  readonly redis: RedisLink | undefined;
  readonly paymentUrl: string;
  /** Closes in the order in which one needs the other. Safe to call twice. */
  close(): Promise<void>;
}

/** Files of the embedded engines inside DATA_DIR. */
export const dataFiles = {
  log: 'events.db',
  readModels: 'read-models.db',
  payments: 'payments.db',
  personalKeys: 'keys.db',
} as const;

/**
 * Opens the engines the configuration chooses: each of log, read models and shared memory is embedded unless a URL
 * names a server.
 * @param signal stops a rebuild of tables that are not the log's.
 * @throws when one cannot be opened, and {@link TablesOfAnotherLog}; the others are closed again.
 */
export async function openEngines(
  config: Config,
  secrets: Secrets,
  log: Log,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Engines> {
  const opened: { close(): Promise<void> | void }[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    for (const engine of opened.reverse()) await engine.close();
  };
  const close = () => {
    closing ??= closeAll();
    return closing;
  };
  const keep = <Engine extends { close(): Promise<void> | void }>(engine: Engine): Engine => {
    opened.push(engine);
    return engine;
  };
  try {
    closeDataFolder(config, log);
    const isEmbedded = config.EVENTSTORE_URL === undefined;
    const fit = new LogFit(log, mayLag(config));
    const breakdown = new Breakdown(log);
    const growth = new LogGrowth();
    const opening = openStore(config, log, { fit, growth, onWriterLost: breakdown.report });
    const store = keep(new FittingStore(await opening, fit, !isEmbedded));
    const location = readModelLocation(config);
    const readModels = keep(await openTables(location, breakdown.report));
    const personalKeys = keep(
      await openPersonalKeys({
        place: config.DATABASE_URL === undefined ? dataFile(config, 'personalKeys') : readModels.write,
        secret: secrets.personalData,
        store,
        isLossAccepted: config.PERSONAL_KEYS_LOST,
      }),
    );
    await bringTogether({
      fit,
      store: revealingStore(store, personalKeys),
      readModels,
      location,
      isEmbedded: isEmbedded && location.url === undefined,
      log,
      signal,
    });
    const redis = openRedis(config, log);
    if (redis) keep(redis);
    const paymentUrl = config.PAYMENT_URL ?? keep(await startPayments(config, secrets, log)).url;
    return {
      store,
      fit,
      breakdown,
      personalKeys,
      growth,
      isOnlyWriter: isEmbedded,
      maxLag: isEmbedded ? 50_000 : 64 * 1024 * 1024,
      readModels,
      location,
      redis,
      paymentUrl,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Takes from other users of the machine what they can open in DATA_DIR, unless that was allowed. */
function closeDataFolder({ DATA_DIR, ALLOW_IN_PRODUCTION }: Config, log: Log): void {
  if (ALLOW_IN_PRODUCTION.includes('open-data-folder')) return;
  const { tightened, open } = tightenDataFolder(DATA_DIR);
  if (tightened.length > 0) {
    const remedy = 'if one of them may have read it, replace the secrets in it';
    log.warn(
      { tightened },
      `other users of this machine could open files of DATA_DIR, and cannot any more: ${remedy}`,
    );
  }
  if (open.length > 0) log.warn({ open }, 'other users of this machine can open files of DATA_DIR');
}

/** Whether a read of the log may lack events that were appended: a follower's may. */
function mayLag({ EVENTSTORE_URL }: Config): boolean {
  return EVENTSTORE_URL !== undefined && parseEventStoreUrl(EVENTSTORE_URL).nodePreference !== 'leader';
}

async function openStore(
  config: Config,
  log: Log,
  {
    fit,
    growth,
    onWriterLost,
  }: {
    readonly fit: LogFit;
    readonly growth: LogGrowth;
    readonly onWriterLost: Breakdown['report'];
  },
): Promise<EventStore> {
  const maxWaitingAppends = config.MAX_PENDING_APPENDS;
  if (config.EVENTSTORE_URL === undefined) {
    return openSqliteEventStore({ file: dataFile(config, 'log'), maxWaitingAppends, growth, onWriterLost });
  }
  await checkEventStoreUrl(config.EVENTSTORE_URL);
  const warn = (message: string) => log.warn({ engine: 'EventStoreDB' }, message);
  return openEventStoreDb({
    connectionString: config.EVENTSTORE_URL,
    maxWaitingAppends,
    warn,
    recognise: (eventAt) => fit.recognise(eventAt),
  });
}

/**
 * Checks once whether the log's server can be used as configured. One that is down is no error: it is waited for later.
 * @throws {BadConfiguration} saying what to change.
 */
export async function checkEventStoreUrl(url: string): Promise<void> {
  try {
    await checkEventStoreDb(url);
  } catch (error) {
    if (!(error instanceof EventStoreDbRefused || error instanceof BadEventStoreUrl)) throw error;
    throw new BadConfiguration(`EVENTSTORE_URL: ${error.message}`);
  }
}

/** @throws {BadConfiguration} when DATABASE_URL cannot be read; otherwise saying which database cannot be used, and why. */
async function openTables(
  location: ReadModelLocation,
  onWriterLost: Breakdown['report'],
): Promise<ReadModels> {
  try {
    return await openReadModels(location, onWriterLost);
  } catch (error) {
    if (location.url === undefined) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof BadDatabaseUrl) throw new BadConfiguration(`DATABASE_URL: ${reason}`);
    throw new Error(`DATABASE_URL: the database cannot be used: ${reason}`, { cause: error });
  }
}

/** What a thread that projects has to open of these engines. */
export function projectionOrder(
  config: Config,
  secrets: Secrets,
  { fit, location, readModels }: Pick<Engines, 'fit' | 'location' | 'readModels'>,
): ProjectionOrder {
  const { EVENTSTORE_URL, DATABASE_URL, PERSONAL_KEYS_LOST } = config;
  return {
    log: EVENTSTORE_URL === undefined ? { file: dataFile(config, 'log') } : { url: EVENTSTORE_URL },
    mayLag: fit.mayLag,
    readModels: location,
    writer: readModels.connectWriter(),
    personalKeys: {
      file: DATABASE_URL === undefined ? dataFile(config, 'personalKeys') : undefined,
      secret: secrets.personalData,
      isLossAccepted: PERSONAL_KEYS_LOST,
    },
  };
}

/** Where the read models of this configuration are. */
export function readModelLocation({ DATABASE_URL, DATA_DIR }: Config): ReadModelLocation {
  return DATABASE_URL === undefined ? { file: join(DATA_DIR, dataFiles.readModels) } : { url: DATABASE_URL };
}

function openRedis({ REDIS_URL, REDIS_KEY_PREFIX }: Config, log: Log): RedisLink | undefined {
  if (REDIS_URL === undefined) return undefined;
  return new RedisLink(REDIS_URL, log, { prefix: REDIS_KEY_PREFIX });
}

/** The stand-in for a payment provider, on loopback. */
function startPayments(config: Config, secrets: Secrets, log: Log) {
  return startVirtualPaymentSystem({
    host: '127.0.0.1',
    port: 0,
    file: dataFile(config, 'payments'),
    apiKey: secrets.paymentApiKey,
    callbackSecret: secrets.paymentCallbackSecret,
    log: (message) => log.warn({ engine: 'payment system' }, message),
  });
}

function dataFile(config: Config, name: keyof typeof dataFiles): string {
  createDataDir(config.DATA_DIR);
  return join(config.DATA_DIR, dataFiles[name]);
}
