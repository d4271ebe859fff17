import { momentSchema } from '../../domain/catalog-document.js';
import type { ProblemList } from './feed.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, textOf } from './json-values.js';
import { minorUnits, toPoints } from './points.js';

/** Most price ranges read of one event; real ones have a handful. */
const maxRanges = 100;

interface PriceRange {
  readonly type: string;
  readonly currency: string;
  readonly max: number;
}

function rangesOf(event: JsonObject, record: string, problems: ProblemList): PriceRange[] {
  const ranges = listOf(event.priceRanges);
  if (ranges.length > maxRanges) {
    const reason = `has ${ranges.length} ranges; the first ${maxRanges} are read`;
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
  }
  return ranges.slice(0, maxRanges).flatMap((value, index) => {
    const range = objectOf(value);
    const [max, currency] = [numberOf(range.max) ?? numberOf(range.min), textOf(range.currency)];
    if (isObject(value) && max !== undefined && max >= 0 && currency !== undefined) {
      return [{ type: textOf(range.type) ?? 'standard', currency, max }];
    }
    const reason = 'has no amount with a currency';
    problems.add({ record, field: `priceRanges[${index}]`, reason, effect: 'skipped' });
    return [];
  });
}

/**
 * One price for every category: the highest "standard" price, in points; without a standard range, the highest
 * one including fees. The feed does not say which seats a range is for. Empty when it states no price.
 */
export function readPrices(
  event: JsonObject,
  pointsPerUnit: number | undefined,
  record: string,
  problems: ProblemList,
): { category: string; price: number }[] {
  const ranges = rangesOf(event, record, problems);
  const standard = ranges.filter((range) => range.type === 'standard');
  const candidates = standard.length > 0 ? standard : ranges;
  const [first] = candidates;
  if (first === undefined) {
    const reason = 'states no price: no seat is for sale unless prices are given as an option';
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
    return [];
  }
  const others = new Set(candidates.map((range) => range.currency).filter((code) => code !== first.currency));
  if (others.size > 0) {
    const reason = `states prices in several currencies; ${[...others].join(', ')} not taken`;
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
  }
  const amounts = candidates.filter((range) => range.currency === first.currency).map((range) => range.max);
  const price = toPoints(Math.max(...amounts), pointsPerUnit ?? minorUnits(first.currency));
  if (price !== undefined) return [{ category: '*', price }];
  problems.add({ record, field: 'priceRanges', reason: 'is no possible price', effect: 'skipped' });
  return [];
}

/** Most seats sales rules let one fan have. */
const highestLimit = 20;

/**
 * The seat limit in a text such as "There is a limit of 10 tickets per customer". Only when the text has one
 * number: with several ("4 during presale and 10 …") no rule of ours says what it says, which is reported.
 */
function readSeatLimit(
  event: JsonObject,
  record: string,
  problems: ProblemList,
): { seatLimitPerUser?: number } {
  const text = textOf(objectOf(event.ticketLimit).info)?.slice(0, 2000);
  if (text === undefined) return {};
  const field = 'ticketLimit.info';
  const numbers = new Set([...text.matchAll(/\d+/g)].map(([digits]) => Number(digits)));
  const [limit] = numbers;
  const isStated =
    /limit|max/i.test(text) &&
    /\b\d+\b[^.]{0,40}?\b(?:per|each)\b|\b(?:limit|maximum|max)\b[^.]{0,10}?\b\d+\b/i.test(text);
  if (limit === undefined || limit < 1 || limit > 999 || numbers.size > 1 || !isStated) {
    const found =
      numbers.size > 1
        ? `states several numbers (${[...numbers].slice(0, 5).join(', ')})`
        : 'states no clear limit';
    problems.add({ record, field, reason: `${found}; the usual limit applies`, effect: 'changed' });
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

function readOpening(event: JsonObject, record: string, problems: ProblemList): { opensAt?: string } {
  const sale = objectOf(objectOf(event.sales).public);
  const field = 'sales.public.startDateTime';
  if (sale.startTBD === true || sale.startTBA === true) {
    problems.add({ record, field, reason: 'the start of sales is to be announced', effect: 'changed' });
    return {};
  }
  if (sale.startDateTime === undefined) return {};
  const opensAt = momentSchema.safeParse(sale.startDateTime);
  if (opensAt.success) return { opensAt: opensAt.data };
  problems.add({ record, field, reason: 'is not a moment in time', effect: 'changed' });
  return {};
}

/** The sales rules an event states: when sales open and how many seats one fan may have. */
export function readSales(event: JsonObject, record: string, problems: ProblemList): JsonObject {
  return { ...readOpening(event, record, problems), ...readSeatLimit(event, record, problems) };
}
