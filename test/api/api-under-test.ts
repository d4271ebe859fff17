import { CommandBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { FastifyInstance } from 'fastify';
import { logHistories } from '../../src/analysis/history/log-histories.js';
import { HISTORIES } from '../../src/analysis/history/port.js';
import { ApiModule } from '../../src/api/api.module.js';
import { API_SETTINGS, type ApiSettings, defaultApiSettings } from '../../src/api/api-settings.js';
import { configureHttp, createFastifyAdapter } from '../../src/api/http-server.js';
import {
  BACKGROUND_WORK,
  PROJECTION_OPERATIONS,
  PROJECTION_REBUILDS,
  type ProjectionOperations,
  type ProjectionRebuilds,
  READINESS,
  type Readiness,
  refuseRequests,
} from '../../src/api/operations.js';

import { OperatorGate } from '../../src/api/operator-gate.js';
import type { RateLimits } from '../../src/api/rate-limiter.js';
import { READ_POSITION, type ReadPosition } from '../../src/api/read-position.js';
import { type AccessSession, SessionCheck } from '../../src/commands/account/session-check.js';

import { processContext } from '../../src/commands/command-context.js';
import { DeciderHandler } from '../../src/commands/decider-handler.js';
import {
  IssueOperatorKey,
  IssueOperatorKeyHandler,
  OperatorKeys,
} from '../../src/commands/operators/operator-keys.js';
import { StreamRepository } from '../../src/commands/stream-repository.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { EventStore, type Position } from '../../src/event-store/port.js';
import {
  instantSchema,
  operatorNameSchema,
  type PerformanceId,
  performanceIdSchema,
  sessionIdSchema,
  toInstant,
  tokenIdSchema,
  type UserId,
  userIdSchema,
} from '../../src/events/ids.js';
import type { OperatorRole } from '../../src/events/operator-events.js';
import { Clock } from '../../src/platform/clock.js';
import { REDIS_LINK } from '../../src/platform/redis.js';
import { SecurityEvents } from '../../src/platform/security-events.js';
import { TokenSigner } from '../../src/platform/token-signer.js';
import {
  type CommandQueries,
  type ProcessQueries,
  QUERIES,
  type Queries,
} from '../../src/queries/queries.js';
import { QueueBoard } from '../../src/queries/queue-board.js';
import type { ProjectionRebuild } from '../../src/queries/replies/projections.js';

export const userId = userIdSchema.parse('11111111-1111-4111-8111-111111111111');
export const strangerId = userIdSchema.parse('22222222-2222-4222-8222-222222222222');
export const performanceId = performanceIdSchema.parse('33333333-3333-4333-8333-333333333333');
export const otherPerformanceId = performanceIdSchema.parse('44444444-4444-4444-8444-444444444444');
export const tokenId = tokenIdSchema.parse('55555555-5555-4555-8555-555555555555');
export const scheduleId = '66666666-6666-4666-8666-666666666666';
export const adminKey = 'operators-only-0123456789';
export const callbackSecret = 'payment-callback-secret';

type Handler = (command: object) => unknown;

/** Stands in for the command handlers: the HTTP rules are what is tested. */
export class ScriptedCommands {
  readonly received: object[] = [];
  handler: Handler = () => {
    throw new Error('no command was expected');
  };

  async execute(command: object): Promise<unknown> {
    this.received.push(command);
    return this.handler(command);
  }
}

/** Sessions live unless a test ends them. */
export class ScriptedSessions extends SessionCheck {
  answer: (session: AccessSession) => boolean | Promise<boolean> = () => true;

  isLive(session: AccessSession) {
    return this.answer(session);
  }

  take(): void {}
}

/** Read models that stand where a test puts them. */
export class ScriptedPosition implements ReadPosition {
  at = 1_000_000 as Position; // a test's own position
  readonly waited: { readonly position: number; readonly timeoutMs: number }[] = [];

  current(): Position {
    return this.at;
  }

  async waitFor(position: Position, timeoutMs: number): Promise<boolean> {
    this.waited.push({ position, timeoutMs });
    return position <= this.at;
  }
}

export class ManualClock implements Clock {
  ms = Date.parse('2026-11-22T09:00:00.000Z');
  now = () => toInstant(this.ms);
  nowMs = () => this.ms;
}

const nothing = async () => null;
const emptyPage = async () => ({ items: [], nextCursor: null });
/** The questions that the API asks. */
type ApiQueries = Omit<Queries, keyof CommandQueries | keyof ProcessQueries>;

const noReads: ApiQueries = {
  user: nothing,
  wallet: nothing,
  walletHistory: emptyPage,
  charge: nothing,
  chargesByStatus: emptyPage,
  chargesNeedingAttention: async () => 0,
  venue: nothing,
  performances: emptyPage,
  performance: nothing,
  schedules: nothing,
  schedule: nothing,
  cancellation: nothing,
  seatBoard: nothing,
  queueToken: nothing,
  queue: nothing,
  queueBoard: async (performanceId) =>
    new QueueBoard(performanceId, undefined, { dates: [], closesAt: null }, 0),
  queueTokens: async () => [],
  queueHead: nothing,
  queueFairness: nothing,
  queueNumbers: nothing,
  holds: async () => [],
  orders: emptyPage,
  order: nothing,
  reservations: emptyPage,
  sessions: async () => [],
};

/** For suites that send many requests from one address. */
export const noRateLimits: RateLimits = {
  passwordsPerMinute: 0,
  passwordsPerMinuteOfAccount: 0,
  registrationsPerMinute: 0,
  refreshesPerMinute: 0,
  commandsPerMinute: 0,
  joinsPerMinute: 0,
  maxRemembered: 10,
};

const noProjections: ProjectionOperations = {
  report: async () => ({ headPosition: -1, projections: [] }),
  control: async () => true,
  eventsApplied: async () => new Map(),
};

const rebuildElsewhere: ProjectionRebuild = {
  rebuildId: '99999999-9999-4999-8999-999999999999',
  status: 'running',
  projections: ['seats'],
  compareOnly: false,
  restart: false,
  progress: null,
  report: null,
  error: null,
  requestedAt: instantSchema.parse('2026-11-22T09:00:00.000Z'),
  updatedAt: instantSchema.parse('2026-11-22T09:00:00.000Z'),
};

const noRebuilds: ProjectionRebuilds = {
  names: [],
  // As if another process had begun one.
  request: async () => ({ running: rebuildElsewhere }),
  find: async () => undefined,
  cancel: async () => undefined,
};

export interface ApiUnderTest {
  readonly app: NestFastifyApplication;
  readonly commands: ScriptedCommands;
  readonly sessions: ScriptedSessions;
  readonly position: ScriptedPosition;
  readonly clock: ManualClock;
  readonly signer: TokenSigner;
  readonly store: InMemoryEventStore;
  readonly reads: ApiQueries;
  readonly readiness: { ready: boolean; refusal?: string };
  /** Details of the lines that the security log got. */
  readonly securityLines: readonly Readonly<Record<string, unknown>>[];
  /** Issues a key to an operator, as another process does. @returns it with its id. */
  issueOperatorKey(
    role: OperatorRole,
    operator?: string,
  ): Promise<{ readonly key: string; readonly keyId: string }>;
  accessHeaders(user?: UserId): Record<string, string>;
  /** Access and queue token of a fan. */
  fanHeaders(options?: {
    user?: UserId;
    holder?: UserId;
    performance?: PerformanceId;
  }): Record<string, string>;
}

/** The whole API on scripted commands and read models. */
export async function startApi(
  options: {
    settings?: Partial<ApiSettings>;
    reads?: Partial<ApiQueries>;
    rebuilds?: ProjectionRebuilds;
  } = {},
): Promise<ApiUnderTest> {
  const clock = new ManualClock();
  const signer = new TokenSigner({ current: 'a secret of at least thirty-two characters' }, clock);
  const settings: ApiSettings = {
    ...defaultApiSettings,
    adminKey,
    callbackSecret,
    // A busy machine is late without being asked too much.
    load: { maxInFlight: 1_000, maxWaitMs: 0 },
    // Every client of a test has one address.
    reads: { ...defaultApiSettings.reads, perMinute: 0 },
    ...options.settings,
  };
  const commands = new ScriptedCommands();
  const sessions = new ScriptedSessions();
  const position = new ScriptedPosition();
  const store = new InMemoryEventStore();
  const reads: ApiQueries = { ...noReads, ...options.reads };
  const readiness: { ready: boolean; refusal?: string } = { ready: true };
  const securityLines: Record<string, unknown>[] = [];
  const writeLine = (details: object) => void securityLines.push({ ...details });
  const securityEvents = new SecurityEvents({ info: writeLine, warn: writeLine }, Buffer.from('test'));
  const operatorKeys = new OperatorKeys(new StreamRepository(store, clock), settings.adminKey);
  const operatorGate = new OperatorGate(operatorKeys, securityEvents);
  const check: Readiness['check'] = async () => ({
    ready: readiness.ready,
    checks: [{ name: 'store', ok: readiness.ready, detail: 'scripted' }],
  });
  const provided = [
    { provide: CommandBus, useValue: commands },
    { provide: TokenSigner, useValue: signer },
    { provide: SessionCheck, useValue: sessions },
    { provide: Clock, useValue: clock },
    { provide: EventStore, useValue: store },
    { provide: API_SETTINGS, useValue: settings },
    { provide: REDIS_LINK, useValue: undefined },
    { provide: QUERIES, useValue: reads },
    { provide: HISTORIES, useValue: logHistories(store, clock) },
    { provide: READ_POSITION, useValue: position },
    { provide: READINESS, useValue: { check, refusal: () => readiness.refusal } },
    { provide: PROJECTION_OPERATIONS, useValue: noProjections },
    { provide: BACKGROUND_WORK, useValue: { failures: () => [] } },
    { provide: SecurityEvents, useValue: securityEvents },
    { provide: OperatorKeys, useValue: operatorKeys },
    { provide: OperatorGate, useValue: operatorGate },
    { provide: PROJECTION_REBUILDS, useValue: options.rebuilds ?? noRebuilds },
  ];
  class ProvidedModule {}
  const surroundings = {
    module: ProvidedModule,
    global: true,
    providers: provided,
    exports: provided.map(({ provide }) => provide),
  };
  const testing = await Test.createTestingModule({ imports: [surroundings, ApiModule] }).compile();
  const adapter = createFastifyAdapter(settings, operatorGate, securityEvents);
  refuseRequests(adapter.getInstance<FastifyInstance>(), () => readiness.refusal);
  const app = testing.createNestApplication<NestFastifyApplication>(adapter, {
    bodyParser: false,
    logger: false,
  });
  configureHttp(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();

  const elsewhere = new IssueOperatorKeyHandler(
    new DeciderHandler(new StreamRepository(store, clock), clock),
  );
  const issueOperatorKey: ApiUnderTest['issueOperatorKey'] = (role, operator = role) =>
    elsewhere.execute(
      new IssueOperatorKey({ operator: operatorNameSchema.parse(operator), role }, processContext('import')),
    );
  const accessHeaders = (user = userId) => {
    const sid = sessionIdSchema.parse('77777777-7777-4777-8777-777777777777');
    return { authorization: `Bearer ${signer.access.sign({ sub: user, sid }, 3_600_000).value}` };
  };
  const fanHeaders: ApiUnderTest['fanHeaders'] = ({ user = userId, holder = user, performance } = {}) => {
    const claims = { sub: holder, tid: tokenId, pid: performance ?? performanceId, num: 7 };
    return {
      ...accessHeaders(user),
      'x-queue-token': signer.queue.sign(claims, 3_600_000).value,
      'idempotency-key': 'key-1',
    };
  };
  return {
    app,
    commands,
    sessions,
    position,
    clock,
    signer,
    store,
    reads,
    readiness,
    securityLines,
    issueOperatorKey,
    accessHeaders,
    fanHeaders,
  };
}
