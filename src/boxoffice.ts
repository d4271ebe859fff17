import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { type ApiSettings, defaultApiSettings } from './api/api-settings.js';
import { configureHttp, createFastifyAdapter } from './api/http-setup.js';
import { logRequests } from './api/request-log.js';
import { appModule } from './app.module.js';
import { processContext } from './commands/command-context.js';
import { ImportCatalog } from './commands/import-catalog.js';
import type { Settings } from './commands/ports.js';
import { type Engines, openEngines } from './engines.js';
import type { EventStore } from './event-store/port.js';
import { sampleCatalog } from './integrations/feeds/sample-catalog.js';
import { HttpPaymentProvider } from './integrations/payment/http-payment-provider.js';
import { type Clock, systemClock } from './platform/clock.js';
import type { Config } from './platform/config.js';
import { createLog, type Log } from './platform/logging.js';
import { nestLog } from './platform/nest-log.js';
import { PasswordHasher } from './platform/password-hasher.js';
import { resolveSecrets, type Secrets } from './platform/secrets.js';
import { TokenSigner } from './platform/token-signer.js';
import { AdmissionProcess } from './processes/admission.js';
import { Expiry } from './processes/expiry.js';
import { Recovery } from './processes/recovery.js';
import { BullTimers } from './processes/redis/bull-timers.js';
import { RedisTurns } from './processes/redis/redis-turns.js';
import { InProcessTimers } from './processes/timers.js';
import { addQueueDashboard } from './queue-dashboard.js';
import { followingReadSide, projectingReadSide, type ReadSide } from './read-side.js';

export interface RunningBoxoffice {
  /** Where it answers, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly paymentUrl: string;
  /** True when the log was empty and the sample catalog was imported. */
  readonly isNew: boolean;
  /** Stops accepting, finishes what was accepted, closes everything. Safe to call twice. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  /** Tests hash passwords cheaply. */
  readonly hasher?: PasswordHasher;
  /** Tests make the store fail or die at a chosen append. */
  readonly wrapStore?: (store: EventStore) => EventStore;
}

/** How long the start waits for the read models to catch up before it serves behind them. */
const catchUpTimeoutMs = 60_000;

/**
 * Starts the whole office in this process: engines, projections, HTTP, then the processes that act by
 * themselves; closing goes the other way round, so that each part outlives those that use it.
 * @throws when an engine cannot be opened or the port is taken; what was opened is closed again.
 */
export async function startBoxoffice(config: Config, options: StartOptions = {}): Promise<RunningBoxoffice> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog(config);
  const secrets = resolveSecrets(config);
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
    const engines = await openEngines(config, secrets, log);
    closers.push(() => engines.close());
    const store = options.wrapStore?.(engines.store) ?? engines.store;
    const does = dutiesOf(config.ROLE);
    const openReadSide = does.projections ? projectingReadSide : followingReadSide;
    const readSide = openReadSide({ ...engines, store, clock, log });
    closers.push(() => readSide.close());
    const hasher = options.hasher ?? new PasswordHasher(config.LOGIN_CONCURRENCY);
    const app = await createApp({ config, secrets, engines, store, readSide, hasher, clock, log });
    if (does.api && engines.redis) {
      const dashboard = addQueueDashboard(fastifyOf(app), engines.redis, secrets);
      closers.push(() => dashboard.close());
    }
    // Handlers are bound to the bus now; listening comes after the start-up work.
    await app.init();
    const bus = app.get(CommandBus);
    const processes = createProcesses(bus, { config, engines, store, readSide, clock, log });
    closers.push(
      () => processes.stop(),
      () => app.close(),
    );

    const isNew = does.projections && config.SAMPLE_CATALOG && (await store.head()) === undefined;
    if (isNew) {
      await bus.execute(new ImportCatalog(sampleCatalog(new Date(clock.nowMs())), processContext('import')));
    }
    const head = await store.head();
    if (head !== undefined) await readSide.progress.waitFor(head, { timeoutMs: catchUpTimeoutMs });
    await app.listen(config.PORT, config.HOST);
    if (does.processes) await processes.start();
    return { url: await app.getUrl(), paymentUrl: engines.paymentUrl, isNew, close };
  } catch (error) {
    await close();
    throw error;
  }
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
  parts: Parts & { readonly secrets: Secrets; readonly engines: Engines; readonly hasher: PasswordHasher },
): Promise<NestFastifyApplication> {
  const { config, secrets, engines, store, readSide, hasher, clock, log } = parts;
  const apiSettings = apiSettingsOf(config, secrets);
  const isServing = dutiesOf(config.ROLE).api;
  const module = appModule({
    isServing,
    redis: engines.redis,
    store,
    isOnlyWriter: engines.isOnlyWriter,
    clock,
    hasher,
    apiSettings,
    readSide,
    settings: settingsOf(config, secrets),
    signer: new TokenSigner(secrets.secret, clock),
    payments: new HttpPaymentProvider({
      baseUrl: engines.paymentUrl,
      apiKey: secrets.paymentApiKey,
      timeoutMs: config.PAYMENT_TIMEOUT_MS,
    }),
  });
  const adapter = createFastifyAdapter(apiSettings);
  logRequests(adapter.getInstance<FastifyInstance>(), log);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  configureHttp(app, { hasApi: isServing });
  return app;
}

function createProcesses(bus: CommandBus, parts: Parts & { readonly engines: Engines }) {
  const { config, engines, store, readSide, clock, log } = parts;
  const { redis } = engines;
  const { ports } = readSide;
  const { SWEEP_INTERVAL_MS, ADMISSION_INTERVAL_MS, RESUME_AFTER_MS } = config;
  const timers = redis ? new BullTimers(redis, clock, log) : new InProcessTimers(clock);
  const turns = redis && new RedisTurns(redis);
  const expiry = new Expiry(store, bus, timers, ports.deadlines, clock, log, SWEEP_INTERVAL_MS, turns);
  const admission = new AdmissionProcess(store, bus, ports.queues, log, ADMISSION_INTERVAL_MS, turns);
  const recovery = new Recovery(bus, ports.openWork, clock, log, RESUME_AFTER_MS, SWEEP_INTERVAL_MS, turns);
  return {
    async start() {
      recovery.start();
      await expiry.start();
      admission.start();
    },
    async stop() {
      await Promise.all([recovery.stop(), expiry.stop(), admission.stop()]);
    },
  };
}

function settingsOf(config: Config, { secret }: Secrets): Settings {
  const publicUrl = config.PUBLIC_URL ?? (config.PORT === 0 ? undefined : `http://127.0.0.1:${config.PORT}`);
  return {
    accessTokenTtlMs: config.ACCESS_TOKEN_TTL_MS,
    refreshTokenTtlMs: config.REFRESH_TOKEN_TTL_MS,
    queueTokenTtlMs: config.QUEUE_TOKEN_TTL_MS,
    catalogMaxAgeMs: config.CATALOG_MAX_AGE_MS,
    chargeReplyTimeoutMs: config.PAYMENT_TIMEOUT_MS,
    paymentCallbackUrl: publicUrl && new URL('/v1/payment-callbacks', publicUrl).href,
    secret,
  };
}

function apiSettingsOf(config: Config, secrets: Secrets): ApiSettings {
  return {
    ...defaultApiSettings,
    adminKey: secrets.adminKey,
    callbackSecret: secrets.paymentCallbackSecret,
    trustProxy: config.TRUST_PROXY,
    waitForPositionTimeoutMs: config.READ_WAIT_TIMEOUT_MS,
    rateLimits: {
      ...defaultApiSettings.rateLimits,
      signInsPerMinute: config.RATE_LIMIT_LOGIN_PER_MINUTE,
      commandsPerMinute: config.RATE_LIMIT_COMMANDS_PER_MINUTE,
    },
    sse: { ...defaultApiSettings.sse, maxConnections: config.MAX_LIVE_STREAMS },
  };
}
