import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { type ApiSettings, defaultApiSettings } from '../api/api-settings.js';
import { configureHttp, createFastifyAdapter, logRequests } from '../api/http-server.js';
import { refuseRequests } from '../api/operations.js';
import { OperatorGate } from '../api/operator-gate.js';
import { ImportCatalog } from '../commands/catalog/import-catalog.js';
import { processContext } from '../commands/command-context.js';
import { OperatorKeys } from '../commands/operators/operator-keys.js';
import type { CommandSettings } from '../commands/settings.js';
import { StreamRepository } from '../commands/stream-repository.js';
import type { EventStore } from '../event-store/port.js';
import { metadataSchema } from '../events/event.js';
import { HttpBeacon } from '../integrations/beacon/http-beacon.js';
import { sampleCatalog } from '../integrations/feeds/sample-catalog.js';
import type { JoinVerificationSettings } from '../integrations/join-verification/port.js';
import { HttpPaymentProvider } from '../integrations/payment/http-payment-provider.js';
import { revealingStore, sealingStore } from '../personal-data/store-views.js';
import { type Clock, systemClock } from '../platform/clock.js';
import type { Config } from '../platform/config.js';
import { createLog, type Log, nestLog } from '../platform/logging.js';
import { PasswordHasher } from '../platform/password-hasher.js';
import { assertFitForProduction } from '../platform/production.js';
import { resolveSecrets, type Secrets } from '../platform/secrets.js';
import { SecurityEvents } from '../platform/security-events.js';
import { announceServer } from '../platform/server-file.js';
import { removeAbandonedFolders } from '../platform/temporary-folders.js';
import { deriveKey, TokenSigner } from '../platform/token-signer.js';
import { EndedSessions } from '../processes/ended-sessions.js';
import { appModule } from './app.module.js';
import { BackgroundReport, backgroundProcesses } from './background-processes.js';
import { type Engines, openEngines, projectionOrder } from './engines.js';
import { ProjectionThread } from './projection-thread-client.js';
import { LocalProjector, type Projector } from './projector.js';
import { addQueueDashboard } from './queue-dashboard.js';
import { followingReadSide, projectingReadSide, type ReadSide } from './read-side.js';

export interface RunningBoxoffice {
  /** Where it answers, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly paymentUrl: string;
  /** True when the log was empty and the sample catalog was imported. */
  readonly isNew: boolean;
  /** `host:port` of the Redis that does not answer yet: until it does, timers and records stay in this process. */
  readonly missingRedis: string | undefined;
  /** No owner's key has been issued: the key of the environment opens the operators' endpoints. */
  readonly isEnvironmentKeyOpen: boolean;
  /** Resolves when this process has lost a part that it cannot work without, with what that is: close it, and start anew. */
  readonly broken: Promise<string>;
  /** Stops accepting, finishes what was accepted, closes everything. Safe to call twice. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Tests set the time; the projections then run in the thread that serves. */
  readonly clock?: Clock;
  readonly log?: Log;
  /** Tests hash passwords cheaply. */
  readonly hasher?: PasswordHasher;
  /** Tests make the store fail or die at a chosen append; the projections read it too, so they run in the thread that serves. */
  readonly wrapStore?: (store: EventStore) => EventStore;
  /** Gives up a start that rebuilds tables. */
  readonly signal?: AbortSignal;
}

/** How long the start waits for the read models to catch up before it serves behind them. */
const catchUpTimeoutMs = 60_000;
/** How long the start waits for Redis before it says that Redis does not answer; requests are served meanwhile. */
const redisWaitMs = 1_000;
/** Connections that come at once wait here until they are accepted; the system drops what is beyond (511 by default). */
const maxConnectionsWaiting = 4_096;

/**
 * Starts the whole office in this process: engines, projections, HTTP, then the background processes. Closing goes in
 * reverse, so that each part outlives those that use it.
 * @throws {BadConfiguration} when NODE_ENV is production and this is not fit for it; when an engine cannot be opened or
 * the port is taken; what was opened is closed again.
 */
export async function startBoxoffice(config: Config, options: StartOptions = {}): Promise<RunningBoxoffice> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog(config);
  assertFitForProduction(config);
  const secrets = resolveSecrets(config);
  await removeAbandonedFolders();
  const closers: (() => Promise<void>)[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    for (const close of closers.reverse()) await close();
  };
  const close = () => {
    closing ??= closeAll();
    return closing;
  };
  try {
    const engines = await openEngines(config, secrets, log, { signal: options.signal });
    closers.push(() => engines.close());
    const sealedStore = options.wrapStore?.(engines.store) ?? engines.store;
    await checkClock(sealedStore, clock, { isOnlyWriter: engines.isOnlyWriter, config, log });
    const store = sealingStore(sealedStore, engines.personalKeys);
    const does = dutiesOf(config.ROLE);
    // A clock or a store that a test has made exists in this thread only.
    const hasOwnThread = options.clock === undefined && options.wrapStore === undefined;
    const project = hasOwnThread ? projectInThread : projectHere;
    const projector = does.projections
      ? await project({ config, secrets, engines, store: sealedStore, clock, log })
      : undefined;
    const readSideParts = { ...engines, store: sealedStore, clock };
    const readSide = projector
      ? projectingReadSide(readSideParts, projector)
      : followingReadSide(readSideParts);
    closers.push(() => readSide.close());
    const hasher = options.hasher ?? new PasswordHasher(config.LOGIN_CONCURRENCY);
    const background = new BackgroundReport();
    const repository = new StreamRepository(store, clock, { isOnlyWriter: engines.isOnlyWriter });
    const sessions = new EndedSessions(store, repository, clock, log);
    const app = await createApp({
      config,
      secrets,
      engines,
      store,
      repository,
      sessions,
      readSide,
      background,
      hasher,
      clock,
      log,
    });
    if (does.api && engines.redis) {
      const dashboard = addQueueDashboard(fastifyOf(app), engines.redis, app.get(OperatorGate));
      closers.push(() => dashboard.close());
    }
    // Handlers are bound to the bus now; listening comes after the start-up work.
    await app.init();
    const bus = app.get(CommandBus);
    const processes = backgroundProcesses(bus, { config, engines, store, readSide, clock, log });
    background.watch([...processes.parts, ...sessions.parts]);
    if (does.api) sessions.start();
    closers.push(
      () => sessions.stop(),
      () => processes.stop(),
      () => app.close(),
    );

    const isNew = does.projections && config.SAMPLE_CATALOG && (await store.head()) === undefined;
    if (isNew) {
      await bus.execute(new ImportCatalog(sampleCatalog(new Date(clock.nowMs())), processContext('import')));
    }
    const head = await store.head();
    if (head !== undefined) await readSide.progress.waitFor(head, { timeoutMs: catchUpTimeoutMs });
    const isEnvironmentKeyOpen = !(await app.get(OperatorKeys).state()).hasHadOwner;
    if (!isEnvironmentKeyOpen) {
      log.info({}, 'an owner’s key has been issued: the key of the environment (ADMIN_KEY) opens nothing');
    } else if (secrets.adminKey === undefined) {
      log.warn({}, 'no operator has access: set ADMIN_KEY, or run boxoffice operators issue --directly');
    }
    await app.listen({ port: config.PORT, host: config.HOST, backlog: maxConnectionsWaiting });
    const url = await app.getUrl();
    if (does.api) {
      const withdraw = announceServer(config.DATA_DIR, url);
      closers.push(async () => withdraw());
    }
    if (does.processes) await processes.start();
    const { redis } = engines;
    const missingRedis = redis && !(await redis.waitUntilReady(redisWaitMs)) ? redis.address : undefined;
    const broken = engines.breakdown.happened;
    return {
      url,
      paymentUrl: engines.paymentUrl,
      isNew,
      missingRedis,
      isEnvironmentKeyOpen,
      broken,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface ProjectorParts {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly engines: Engines;
  /** The log with personal data sealed. */
  readonly store: EventStore;
  readonly clock: Clock;
  readonly log: Log;
}

function projectInThread({ config, secrets, engines, log }: ProjectorParts): Promise<Projector> {
  const { fit, growth, breakdown } = engines;
  return ProjectionThread.start(projectionOrder(config, secrets, engines), {
    growth,
    log,
    onMisfit: (misfit) => fit.found(misfit),
    onLost: breakdown.report,
  });
}

async function projectHere({ engines, store, clock, log }: ProjectorParts): Promise<Projector> {
  const { fit, personalKeys, readModels, location } = engines;
  const projector = new LocalProjector({
    store: revealingStore(store, personalKeys),
    tables: readModels,
    clock,
    log,
    onMisfit: (misfit) => fit.found(misfit),
    rebuildsAt: location,
  });
  projector.start();
  return projector;
}

/** How far the newest event may lie in the future: clocks of several machines differ a little. */
const maxClockLagMs = 5_000;
/** Newest events that are looked at: those of several processes are not in the order of their clocks. */
const eventsForClock = 64;

/**
 * A clock that was set back would let holds, turns and sales end too late, by as much.
 * @throws when the log is ahead and this process is its only writer; with several, whose clock is wrong is not known, and
 * the log of this process tells its operators.
 */
export async function checkClock(
  store: EventStore,
  clock: Clock,
  { isOnlyWriter, config, log }: { readonly isOnlyWriter: boolean } & Pick<Parts, 'config' | 'log'>,
): Promise<void> {
  const events = await store.readAll({ from: 'end', direction: 'backwards', limit: eventsForClock });
  const metadata = events.map((event) => metadataSchema.safeParse(event.metadata).data);
  const newestMs = Math.max(...metadata.map((known) => (known ? Date.parse(known.occurredAt) : 0)));
  const aheadMs = newestMs - clock.nowMs();
  if (aheadMs <= maxClockLagMs) return;
  const moment = (ms: number) => new Date(ms).toISOString();
  const fact =
    `the clock of this machine says ${moment(clock.nowMs())}, but the newest event of the log was decided at ` +
    `${moment(newestMs)}, ${Math.round(aheadMs / 1_000)} s later: holds, turns and sales would end too late`;
  if (isOnlyWriter && !config.CLOCK_BEHIND_ACCEPTED) {
    const remedy =
      'set the clock right; if it is right and was ahead before, wait, or set CLOCK_BEHIND_ACCEPTED=true';
    throw new Error(`${fact}; ${remedy}`);
  }
  log.error({ aheadMs }, `${fact}; compare the clocks of all machines`);
}

/** What a process of each role does; every one answers /health. */
function dutiesOf(role: Config['ROLE']) {
  return {
    api: role === 'all' || role === 'api',
    projections: role === 'all' || role === 'projector',
    processes: role === 'all' || role === 'worker',
  };
}

interface Parts {
  readonly config: Config;
  readonly store: EventStore;
  readonly readSide: ReadSide;
  readonly clock: Clock;
  readonly log: Log;
}

function fastifyOf(app: NestFastifyApplication): FastifyInstance {
  return app.getHttpAdapter().getInstance();
}

async function createApp(
  parts: Parts & {
    readonly secrets: Secrets;
    readonly engines: Engines;
    readonly repository: StreamRepository;
    readonly sessions: EndedSessions;
    readonly background: BackgroundReport;
    readonly hasher: PasswordHasher;
  },
): Promise<NestFastifyApplication> {
  const { config, secrets, engines, store, repository, sessions } = parts;
  const { readSide, background, hasher, clock, log } = parts;
  const apiSettings = apiSettingsOf(config, secrets);
  const isServing = dutiesOf(config.ROLE).api;
  const operatorKeys = new OperatorKeys(repository, secrets.adminKey);
  const securityEvents = new SecurityEvents(log, deriveKey(secrets.tokens.current, 'security events'));
  const operatorGate = new OperatorGate(operatorKeys, securityEvents);
  const module = appModule({
    isServing,
    redis: engines.redis,
    store,
    personalKeys: engines.personalKeys,
    repository,
    operatorKeys,
    operatorGate,
    sessions,
    clock,
    hasher,
    apiSettings,
    readSide,
    background,
    settings: settingsOf(config, secrets),
    securityEvents,
    signer: new TokenSigner(secrets.tokens, clock),
    payments: new HttpPaymentProvider({
      baseUrl: engines.paymentUrl,
      apiKey: secrets.paymentApiKey,
      timeoutMs: config.PAYMENT_TIMEOUT_MS,
    }),
    beacon: new HttpBeacon({ urls: config.BEACON_URLS, timeoutMs: config.BEACON_TIMEOUT_MS }),
  });
  const adapter = createFastifyAdapter(apiSettings, operatorGate, securityEvents);
  logRequests(adapter.getInstance<FastifyInstance>(), log);
  refuseRequests(adapter.getInstance<FastifyInstance>(), () => engines.fit.refusal);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  configureHttp(app, { hasApi: isServing });
  return app;
}

function settingsOf(config: Config, { queueSeeds }: Secrets): CommandSettings {
  const publicUrl = config.PUBLIC_URL ?? (config.PORT === 0 ? undefined : `http://127.0.0.1:${config.PORT}`);
  return {
    accessTokenTtlMs: config.ACCESS_TOKEN_TTL_MS,
    refreshTokenTtlMs: config.REFRESH_TOKEN_TTL_MS,
    sessionMaxLifeMs: config.SESSION_MAX_LIFE_MS,
    queueTokenTtlMs: config.QUEUE_TOKEN_TTL_MS,
    catalogMaxAgeMs: config.CATALOG_MAX_AGE_MS,
    chargeReplyTimeoutMs: config.PAYMENT_TIMEOUT_MS,
    nameBeaconRound: config.RANDOMNESS_BEACON !== 'off',
    paymentCallbackUrl: publicUrl && new URL('/v1/payment-callbacks', publicUrl).href,
    queueSecret: queueSeeds,
  };
}

function apiSettingsOf(config: Config, secrets: Secrets): ApiSettings {
  return {
    ...defaultApiSettings,
    adminKey: secrets.adminKey,
    callbackSecret: secrets.paymentCallbackSecret,
    trustProxy: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS,
    waitForPositionTimeoutMs: config.READ_WAIT_TIMEOUT_MS,
    rateLimits: {
      ...defaultApiSettings.rateLimits,
      passwordsPerMinute: config.RATE_LIMIT_LOGIN_PER_MINUTE,
      passwordsPerMinuteOfAccount: config.RATE_LIMIT_LOGIN_PER_MINUTE_OF_ACCOUNT,
      registrationsPerMinute: config.RATE_LIMIT_REGISTRATIONS_PER_MINUTE,
      refreshesPerMinute: config.RATE_LIMIT_REFRESHES_PER_MINUTE,
      commandsPerMinute: config.RATE_LIMIT_COMMANDS_PER_MINUTE,
      joinsPerMinute: config.RATE_LIMIT_JOINS_PER_MINUTE,
    },
    joinVerification: joinVerificationOf(config),
    connections: {
      ...defaultApiSettings.connections,
      max: config.MAX_CONNECTIONS,
      maxPerAddress: config.MAX_CONNECTIONS_PER_ADDRESS,
    },
    reads: { ...defaultApiSettings.reads, perMinute: config.RATE_LIMIT_READS_PER_MINUTE },
    load: { maxInFlight: config.MAX_REQUESTS_IN_FLIGHT, maxWaitMs: config.MAX_REQUEST_WAIT_MS },
    // The others of those in progress are for requests that do not wait.
    maxWaitingForPosition: Math.ceil(config.MAX_REQUESTS_IN_FLIGHT / 4),
    sse: {
      ...defaultApiSettings.sse,
      maxConnections: config.MAX_LIVE_STREAMS,
      maxPerAddress: config.MAX_LIVE_STREAMS_PER_ADDRESS,
    },
  };
}

function joinVerificationOf(config: Config): JoinVerificationSettings {
  const { JOIN_VERIFICATION: kind, SITEVERIFY_URL: url, SITEVERIFY_SECRET: secret } = config;
  if (kind === 'proof-of-work') return { kind, bits: config.JOIN_WORK_BITS };
  if (kind === 'off') return { kind };
  const siteKey = config.SITEVERIFY_SITE_KEY;
  // Never without a check: readConfig() has refused this.
  if (url === undefined || secret === undefined || siteKey === undefined)
    throw new Error('SITEVERIFY_URL, SITEVERIFY_SECRET and SITEVERIFY_SITE_KEY are required');
  return { kind, url, secret, siteKey, timeoutMs: config.SITEVERIFY_TIMEOUT_MS };
}
