/** The thread that projects: it reads the log by itself, folds it and writes the tables. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openEventStoreDb } from '../event-store/eventstoredb/event-store-db.js';
import type { EventStore } from '../event-store/port.js';
import { LogGrowth, openSqliteEventStore } from '../event-store/sqlite/sqlite-event-store.js';
import { openPersonalKeys } from '../personal-data/personal-keys.js';
import { revealingStore } from '../personal-data/store-views.js';
import { systemClock } from '../platform/clock.js';
import { plainDetails } from '../platform/logging.js';
import { joinReadModels } from '../projections/open-read-models.js';
import { FittingStore, LogFit } from './log-fit.js';
import type { FromProjection, LogLevel, ProjectionOrder, ToProjection } from './projection-thread-client.js';
import { LocalProjector } from './projector.js';

async function project(port: MessagePort, order: ProjectionOrder): Promise<void> {
  const post = (message: FromProjection) => port.postMessage(message);
  const line = (level: LogLevel) => (details: object, message: string) =>
    post({ kind: 'log', level, details: plainDetails(details), message });
  const log = { info: line('info'), warn: line('warn'), error: line('error') };
  const growth = new LogGrowth();
  const fit = fitOf(order, post);
  const store = await openLog(order, { growth, fit, log });
  const tables = await joinReadModels(order.readModels, order.writer);
  const { file, secret, isLossAccepted } = order.personalKeys;
  const personalKeys = await openPersonalKeys({ place: file ?? tables.write, secret, store, isLossAccepted });
  const projector = new LocalProjector({
    store: revealingStore(store, personalKeys),
    tables,
    clock: systemClock,
    log,
    onMisfit: (misfit) => post({ kind: 'misfit', misfit }),
    onChange: () => post({ kind: 'state', state: projector.state }),
    rebuildsAt: order.readModels,
  });
  const stop = async () => {
    await projector.stop();
    await personalKeys.close();
    await tables.close();
    await store.close();
    port.close();
  };
  port.on('message', (message: ToProjection) => {
    if (message.kind === 'stop') return void stop();
    growth.tell();
    // Events do not gather while somebody waits for them.
    if (message.kind === 'wait') void projector.waitFor(message.position, message);
  });
  projector.start();
  post({ kind: 'ready', state: projector.state });
}

/** What is found here is told to the thread that serves, which refuses requests and logs the reason. */
function fitOf({ mayLag }: ProjectionOrder, post: (message: FromProjection) => void): LogFit {
  const unlogged = { error: () => undefined };
  return new LogFit(unlogged, mayLag, (misfit) => post({ kind: 'misfit', misfit }));
}

interface LogParts {
  readonly growth: LogGrowth;
  readonly fit: LogFit;
  readonly log: { warn(details: object, message: string): void };
}

async function openLog(order: ProjectionOrder, { growth, fit, log }: LogParts): Promise<EventStore> {
  if (order.log.url === undefined) {
    return openSqliteEventStore({ file: order.log.file, readOnly: true, growth });
  }
  const store = openEventStoreDb({
    connectionString: order.log.url,
    warn: (message) => log.warn({ engine: 'EventStoreDB', thread: 'projections' }, message),
    recognise: (eventAt) => fit.recognise(eventAt),
  });
  return new FittingStore(store, fit, true);
}

if (parentPort === null) throw new Error('the projections run as a worker thread');
// What it throws ends the thread: the other side gets it.
void project(parentPort, workerData as ProjectionOrder); // given by ProjectionThread
