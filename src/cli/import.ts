import { Option } from 'commander';
import { z } from 'zod';
import { type ImportReply, importReply, problemsFields } from '../api/import-report.js';
import {
  type FeedFormat,
  type FeedOptions,
  feedFormats,
  feedOptionsSchema,
} from '../integrations/feeds/feed.js';
import { FeedUnreadable, readFeed } from '../integrations/feeds/fetch-feed.js';
import { readConfig } from '../platform/config.js';
import { CliFailure, collect, type DefineCommand, exitCodes } from './command.js';
import {
  addKeyOptions,
  askAsOperator,
  defaultServerUrl,
  findServer,
  type KeyFlags,
  parseServerUrl,
  refusedRequest,
  requireAdminKey,
} from './running-server.js';
import { counted, type Terminal, textTable } from './terminal.js';

interface Flags extends ImportFlags, KeyFlags {
  readonly format: FeedFormat | 'auto';
  readonly server?: string;
  readonly allowPrivateRedirects?: boolean;
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
    .addOption(
      new Option(
        '--dedupe [how]',
        'instead of refusing a plan with repeated seat ids: keep the first of each, or rename the others',
      ).choices(['first', 'rename']),
    )
    .option('--venue-id <id>', 'the venue of the catalog for the performances, or for the plan')
    .option('--only <id>', 'import only the record with this id of the organiser; may be repeated', collect)
    .option(
      '--price <category=points>',
      'set a price; the category * means all others, the price none means not for sale; may be repeated',
      collect,
    )
    .option(
      '--points-per-unit <number>',
      'points per unit of the feed’s currency, or USD=1300 for each of its currencies; may be repeated',
      collect,
    )
    .option(
      '--cancel-missing',
      'cancel dates published earlier that the feed does not have, and refund their tickets',
    )
    .option('--shift-days <days>', 'move all dates by this many days')
    .option('--source <name>', 'namespace of the feed’s ids')
    .option('--venue-name <name>', 'name of the feed’s only venue')
    .option('--time-zone <name>', 'time zone, such as Asia/Seoul, where the feed states none')
    .option('--focus <x,y>', 'where the audience of the feed’s only plan looks, in plan coordinates')
    .option(
      '--standing <area=capacity>',
      'sell the area of a pretix plan with this text as a standing area; may be repeated',
      collect,
    )
    .option(
      '--sales <key=value>',
      'set a sales rule, such as maxActive=100 or opensAt=2026-12-01T11:00:00.000Z; may be repeated',
      collect,
    )
    .option(
      '--accept-renumbering',
      'let held and sold seats get another section, row or number; each ticket is listed',
    )
    .option(
      '--accept-hall-change',
      'let dates with held or sold seats move to another hall: holds end, tickets may be given back; each is listed',
    )
    .option('--server <url>', 'the server to send it to')
    .option(
      '--allow-private-redirects',
      'follow redirects to private addresses, if the given address is a private one itself',
    )
    .option('--json', 'print the outcome as JSON');
  addKeyOptions(command).action(async (location: string, flags: Flags) => {
    const outcome = await importFeed(location, flags, terminal);
    terminal.out(flags.json ? `${JSON.stringify(outcome, null, 2)}\n` : describeOutcome(outcome));
    done(isRefused(outcome) ? exitCodes.failed : exitCodes.ok);
  });
};

async function importFeed(location: string, flags: Flags, terminal: Terminal): Promise<ImportOutcome> {
  const options = toFeedOptions(flags);
  const config = readConfig(terminal.env);
  const server = flags.server === undefined ? undefined : parseServerUrl(flags.server);
  const serverUrl = server ?? (await findServer(config));
  const text = await readText(location, flags.allowPrivateRedirects ?? false);
  if (serverUrl === undefined) {
    terminal.err(`no server answers at ${defaultServerUrl(config)}: opening ${config.DATA_DIR}\n`);
    const { importDirectly } = await import('./directly.js');
    return importDirectly(config, text, flags.format, options);
  }
  const adminKey = requireAdminKey(serverUrl, flags, config, terminal);
  terminal.err(`sending the feed to ${serverUrl}\n`);
  return importOverHttp(serverUrl, adminKey, text, toQuery(flags.format, options));
}

async function readText(location: string, allowPrivateRedirects: boolean): Promise<string> {
  try {
    return await readFeed(location, { allowPrivateRedirects });
  } catch (error) {
    if (error instanceof FeedUnreadable) throw new CliFailure(error.message);
    throw error;
  }
}

/** The options of `boxoffice import` about the feed, as text. */
export interface ImportFlags {
  readonly dedupe?: boolean | string;
  readonly venueId?: string;
  readonly only?: readonly string[];
  readonly price?: readonly string[];
  readonly pointsPerUnit?: readonly string[];
  readonly cancelMissing?: boolean;
  readonly shiftDays?: string;
  readonly source?: string;
  readonly venueName?: string;
  readonly timeZone?: string;
  readonly focus?: string;
  readonly standing?: readonly string[];
  readonly acceptRenumbering?: boolean;
  readonly acceptHallChange?: boolean;
  readonly sales?: readonly string[];
}

/** The feed options of the flags. @throws {CliFailure} naming the wrong flag. */
export function toFeedOptions(flags: ImportFlags): FeedOptions {
  const { dedupe, venueId, only, price, pointsPerUnit, shiftDays, source, venueName, sales } = flags;
  const { timeZone, focus, acceptRenumbering, acceptHallChange } = flags;
  const given = {
    dedupe: dedupe === 'first' ? true : dedupe,
    venueId,
    only,
    prices: price?.map(toPrice),
    pointsPerUnit: pointsPerUnit === undefined ? undefined : toRates(pointsPerUnit),
    cancelMissing: flags.cancelMissing,
    shiftDays: shiftDays === undefined ? undefined : toNumber('--shift-days', shiftDays),
    source,
    venueName,
    timeZone,
    acceptRenumbering,
    acceptHallChange,
    focus: focus === undefined ? undefined : toPoint(focus),
    standing: flags.standing && Object.fromEntries(flags.standing.map(toArea)),
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

/** `1300`: of the feed's only currency; `USD=1300`, `GBP=1700`: of each. */
function toRates(texts: readonly string[]): number | Record<string, number> {
  const flag = '--points-per-unit';
  const [first = ''] = texts;
  if (texts.length === 1 && !first.includes('=')) return toNumber(flag, first);
  return Object.fromEntries(
    texts.map((text) => {
      const [currency, points] = toPair(flag, text);
      return [currency, toNumber(flag, points)];
    }),
  );
}

/** `Stehplätze=300` */
function toArea(text: string): [string, number] {
  const [area, capacity] = toPair('--standing', text);
  return [area, toNumber('--standing', capacity)];
}

/** `120,-40` */
function toPoint(text: string): { x: number; y: number } {
  const [x = '', y, ...rest] = text.split(',');
  if (y === undefined || rest.length > 0) throw new CliFailure(`--focus: ${text} is not of the form x,y`);
  return { x: toNumber('--focus', x.trim()), y: toNumber('--focus', y.trim()) };
}

/** `holdTtlMs=60000`; `ticketsAskedBind=true`; `opensAt=null`: open at once; `closesAt=null`: until the start. */
function toSalesRule(text: string): [string, unknown] {
  const [key, value] = toPair('--sales', text);
  if (value === 'true' || value === 'false') return [key, value === 'true'];
  if (key !== 'opensAt' && key !== 'closesAt') return [key, toNumber('--sales', value)];
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

/** The problem document of a feed of which nothing can be imported. */
const refusedReplySchema = z.object({
  code: z.literal('feed-refused'),
  detail: z.string(),
  ...problemsFields,
});
type Problems = Pick<ImportReply, 'problems' | 'moreProblems' | 'groups'>;

/** How an import ended and where it was done. */
export type ImportOutcome = { readonly via: string } & (
  | ({ readonly kind: 'imported' } & ImportReply)
  | ({ readonly kind: 'refused' } & Problems)
);

/** Rows listed; more are only counted. */
const maxRows = 100;

/** Whether the feed or a venue in it was refused. */
export function isRefused(outcome: ImportOutcome): boolean {
  return outcome.kind === 'refused' || outcome.groups.some((group) => group.effect === 'refused');
}

/** The outcome for people to read: what went in, then what did not or differs, by reason, then the records. */
export function describeOutcome(outcome: ImportOutcome): string {
  if (outcome.kind === 'refused') {
    return `Nothing of this feed was imported.\n${describeProblems(outcome)}`;
  }
  return `${describeCounts(outcome)}${describeProblems(outcome)}${describeRecords(outcome)}`;
}

function describeCounts({ format, via, summary, ...rest }: ImportReply & { readonly via: string }): string {
  const { venues, performances, dates, cancelledDates, seats } = summary;
  const { keptSeats, matchedSeats, moreMatchedSeats } = rest;
  const rows = [
    ['venues', tally(venues)],
    ['performances', tally(performances)],
    ['dates', tally(dates)],
  ];
  const lines = [`Imported a ${format} feed, by ${via}\n\n`, textTable(['', 'OUTCOME'], rows)];
  if (seats > 0) lines.push(`\nThe plans have ${counted(seats, 'seat', 'seats')}.\n`);
  if (cancelledDates > 0) {
    lines.push(`${counted(cancelledDates, 'date is', 'dates are')} cancelled, as the feed says.\n`);
  }
  if (keptSeats.length > 0) {
    const seatsKept = counted(keptSeats.length, 'held or sold seat stays', 'held or sold seats stay');
    lines.push(`${seatsKept} in the plan, although the feed no longer has them.\n`);
  }
  const matched = matchedSeats.length + moreMatchedSeats;
  if (matched > 0) {
    const seatsMatched = counted(matched, 'seat has', 'seats have');
    lines.push(`${seatsMatched} a new id in the feed and the place of a known one, and keep the known id.\n`);
  }
  return lines.join('');
}

function tally(counts: ImportReply['summary']['venues']): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return (
    parts
      .map(
        ([outcome, count]) => `${count.toLocaleString('en')} ${outcome === 'skipped' ? 'left out' : outcome}`,
      )
      .join(', ') || 'none'
  );
}

const headings = {
  refused: 'Refused',
  skipped: 'Left out',
  changed: 'Not as the feed has it',
} as const;

function describeProblems({ groups, problems, moreProblems }: Problems): string {
  const parts: string[] = [];
  for (const effect of ['refused', 'skipped', 'changed'] as const) {
    const ofEffect = groups.filter((group) => group.effect === effect);
    if (ofEffect.length === 0) continue;
    parts.push(`\n${headings[effect]}\n`);
    for (const { field, reason, count, records } of ofEffect.slice(0, maxRows)) {
      const what = field === undefined ? reason : `${field}: ${reason}`;
      const more = count > records.length ? ` … (${count.toLocaleString('en')} in all)` : '';
      if (count === 1) parts.push(`  ${records[0] ?? ''}: ${what}\n`);
      else parts.push(`  ${count.toLocaleString('en')} × ${what}\n      ${records.join('; ')}${more}\n`);
    }
    if (ofEffect.length > maxRows) parts.push(`  … and ${ofEffect.length - maxRows} more reasons\n`);
  }
  const total = problems.length + moreProblems;
  if (total > 0)
    parts.push(`\n--json lists ${moreProblems > 0 ? `${problems.length} of ${total}` : 'each'} of these.\n`);
  return parts.join('');
}

/** Venues and performances, each with how many dates went in with it. */
function describeRecords({ records }: ImportReply): string {
  const rows: string[][] = [];
  const dates: number[] = [];
  for (const { kind, outcome, externalId, name, id, seats } of records) {
    if (kind === 'schedule') {
      dates[rows.length - 1] = (dates[rows.length - 1] ?? 0) + 1;
      continue;
    }
    const size = kind === 'venue' && seats !== undefined ? counted(seats, 'seat', 'seats') : '';
    rows.push([kind, outcome === 'skipped' ? 'left out' : outcome, externalId, name, size, id]);
  }
  const described = rows
    .slice(0, maxRows)
    .map(([kind = '', outcome = '', externalId = '', name = '', size = '', id = ''], row) => {
      const count = dates[row];
      return [
        kind,
        outcome,
        externalId,
        name,
        count === undefined ? size : counted(count, 'date', 'dates'),
        id,
      ];
    });
  if (described.length === 0) return '';
  const table = textTable(['KIND', 'OUTCOME', 'EXTERNAL ID', 'NAME', 'SIZE', 'ID'], described);
  return `\n${table}${rows.length > maxRows ? `… and ${rows.length - maxRows} more records\n` : ''}`;
}

/** A large plan has many sections to write; a server that takes longer hangs. */
const importTimeoutMs = 120_000;

/** Until an import that stopped in the middle is repeated, seats of a plan that it changes may be off sale. */
const repeatAdvice =
  'The import may have stopped in the middle, with seats of changed plans off sale: repeat it, that finishes it.';

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
  const request = { body: { type: 'text/plain; charset=utf-8', text }, timeoutMs: importTimeoutMs };
  const { status, body } = await askAsOperator(url, adminKey, request).catch(unfinished);
  if (status === 200) return { kind: 'imported', via, ...importReply.parse(body) };
  const refused = refusedReplySchema.safeParse(body);
  if (refused.success) {
    const { problems, moreProblems, groups } = refused.data;
    return { kind: 'refused', via, problems, moreProblems, groups };
  }
  const failure = refusedRequest(via, status, body);
  throw status < 500 ? failure : unfinished(failure);
}

function unfinished(failure: unknown): never {
  if (!(failure instanceof CliFailure)) throw failure;
  throw new CliFailure(`${failure.message}\n${repeatAdvice}`, failure.exitCode);
}
