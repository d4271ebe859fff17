/**
 * How many fans a second the admission process lets in, beside what `admitPerSecond` says: with read models that are
 * behind, and with many performances on sale. See bench/README.md.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ImportCatalog } from '../src/commands/catalog/import-catalog.js';
import type { CommandContext } from '../src/commands/command-context.js';
import { IssueToken } from '../src/commands/queue/issue-token.js';
import { StreamRepository } from '../src/commands/stream-repository.js';
import { admissionDecider } from '../src/domain/admission.js';
import { catalogDocumentSchema } from '../src/domain/catalog-document.js';
import type { EventStore } from '../src/event-store/port.js';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.js';
import { type PerformanceId, performanceIdSchema, userIdSchema } from '../src/events/ids.js';
import { streams } from '../src/events/streams.js';
import { systemClock } from '../src/platform/clock.js';
import { deriveId } from '../src/platform/derive-id.js';
import { PasswordHasher } from '../src/platform/password-hasher.js';
import { TokenSigner } from '../src/platform/token-signer.js';
import { AdmissionProcess } from '../src/processes/admission.js';
import { allProjections } from '../src/projections/all-projections.js';
import { ProjectionRunner } from '../src/projections/engine/runner.js';
import { openReadModels } from '../src/projections/open-read-models.js';
import { openQueries } from '../src/queries/queries.js';
import { commandSide } from '../src/simulator/command-side.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    'admit-per-second': { type: 'string', default: '20' },
    /** How far the read models are behind, ms. */
    'behind-ms': { type: 'string', default: '3000' },
    /** Performances on sale beside the hot one. */
    performances: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '20' },
  },
});
const admitPerSecond = Number(values['admit-per-second']);
const seconds = Number(values.seconds);
/** Fans who join in a second, for each that may be let in. */
const joinsPerAdmission = 1.25;
const admissionIntervalMs = 200;
const source = 'bench-admission';
const secret = 'a secret of the benchmark, 32 or more characters';

interface Scenario {
  readonly name: string;
  readonly behindMs: number;
  /** On sale beside the hot one; one fan waits in each. */
  readonly others: number;
}

interface Result extends Scenario {
  readonly admitPerSecond: number;
  readonly admittedPerSecond: number;
  readonly share: number;
}

let commands = 0;
function context(): CommandContext {
  const commandId = deriveId(source, 'command', `${commands++}`);
  return { commandId, correlationId: commandId, causationId: commandId, actor: { kind: 'admin' } };
}

const fanOf = (name: string) => userIdSchema.parse(deriveId(source, 'fan', name));
const performanceOf = (id: string) => performanceIdSchema.parse(deriveId('performance', source, id));

/** A hall of 10,000 seats, the hot performance and many others. */
function catalog(others: number) {
  const seats = (row: number) =>
    Array.from({ length: 100 }, (_, seat) => ({
      seatId: `${row}-${seat}`,
      number: `${seat}`,
      category: 'R',
      x: seat,
      y: row,
    }));
  const sections = [
    {
      sectionId: 'stalls',
      name: 'Stalls',
      rows: Array.from({ length: 100 }, (_, row) => ({ label: `${row}`, seats: seats(row) })),
    },
  ];
  const ids = ['hot', ...Array.from({ length: others }, (_, n) => `other ${n}`)];
  return catalogDocumentSchema.parse({
    format: 'boxoffice-catalog',
    version: 1,
    source,
    venues: [{ id: 'hall', name: 'Hall', location: 'Seoul', sections }],
    performances: ids.map((id) => ({
      id,
      venue: 'hall',
      name: id,
      startDate: '2030-12-24',
      endDate: '2030-12-24',
      prices: [{ category: 'R', price: 100 }],
      // Nobody else is let in: one fan waits in each of the others all the time.
      sales: { maxActive: id === 'hot' ? 100_000 : 1, admitPerSecond: id === 'hot' ? admitPerSecond : 0.1 },
      schedules: [{ id: 'date', startsAt: '2030-12-24T10:00:00.000Z' }],
    })),
  });
}

/** The log as a projector sees it that is `behindMs` behind. */
function delayed(store: EventStore, behindMs: number): EventStore {
  if (behindMs === 0) return store;
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'subscribe') {
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      const subscribe: EventStore['subscribe'] = (options, handler) =>
        target.subscribe(options, async (batch) => {
          const newestMs = batch.events.at(-1)?.recordedAtMs ?? 0;
          await delay(Math.max(0, newestMs + behindMs - Date.now()));
          await handler(batch);
        });
      return subscribe;
    },
  });
}

const log = {
  info: () => undefined,
  warn: (details: object, message: string) => console.error(message, details),
  error: (details: object, message: string) => console.error(message, details),
};

async function measure(scenario: Scenario, folder: string): Promise<Result> {
  const store = await openSqliteEventStore({ file: join(folder, 'events.db') });
  const models = await openReadModels({ file: join(folder, 'read.db') });
  const clock = systemClock;
  const runner = new ProjectionRunner({
    store: delayed(store, scenario.behindMs),
    dataSource: models.write,
    dialect: models.dialect,
    projections: allProjections,
    logger: log,
  });
  const queries = openQueries(models.read, runner, clock);
  const repository = new StreamRepository(store, clock, { isOnlyWriter: true });
  const settings = {
    accessTokenTtlMs: 900_000,
    refreshTokenTtlMs: 900_000,
    sessionMaxLifeMs: 900_000,
    queueTokenTtlMs: 900_000,
    catalogMaxAgeMs: 5_000,
    chargeReplyTimeoutMs: 5_000,
    nameBeaconRound: false,
    paymentCallbackUrl: undefined,
    queueSecret: { current: secret },
  };
  const unused = () => Promise.reject(new Error('nobody pays here'));
  const side = commandSide({
    store,
    repository,
    clock,
    settings,
    payments: { createPayment: unused, findPayment: unused },
    hasher: new PasswordHasher(),
    signer: new TokenSigner({ current: secret }, clock),
    queries,
  });
  const admission = new AdmissionProcess(store, side, queries, clock, log, admissionIntervalMs);
  const joinQueue = (performanceId: PerformanceId, name: string) =>
    side.execute(new IssueToken(fanOf(name), performanceId, 1, context()));
  const hot = performanceOf('hot');
  const admittedUpTo = async () =>
    (await repository.load(admissionDecider, streams.admission(hot))).state.admittedUpTo;
  try {
    runner.start();
    await side.execute(new ImportCatalog(catalog(scenario.others), context()));
    const published = (await store.head()) ?? 0;
    await runner.waitFor(published, { timeoutMs: 120_000 });
    admission.start();
    for (let n = 0; n < scenario.others; n++) {
      // The first is let in and fills the house, the second waits.
      await joinQueue(performanceOf(`other ${n}`), `first ${n}`);
      await joinQueue(performanceOf(`other ${n}`), `second ${n}`);
    }
    let joined = 0;
    const begunAtMs = performance.now();
    const elapsedMs = () => performance.now() - begunAtMs;
    const joinUntil = async (ms: number) => {
      while (elapsedMs() < ms) {
        while (joined < (elapsedMs() / 1000) * admitPerSecond * joinsPerAdmission) {
          await joinQueue(hot, `fan ${joined++}`);
        }
        await delay(10);
      }
    };
    // Until the first fans have been let in, and a queue has formed.
    await joinUntil(5_000);
    const [fromMs, from] = [elapsedMs(), await admittedUpTo()];
    await joinUntil(fromMs + seconds * 1_000);
    const admitted = (await admittedUpTo()) - from;
    const admittedPerSecond = admitted / ((elapsedMs() - fromMs) / 1_000);
    return { ...scenario, admitPerSecond, admittedPerSecond, share: admittedPerSecond / admitPerSecond };
  } finally {
    await admission.stop();
    await runner.stop();
    await models.close();
    await store.close();
  }
}

mkdirSync(values.folder, { recursive: true });
const behindMs = Number(values['behind-ms']);
const others = Number(values.performances);
const scenarios: readonly Scenario[] = [
  { name: 'one performance', behindMs: 0, others: 0 },
  { name: `read models ${behindMs} ms behind`, behindMs, others: 0 },
  { name: `${others} more performances on sale`, behindMs: 0, others },
];
const results: Result[] = [];
for (const scenario of scenarios) {
  const folder = mkdtempSync(join(values.folder, 'bench-admission-'));
  try {
    results.push(await measure(scenario, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
if (values.json) console.log(JSON.stringify(results));
else {
  console.table(
    results.map(({ name, admittedPerSecond, share }) => ({
      scenario: name,
      'set, fans/s': admitPerSecond,
      'admitted, fans/s': Number(admittedPerSecond.toFixed(2)),
      share: `${Math.round(share * 100)} %`,
    })),
  );
}
