import { Option } from 'commander';
import { type FeedFormat, feedFormats } from '../integrations/feeds/feed.js';
import { FeedUnreadable, readFeed } from '../integrations/feeds/fetch-feed.js';
import { type Config, readConfig } from '../platform/config.js';
import type { DefineCommand } from './define-command.js';
import { CliFailure, exitCodes } from './exit-codes.js';
import { type ImportFlags, toFeedOptions, toQuery } from './import-options.js';
import { describeOutcome, type ImportOutcome, isRefused } from './import-outcome.js';
import { importOverHttp } from './import-over-http.js';
import { collect } from './option-values.js';
import { defaultServerUrl, findAdminKey, isServerAt, parseServerUrl } from './server-address.js';
import type { Terminal } from './terminal.js';

interface Flags extends ImportFlags {
  readonly format: FeedFormat | 'auto';
  readonly server?: string;
  readonly adminKey?: string;
  readonly json?: boolean;
}

/** What `boxoffice import` does and takes. */
export const defineImportCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Publishes venues, performances and dates from an organiser’s feed. A running server does it; if none ' +
        'answers at the configured address, the data folder is opened instead. Repeating an import changes nothing.',
    )
    .argument('<file|url>', 'the feed: a file, or an http(s) address')
    .addOption(
      new Option('--format <format>', 'what the feed is').choices([...feedFormats, 'auto']).default('auto'),
    )
    .option('--dedupe', 'keep the first of several seats with one id, instead of refusing the plan')
    .option('--venue-id <id>', 'a venue of the catalog to put the performances, or the plan, into')
    .option('--only <id>', 'take only the record with this id of the organiser; may be repeated', collect)
    .option(
      '--price <category=points>',
      'set a price; * stands for all others, none for not for sale; may be repeated',
      collect,
    )
    .option('--points-per-unit <number>', 'points for one unit of the feed’s currency')
    .option('--shift-days <days>', 'move all dates by whole days')
    .option('--source <name>', 'namespace of the feed’s ids')
    .option('--venue-name <name>', 'name of the feed’s only venue')
    .option(
      '--sales <key=value>',
      'set a sales rule, such as maxActive=100 or opensAt=2026-12-01T11:00:00.000Z; may be repeated',
      collect,
    )
    .option('--server <url>', 'the server to send it to')
    .option('--admin-key <key>', 'the operators’ key (default: ADMIN_KEY, or DATA_DIR/admin-key)')
    .option('--json', 'print the outcome as JSON')
    .action(async (location: string, flags: Flags) => {
      const outcome = await importFeed(location, flags, terminal);
      terminal.out(flags.json ? `${JSON.stringify(outcome, null, 2)}\n` : describeOutcome(outcome));
      done(isRefused(outcome) ? exitCodes.failed : exitCodes.ok);
    });
};

async function importFeed(location: string, flags: Flags, terminal: Terminal): Promise<ImportOutcome> {
  const options = toFeedOptions(flags);
  const config = readConfig(terminal.env);
  const server = flags.server === undefined ? undefined : parseServerUrl(flags.server);
  const text = await readText(location);
  const serverUrl = server ?? (await runningServer(config));
  if (serverUrl === undefined) {
    terminal.err(`no server answers at ${defaultServerUrl(config)}: opening ${config.DATA_DIR}\n`);
    const { importDirectly } = await import('./import-directly.js');
    return importDirectly(config, text, flags.format, options);
  }
  const adminKey = findAdminKey(flags.adminKey, config);
  if (adminKey === undefined) {
    throw new CliFailure(
      `the server at ${serverUrl} wants the operators’ key: give --admin-key or ADMIN_KEY`,
    );
  }
  terminal.err(`sending the feed to ${serverUrl}\n`);
  return importOverHttp(serverUrl, adminKey, text, toQuery(flags.format, options));
}

async function runningServer(config: Config): Promise<string | undefined> {
  const url = defaultServerUrl(config);
  return (await isServerAt(url)) ? url : undefined;
}

async function readText(location: string): Promise<string> {
  try {
    return await readFeed(location);
  } catch (error) {
    if (error instanceof FeedUnreadable) throw new CliFailure(error.message);
    throw error;
  }
}
