import { Option } from 'commander';
import { z } from 'zod';
import {
  type FeedFormat,
  type FeedOptions,
  feedFormats,
  feedOptionsSchema,
} from '../integrations/feeds/feed.js';
import { FeedUnreadable, readFeed } from '../integrations/feeds/fetch-feed.js';
import { type Config, readConfig } from '../platform/config.js';
import { CliFailure, collect, type DefineCommand, exitCodes } from './command.js';
import {
  defaultServerUrl,
  findAdminKey,
  isServerAt,
  parseServerUrl,
  postAsOperator,
  refusedRequest,
} from './running-server.js';
import { type Terminal, textTable } from './terminal.js';

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
      'Publishes venues, performances and dates from an organiser’s feed. The running server does it; if ' +
        'none answers at the configured address, the data folder is opened instead. Repeating an import changes nothing.',
    )
    .argument('<file|url>', 'the feed: a file, or an http(s) address')
    .addOption(
      new Option('--format <format>', 'what the feed is').choices([...feedFormats, 'auto']).default('auto'),
    )
    .option('--dedupe', 'keep the first of several seats with the same id, instead of refusing the plan')
    .option('--venue-id <id>', 'the venue of the catalog for the performances, or for the plan')
    .option('--only <id>', 'import only the record with this id of the organiser; may be repeated', collect)
    .option(
      '--price <category=points>',
      'set a price; the category * means all others, the price none means not for sale; may be repeated',
      collect,
    )
    .option('--points-per-unit <number>', 'points per unit of the feed’s currency')
    .option('--shift-days <days>', 'move all dates by this many days')
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
    const { importDirectly } = await import('./directly.js');
    return importDirectly(config, text, flags.format, options);
  }
  const adminKey = findAdminKey(flags.adminKey, config);
  if (adminKey === undefined) {
    throw new CliFailure(
      `the server at ${serverUrl} needs the operators’ key: give --admin-key or ADMIN_KEY`,
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

/** The options of `boxoffice import` about the feed, as text. */
export interface ImportFlags {
  readonly dedupe?: boolean;
  readonly venueId?: string;
  readonly only?: readonly string[];
  readonly price?: readonly string[];
  readonly pointsPerUnit?: string;
  readonly shiftDays?: string;
  readonly source?: string;
  readonly venueName?: string;
  readonly sales?: readonly string[];
}

/** The feed options of the flags. @throws {CliFailure} naming the wrong flag. */
export function toFeedOptions(flags: ImportFlags): FeedOptions {
  const { dedupe, venueId, only, price, pointsPerUnit, shiftDays, source, venueName, sales } = flags;
  const given = {
    dedupe,
    venueId,
    only,
    prices: price?.map(toPrice),
    pointsPerUnit: pointsPerUnit === undefined ? undefined : toNumber('--points-per-unit', pointsPerUnit),
    shiftDays: shiftDays === undefined ? undefined : toNumber('--shift-days', shiftDays),
    source,
    venueName,
    sales: sales === undefined ? undefined : Object.fromEntries(sales.map(toSalesRule)),
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const parsed = feedOptionsSchema.safeParse(present);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${flagOf(issue.path)}: ${issue.message}`);
  throw new CliFailure(problems.join('\n'));
}

/** The options as the query of `POST /v1/admin/imports`. */
export function toQuery(format: string, options: FeedOptions): URLSearchParams {
  const query = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === 'only' && Array.isArray(value)) for (const id of value) query.append(name, String(id));
    else query.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return query;
}

/** `R=66000`; `S=none`: not for sale; `*=1000`: all others. */
function toPrice(text: string): { category: string; price: number | null } {
  const [category, points] = toPair('--price', text);
  return { category, price: points === 'none' ? null : toNumber('--price', points) };
}

/** `holdTtlMs=60000`; `opensAt=null`: open at once. */
function toSalesRule(text: string): [string, unknown] {
  const [key, value] = toPair('--sales', text);
  if (key !== 'opensAt') return [key, toNumber('--sales', value)];
  return [key, value === 'null' ? null : value];
}

/** Splits at the last equals sign: a category may contain one. */
function toPair(flag: string, text: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1)
    throw new CliFailure(`${flag}: ${text} is not of the form key=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function toNumber(flag: string, text: string): number {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  throw new CliFailure(`${flag}: ${text} is not a number`);
}

function flagOf(path: readonly PropertyKey[]): string {
  const [name, ...rest] = path.map(String);
  const flag =
    { prices: 'price' }[name ?? ''] ?? (name ?? '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return [`--${flag}`, ...rest].join(' ');
}

const problemSchema = z.object({
  record: z.string(),
  field: z.string().optional(),
  reason: z.string(),
  effect: z.enum(['skipped', 'changed', 'refused']),
});
const problemsSchema = { problems: z.array(problemSchema), moreProblems: z.number().int() };

/** The server's reply to an import. */
export const importReplySchema = z.object({
  format: z.string(),
  records: z.array(
    z.object({
      kind: z.enum(['venue', 'performance', 'schedule']),
      externalId: z.string(),
      id: z.string(),
      name: z.string(),
      outcome: z.enum(['published', 'revised', 'unchanged', 'skipped']),
      reason: z.string().optional(),
    }),
  ),
  keptSeats: z.array(z.object({ venueId: z.string(), seatId: z.string(), scheduleId: z.string() })),
  ...problemsSchema,
  position: z.number().nullable(),
});

/** The problem document of a feed of which nothing can be imported. */
export const refusedReplySchema = z.object({
  code: z.literal('feed-refused'),
  detail: z.string(),
  ...problemsSchema,
});

/** How an import ended and where it was done. */
export type ImportOutcome = { readonly via: string } & (
  | ({ readonly kind: 'imported' } & z.infer<typeof importReplySchema>)
  | ({ readonly kind: 'refused' } & Pick<z.infer<typeof refusedReplySchema>, 'problems' | 'moreProblems'>)
);

/** Rows listed; more are only counted. */
const maxRows = 200;

/** Whether the feed or a venue in it was refused. */
export function isRefused(outcome: ImportOutcome): boolean {
  return outcome.kind === 'refused' || outcome.problems.some((problem) => problem.effect === 'refused');
}

/** The outcome for people to read. */
export function describeOutcome(outcome: ImportOutcome): string {
  const parts: string[] = [];
  if (outcome.kind === 'refused') {
    parts.push('Nothing in this feed can be imported.\n');
  } else {
    const { records, format, keptSeats } = outcome;
    const rows = records.slice(0, maxRows).map(({ kind, outcome: result, externalId, name, id, reason }) => {
      return [kind, result, externalId, reason === undefined ? name : `${name}: ${reason}`, id];
    });
    parts.push(textTable(['KIND', 'OUTCOME', 'EXTERNAL ID', 'NAME', 'ID'], rows));
    if (records.length > maxRows) parts.push(`… and ${records.length - maxRows} more records\n`);
    parts.push(`\n${tally(records.map((record) => record.outcome))} (${format} feed, by ${outcome.via})\n`);
    if (keptSeats.length > 0) {
      parts.push(
        `${keptSeats.length} held or sold seats stay in the plan, although the feed no longer has them\n`,
      );
    }
  }
  const { problems, moreProblems } = outcome;
  if (problems.length > 0) parts.push('\nProblems\n');
  for (const { record, field, reason, effect } of problems.slice(0, maxRows)) {
    parts.push(`  ${effect}: ${record}${field === undefined ? '' : `, ${field}`}: ${reason}\n`);
  }
  const unlisted = moreProblems + Math.max(0, problems.length - maxRows);
  if (unlisted > 0) parts.push(`  … and ${unlisted} more\n`);
  return parts.join('');
}

function tally(outcomes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'no records';
}

/** A large plan has many sections to write; a server that takes longer hangs. */
const importTimeoutMs = 120_000;

/**
 * Sends a feed to a running server.
 * @param query format and options, see toQuery.
 * @throws {CliFailure} when the server refuses the request itself or cannot be reached.
 */
export async function importOverHttp(
  serverUrl: string,
  adminKey: string,
  text: string,
  query: URLSearchParams,
): Promise<ImportOutcome> {
  const url = new URL('/v1/admin/imports', serverUrl);
  url.search = query.toString();
  const via = `the server at ${serverUrl}`;
  const { status, body } = await postAsOperator(url, adminKey, {
    type: 'text/plain; charset=utf-8',
    text,
    timeoutMs: importTimeoutMs,
  });
  if (status === 200) return { kind: 'imported', via, ...importReplySchema.parse(body) };
  const refused = refusedReplySchema.safeParse(body);
  if (refused.success) {
    const { problems, moreProblems } = refused.data;
    return { kind: 'refused', via, problems, moreProblems };
  }
  throw refusedRequest(via, status, body);
}
