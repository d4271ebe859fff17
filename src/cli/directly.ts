import { randomUUID } from 'node:crypto';
import { importReplyOf } from '../api/import-report.js';
import { type Engines, openEngines } from '../app/engines.js';
import { LocalProjector } from '../app/projector.js';
import { projectingReadSide } from '../app/read-side.js';
import { EraseUser, EraseUserHandler, UserEraser } from '../commands/account/erase-user.js';
import { uncheckedSessions } from '../commands/account/session-check.js';
import { ImportRefused } from '../commands/catalog/check-import.js';
import { HallChanges } from '../commands/catalog/hall-changes.js';
import { ImportCatalog, ImportCatalogHandler } from '../commands/catalog/import-catalog.js';
import { DatePublisher } from '../commands/catalog/publish-dates.js';
import { VenuePublisher } from '../commands/catalog/publish-venue.js';
import { SoldSeats } from '../commands/catalog/retain-sold-seats.js';
import { type CommandContext, processContext } from '../commands/command-context.js';
import { DeciderHandler } from '../commands/decider-handler.js';
import {
  dataFolderOperator,
  IssueOperatorKey,
  IssueOperatorKeyHandler,
  OperatorKeys,
  RevokeOperatorKey,
  RevokeOperatorKeyHandler,
} from '../commands/operators/operator-keys.js';
import { Holds } from '../commands/seats/end-hold.js';
import { StreamRepository } from '../commands/stream-repository.js';
import { Rejected } from '../domain/rejection.js';
import type { EventStore } from '../event-store/port.js';
import { operatorKeyIdSchema } from '../events/ids.js';
import {
  type FeedFormat,
  type FeedOptions,
  type ProblemReport,
  withProblems,
} from '../integrations/feeds/feed.js';
import { parseFeed } from '../integrations/feeds/parse-feed.js';
import { revealingStore, sealingStore } from '../personal-data/store-views.js';
import { systemClock } from '../platform/clock.js';
import type { Config } from '../platform/config.js';
import { createLog } from '../platform/logging.js';
import { resolveSecrets, type Secrets } from '../platform/secrets.js';
import { TablesOfAnotherLog } from '../projections/engine/made-from.js';
import { CliFailure, exitCodes } from './command.js';
import type { ErasureOutcome } from './erase-user.js';
import type { ImportOutcome } from './import.js';
import type { KeyAdministration } from './operators.js';

/** How long the read models may take to catch up with the log before and after. */
const catchUpTimeoutMs = 60_000;

/**
 * Imports a feed into the data folder of a server that is not running.
 * @throws {CliFailure} when the folder cannot be opened, most likely because a server has it open.
 */
export async function importDirectly(
  config: Config,
  text: string,
  format: FeedFormat | 'auto',
  options: FeedOptions,
): Promise<ImportOutcome> {
  const via = `opening ${config.DATA_DIR}`;
  const feed = parseFeed({ text, format, options });
  const refused = ({ problems, moreProblems, groups }: ProblemReport): ImportOutcome => ({
    kind: 'refused',
    via,
    problems,
    moreProblems,
    groups,
  });
  if (feed.kind === 'refused') return refused(feed);
  return withDataFolder(config, async ({ repository, deciders, store, readSide, secrets, catchUp }) => {
    const soldSeats = new SoldSeats(repository, store, readSide.queries, systemClock);
    const { queries } = readSide;
    const holds = new Holds(repository, deciders, systemClock);
    const hallChanges = new HallChanges(repository, deciders, soldSeats, holds, systemClock);
    const venues = new VenuePublisher(repository, deciders, soldSeats);
    const dates = new DatePublisher(repository, deciders, hallChanges, store, queries, systemClock);
    const settings = { queueSecret: secrets.queueSeeds, nameBeaconRound: config.RANDOMNESS_BEACON !== 'off' };
    const handler = new ImportCatalogHandler(repository, deciders, venues, dates, settings);
    const { document, unlistedPrices } = feed;
    const { acceptRenumbering, acceptHallChange } = options;
    const command = new ImportCatalog(document, processContext('import'), {
      unlistedPrices,
      acceptRenumbering,
      acceptHallChange,
      cancelMissing: options.cancelMissing,
    });
    try {
      const report = await handler.execute(command);
      await catchUp();
      return { kind: 'imported', via, ...importReplyOf(feed, report) };
    } catch (error) {
      if (!(error instanceof ImportRefused)) throw error;
      return refused(withProblems(feed, error.problems));
    }
  });
}

/**
 * Erases a person in the data folder of a server that is not running.
 * @throws {CliFailure} when the folder cannot be opened, most likely because a server has it open.
 */
export async function eraseUserDirectly(
  config: Config,
  input: { readonly user: string; readonly forfeit: boolean },
): Promise<ErasureOutcome> {
  return withDataFolder(config, async ({ repository, deciders, store, readSide, engines, catchUp }) => {
    const { queries } = readSide;
    const eraser = new UserEraser(
      repository,
      deciders,
      queries,
      store,
      engines.personalKeys,
      systemClock,
      uncheckedSessions,
    );
    const handler = new EraseUserHandler(repository, eraser);
    try {
      const { userId } = await handler.execute(new EraseUser(input, operatorContext()));
      if (!(await catchUp())) throw readModelsBehind();
      await engines.readModels.clean();
      return { kind: 'erased', userId };
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      return { kind: 'refused', code: error.rejection.code, reason: error.rejection.message };
    }
  });
}

/**
 * Operators' keys in the log, without a server's permission: whoever can open the log may do anything anyway. Each call
 * opens it. @throws {CliFailure} when it cannot be opened, or the change is refused.
 */
export function operatorKeysDirectly(config: Config): KeyAdministration {
  return {
    issue: (input) =>
      withDataFolder(config, async ({ deciders, catchUp }) => {
        const command = new IssueOperatorKey(input, operatorContext());
        const issued = await new IssueOperatorKeyHandler(deciders).execute(command).catch(asFailure);
        await catchUp();
        const { keyId, operator, role, key } = issued;
        return { keyId, operator, role, key };
      }),
    list: () =>
      withDataFolder(config, async ({ repository }) => {
        const { live, revoked, hasHadOwner } = await new OperatorKeys(repository, undefined).state();
        return {
          isEnvironmentKeyOpen: !hasHadOwner,
          keys: [...live.values()].map(({ keyHash: _, ...key }) => key),
          revokedKeys: [...revoked.values()].reverse().map(({ keyHash: _, ...key }) => key),
        };
      }),
    revoke: (keyId, reason) =>
      withDataFolder(config, async ({ deciders, catchUp }) => {
        const id = operatorKeyIdSchema.parse(keyId);
        const command = new RevokeOperatorKey(id, { reason }, operatorContext());
        await new RevokeOperatorKeyHandler(deciders).execute(command).catch(asFailure);
        await catchUp();
      }),
  };
}

function asFailure(error: unknown): never {
  if (!(error instanceof Rejected)) throw error;
  throw new CliFailure(error.rejection.message, exitCodes.failed);
}

/** What a command needs to run without a server. */
interface DataFolder {
  readonly engines: Engines;
  readonly store: EventStore;
  readonly secrets: Secrets;
  readonly repository: StreamRepository;
  readonly deciders: DeciderHandler;
  readonly readSide: ReturnType<typeof projectingReadSide>;
  /** Waits until the read models have the whole log. @returns whether they caught up in time. */
  readonly catchUp: () => Promise<boolean>;
}

/**
 * Opens the data folder for one piece of work, with read models that have caught up with the log.
 * @throws {CliFailure} when the folder cannot be opened.
 */
async function withDataFolder<Result>(
  config: Config,
  work: (folder: DataFolder) => Promise<Result>,
): Promise<Result> {
  const log = createLog({ LOG_LEVEL: 'silent' });
  const secrets = resolveSecrets(config);
  const engines = await openEngines(config, secrets, log).catch((error: unknown) => {
    if (error instanceof TablesOfAnotherLog) throw new CliFailure(error.message, exitCodes.mismatched);
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`${reason}\nIf a server is running on it, name the server with --server.`);
  });
  const store = sealingStore(engines.store, engines.personalKeys);
  const projector = new LocalProjector({
    store: revealingStore(engines.store, engines.personalKeys),
    tables: engines.readModels,
    clock: systemClock,
    log,
    onMisfit: (misfit) => engines.fit.found(misfit),
  });
  projector.start();
  const readSide = projectingReadSide({ ...engines, clock: systemClock }, projector);
  const catchUp = async () => {
    const head = await store.head();
    return head === undefined || readSide.progress.waitFor(head, { timeoutMs: catchUpTimeoutMs });
  };
  try {
    if (!(await catchUp())) throw readModelsBehind();
    const { isOnlyWriter } = engines;
    const repository = new StreamRepository(store, systemClock, { isOnlyWriter });
    const deciders = new DeciderHandler(repository, systemClock);
    return await work({ engines, store, secrets, repository, deciders, readSide, catchUp });
  } finally {
    await readSide.close();
    await engines.close();
  }
}

function readModelsBehind(): CliFailure {
  return new CliFailure('the read models do not catch up with the log: repeat the command');
}

function operatorContext(): CommandContext {
  const id = randomUUID();
  const actor = { kind: 'admin', operator: dataFolderOperator } as const;
  return { commandId: id, correlationId: id, causationId: id, actor };
}
