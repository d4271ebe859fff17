import { randomUUID } from 'node:crypto';
import { openEngines } from '../app/engines.js';
import { projectingReadSide } from '../app/read-side.js';
import { EraseUser, EraseUserHandler, UserEraser } from '../commands/account/erase-user.js';
import { ImportCatalog, ImportCatalogHandler, VenuePublisher } from '../commands/catalog/import-catalog.js';
import { SeatKeeper } from '../commands/catalog/retain-sold-seats.js';
import { type CommandContext, processContext } from '../commands/command-context.js';
import { DeciderHandler } from '../commands/decider-handler.js';
import { StreamRepository } from '../commands/stream-repository.js';
import { Rejected } from '../domain/rejection.js';
import type { FeedFormat, FeedOptions } from '../integrations/feeds/feed.js';
import { parseFeed } from '../integrations/feeds/parse-feed.js';
import { sealingStore } from '../personal-data/store-views.js';
import { systemClock } from '../platform/clock.js';
import type { Config } from '../platform/config.js';
import { createLog } from '../platform/logging.js';
import { resolveSecrets } from '../platform/secrets.js';
import { TablesOfAnotherLog } from '../projections/engine/made-from.js';
import { CliFailure, exitCodes } from './command.js';
import type { ErasureOutcome } from './erase-user.js';
import type { ImportOutcome } from './import.js';

/** How long the read models may take to catch up with the log before and after. */
const catchUpTimeoutMs = 60_000;

/**
 * Imports a feed into the data folder of a server that is not running.
 * @throws {CliFailure} when the folder can't be opened, most likely because a server has it open.
 */
export async function importDirectly(
  config: Config,
  text: string,
  format: FeedFormat | 'auto',
  options: FeedOptions,
): Promise<ImportOutcome> {
  const via = `opening ${config.DATA_DIR}`;
  // What venues the catalog has is the import's to judge: it reports performances without one.
  const feed = parseFeed({ text, format, options, isKnownVenue: () => true });
  const { problems, moreProblems } = feed;
  if (feed.kind === 'refused') return { kind: 'refused', via, problems: [...problems], moreProblems };
  const log = createLog({ LOG_LEVEL: 'silent' });
  const secrets = resolveSecrets(config);
  const engines = await openEngines(config, secrets, log).catch((error: unknown) => {
    if (error instanceof TablesOfAnotherLog) throw new CliFailure(error.message, exitCodes.mismatched);
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`${reason}\nIf a server is running on it, name the server with --server.`);
  });
  const store = sealingStore(engines.store, engines.personalKeys);
  const readSide = projectingReadSide({ ...engines, clock: systemClock, log });
  const catchUp = async () => {
    const head = await store.head();
    if (head !== undefined) await readSide.progress.waitFor(head, { timeoutMs: catchUpTimeoutMs });
  };
  try {
    // The import asks the read models which dates use a venue's seats.
    await catchUp();
    const { isOnlyWriter } = engines;
    const repository = new StreamRepository(store, systemClock, { isOnlyWriter });
    const deciders = new DeciderHandler(repository, systemClock);
    const seats = new SeatKeeper(repository, store, readSide.ports.venueUse, systemClock);
    const handler = new ImportCatalogHandler(
      repository,
      deciders,
      new VenuePublisher(repository, deciders, seats),
      {
        secret: secrets.secret,
      },
    );
    const report = await handler.execute(new ImportCatalog(feed.document, processContext('import')));
    await catchUp();
    const { records, keptSeats, position = null } = report;
    return {
      kind: 'imported',
      via,
      format: feed.format,
      records: [...records],
      keptSeats: [...keptSeats],
      problems: [...problems],
      moreProblems,
      position,
    };
  } finally {
    await readSide.close();
    await engines.close();
  }
}

/**
 * Erases a person in the data folder of a server that is not running.
 * @throws {CliFailure} when the folder can't be opened, most likely because a server has it open.
 */
export async function eraseUserDirectly(
  config: Config,
  input: { readonly user: string; readonly forfeit: boolean },
): Promise<ErasureOutcome> {
  const log = createLog({ LOG_LEVEL: 'silent' });
  const engines = await openEngines(config, resolveSecrets(config), log).catch((error: unknown) => {
    if (error instanceof TablesOfAnotherLog) throw new CliFailure(error.message, exitCodes.mismatched);
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`${reason}\nIf a server is running on it, name the server with --server.`);
  });
  const store = sealingStore(engines.store, engines.personalKeys);
  const readSide = projectingReadSide({ ...engines, clock: systemClock, log });
  const catchUp = async () => {
    const head = await store.head();
    const isThere =
      head === undefined || (await readSide.progress.waitFor(head, { timeoutMs: catchUpTimeoutMs }));
    if (!isThere) throw new CliFailure('the read models do not catch up with the log: repeat the command');
  };
  try {
    // The erasure asks the read models what the user still has going.
    await catchUp();
    const { isOnlyWriter } = engines;
    const repository = new StreamRepository(store, systemClock, { isOnlyWriter });
    const deciders = new DeciderHandler(repository, systemClock);
    const { business } = readSide.ports;
    const eraser = new UserEraser(repository, deciders, business, store, engines.personalKeys, systemClock);
    const handler = new EraseUserHandler(repository, eraser);
    const { userId } = await handler.execute(new EraseUser(input, operatorContext()));
    await catchUp();
    await engines.readModels.clean();
    return { kind: 'erased', userId };
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    return { kind: 'refused', code: error.rejection.code, reason: error.rejection.message };
  } finally {
    await readSide.close();
    await engines.close();
  }
}

function operatorContext(): CommandContext {
  const id = randomUUID();
  return { commandId: id, correlationId: id, causationId: id, actor: { kind: 'admin' } };
}
