import { type FeedOptions, feedOptionsSchema } from '../integrations/feeds/feed.js';
import { CliFailure } from './exit-codes.js';

/** What `boxoffice import` was told about the feed, as text. */
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

/** The feed options that flags stand for. @throws {CliFailure} naming the flag that is wrong. */
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
