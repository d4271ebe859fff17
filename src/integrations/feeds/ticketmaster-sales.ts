import { momentSchema } from '../../domain/catalog-document.js';
import type { Instant } from '../../events/ids.js';
import { type FeedOptions, ProblemList } from './feed.js';
import { amountOf, type JsonObject, listOf, minorUnits, objectOf, textOf, toPoints } from './values.js';

/** The terms of sale of a Ticketmaster event: its prices, the seat limit, and when sales open and end. */

/** Most price ranges read of one event; real ones have a handful. */
const maxRanges = 100;

interface PriceRange {
  readonly type: string;
  readonly currency: string;
  readonly min: number;
  readonly max: number;
}

/** 9999, 99999.99 and the like: organisers write them where they do not know the price yet. */
function isPlaceholder(amount: number): boolean {
  return /^9{4,}(\.9+)?$/.test(String(amount));
}

function rangesOf(event: JsonObject, record: string, problems: ProblemList): PriceRange[] {
  const ranges = listOf(event.priceRanges);
  if (ranges.length > maxRanges) {
    const reason = `has ${ranges.length} ranges; the first ${maxRanges} are read`;
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
  }
  return ranges.slice(0, maxRanges).flatMap((value, index) => {
    const range = objectOf(value);
    const [low, high] = [amountOf(range.min), amountOf(range.max)];
    const [min, max, currency] = [low ?? high, high ?? low, textOf(range.currency)];
    const field = `priceRanges[${index}]`;
    const report = (reason: string) => problems.add({ record, field, reason, effect: 'changed' });
    if (min === undefined || max === undefined || min < 0 || max < 0 || currency === undefined) {
      report('has no amount with a currency: left out');
      return [];
    }
    if (min === 0 && max === 0) {
      report('is 0 to 0, which stands for an unknown price: left out');
      return [];
    }
    const doubtful = [min, max].find((amount) => isPlaceholder(amount));
    if (doubtful !== undefined)
      report(`names ${doubtful}, which often stands for an unknown price: check it`);
    if (max < min) report(`has a highest price of ${max}, below its lowest of ${min}: the higher is taken`);
    const type = textOf(range.type) ?? 'standard';
    return [{ type, currency, min: Math.min(min, max), max: Math.max(min, max) }];
  });
}

/** The ranges the price is taken from: the standard ones, else all; of the first one's currency. */
function decidingRanges(ranges: readonly PriceRange[]): readonly PriceRange[] {
  const standard = ranges.filter((range) => range.type === 'standard');
  return standard.length > 0 ? standard : ranges;
}

/** Points for a unit of a currency; undefined when the operator has to state it. */
export type Rates = (currency: string) => number | undefined;

/**
 * Points for a unit of each currency. Points are worth the same in all performances, so a feed with prices in several
 * currencies needs a rate for each.
 */
export function ratesOf(
  events: readonly unknown[],
  { pointsPerUnit, only, prices }: FeedOptions,
  problems: ProblemList,
): Rates {
  const quiet = new ProblemList();
  const currencies = new Set(
    events.flatMap((value) => {
      const event = objectOf(value);
      const isTaken = only === undefined || only.includes(textOf(event.id) ?? '');
      const [first] = isTaken ? decidingRanges(rangesOf(event, '', quiet)) : [];
      return first?.currency ?? [];
    }),
  );
  if (typeof pointsPerUnit === 'object') return (currency) => pointsPerUnit[currency];
  if (currencies.size <= 1) return (currency) => pointsPerUnit ?? minorUnits(currency);
  if (!prices?.some(({ category }) => category === '*')) {
    const reason = `states prices in ${[...currencies].slice(0, 10).join(', ')}: give the points per unit of each`;
    problems.add({ record: 'option pointsPerUnit', reason, effect: 'changed' });
  }
  return () => undefined;
}

/**
 * One price for every category: the highest "standard" price, in points; without a standard range, the highest
 * one including fees. The feed does not say which seats a range is for, so a range is reported. Empty when it states no
 * price.
 */
export function readPrices(
  event: JsonObject,
  rates: Rates,
  record: string,
  problems: ProblemList,
): { category: string; price: number }[] {
  const report = (reason: string) =>
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
  const candidates = decidingRanges(rangesOf(event, record, problems));
  const [first] = candidates;
  if (first === undefined) {
    report('states no price: no seat is for sale unless prices are given as an option');
    return [];
  }
  const { currency } = first;
  const others = new Set(candidates.map((range) => range.currency).filter((code) => code !== currency));
  if (others.size > 0) report(`states prices in several currencies; ${[...others].join(', ')} not taken`);
  const taken = candidates.filter((range) => range.currency === currency);
  const [lowest, highest] = [
    Math.min(...taken.map(({ min }) => min)),
    Math.max(...taken.map(({ max }) => max)),
  ];
  const rate = rates(currency);
  const price = rate === undefined ? undefined : toPoints(highest, rate);
  if (rate === undefined || price === undefined) {
    const why = rate === undefined ? `needs the points per unit of ${currency}` : 'is no possible price';
    report(`${why}: no seat is for sale unless prices are given as an option`);
    return [];
  }
  if (Math.abs(highest * rate - price) > 1e-6) report(`${highest} ${currency} is rounded to ${price} points`);
  if (lowest < highest) {
    report(
      `is a range, ${lowest} to ${highest} ${currency}, without the seats of each price: every category costs the highest ` +
        'unless prices are given as an option',
    );
  }
  return [{ category: '*', price }];
}

/** The highest seat limit of the sales rules. */
const highestLimit = 20;

const numberWords = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'twelve'];
const wordValues = new Map(numberWords.map((word, index) => [word, word === 'twelve' ? 12 : index + 1]));
const number = `(?:\\d{1,9}|${numberWords.join('|')})`;
/** What says that a number is a limit: "limit of 8", "8 ticket limit", "max. 8", "up to 8 tickets", "8 per person". */
const limitPatterns = [
  `\\b(?:limit|limited|max|maximum|maximal)\\b[^.\\d]{0,20}?\\b${number}\\b`,
  `\\bmax\\.\\s*${number}\\b`,
  `\\b(?:up to|no more than|not more than|at most)\\s+${number}\\b`,
  `\\b${number}\\b[\\s-]*(?:\\(\\d+\\)\\s*)?(?:tickets?|seats?)?[\\s-]*(?:limit|max(?:imum)?)\\b`,
  `\\b${number}\\b(?:\\s*\\(\\d+\\))?\\s*(?:tickets?|seats?)?[^.\\d]{0,25}?\\b(?:per|each|a)\\s+(?:person|customer|household|order|account|card|transaction|purchase|guest|fan|user|buyer|address|member|event|show|performance)`,
].map((pattern) => new RegExp(pattern, 'iu'));

/**
 * The seat limit in a text such as "There is an overall 8 ticket limit". Only when the text has a single number: texts
 * with several ("4 during presale and 10 …") are reported and not used.
 */
function readSeatLimit(
  event: JsonObject,
  record: string,
  problems: ProblemList,
): { seatLimitPerUser?: number } {
  const text = textOf(objectOf(event.ticketLimit).info)?.slice(0, 2000);
  if (text === undefined) return {};
  const field = 'ticketLimit.info';
  const found = [...text.matchAll(new RegExp(`\\d+|\\b${number}\\b`, 'giu'))].map(
    ([word]) => wordValues.get(word.toLowerCase()) ?? Number(word),
  );
  const numbers = new Set(found);
  const [limit] = numbers;
  const isStated = limitPatterns.some((pattern) => pattern.test(text));
  if (limit === undefined || limit < 1 || limit > 999 || numbers.size > 1 || !isStated) {
    const reason =
      numbers.size > 1
        ? `states several numbers (${[...numbers].slice(0, 5).join(', ')})`
        : 'states no clear limit';
    problems.add({ record, field, reason: `${reason}; the usual limit applies`, effect: 'changed' });
    return {};
  }
  if (limit <= highestLimit) return { seatLimitPerUser: limit };
  problems.add({
    record,
    field,
    reason: `${limit} is more than the highest limit, ${highestLimit}`,
    effect: 'changed',
  });
  return { seatLimitPerUser: highestLimit };
}

/** Feeds write a year long past where they do not know when sales open. */
const firstOpening = '2000';

/** When sales open and end. */
function readSalesTimes(event: JsonObject, record: string, problems: ProblemList): JsonObject {
  const sale = objectOf(objectOf(event.sales).public);
  const moment = (key: 'startDateTime' | 'endDateTime'): Instant | undefined => {
    if (sale[key] === undefined) return undefined;
    const read = momentSchema.safeParse(sale[key]);
    if (read.success) return read.data;
    const field = `sales.public.${key}`;
    problems.add({ record, field, reason: 'is not a moment in time', effect: 'changed' });
    return undefined;
  };
  const isOpen = sale.startTBD === true || sale.startTBA === true;
  if (isOpen) {
    const field = 'sales.public.startDateTime';
    problems.add({ record, field, reason: 'the start of sales is to be announced', effect: 'changed' });
  }
  const opensAt = isOpen ? undefined : moment('startDateTime');
  const closesAt = moment('endDateTime');
  return {
    ...(opensAt === undefined ? {} : { opensAt: opensAt < firstOpening ? null : opensAt }),
    ...(closesAt === undefined ? {} : { closesAt: closesAt < firstOpening ? null : closesAt }),
  };
}

/** The sales rules an event states: when sales open and end, and how many seats one fan may have. */
export function readSales(event: JsonObject, record: string, problems: ProblemList): JsonObject {
  return { ...readSalesTimes(event, record, problems), ...readSeatLimit(event, record, problems) };
}
