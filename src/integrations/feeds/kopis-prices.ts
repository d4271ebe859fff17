import type { ProblemList } from './feed.js';
import { toPoints } from './values.js';

/**
 * Prices as KOPIS states them (`pcseguidance`): free text such as "R석 165,000원, S석 154,000원". Every part of the text is
 * either read as a price whose spelling is known, or reported: docs/feeds.md has the table of accepted spellings.
 */

/** One price of the text and its own words. */
interface ReadPrice {
  /** `*` for the whole house. */
  readonly category: string;
  readonly won: number;
  readonly text: string;
}

export interface PriceReading {
  readonly prices: readonly ReadPrice[];
  /** The parts that are no price of a known spelling, and why. */
  readonly unread: readonly { readonly text: string; readonly reason: string }[];
}

/** Whole won from "70,000", "70.000", "70000", "3만", "1만5000", "1만5천" or "1.5만"; undefined for other text. */
function wonOf(amount: string): number | undefined {
  const text = amount.normalize('NFKC').replace(/\s+/g, ' ').trim();
  const grouped = /^[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\.\d{3})+)$/;
  if (grouped.test(text)) return Number(text.replace(/[.,]/g, ''));
  if (/^(?:0|[1-9]\d{0,8})$/.test(text)) return Number(text);
  const tenThousands = /^([1-9]\d{0,3}(?:\.[1-9])?)만(?: ?([1-9]천|[1-9]\d{3}|[1-9],\d{3}))?$/.exec(text);
  if (tenThousands !== null) {
    const [, man = '', rest = '0'] = tenThousands;
    if (man.includes('.') && rest !== '0') return undefined;
    return Math.round(Number(man) * 10_000) + Number(rest.replace('천', '000').replace(',', ''));
  }
  const thousands = /^([1-9])천$/.exec(text);
  return thousands === null ? undefined : Number(thousands[1]) * 1000;
}

/** A run of digits and what may be within a number, up to 원; or 무료, which means free. */
const amountPattern = /(\d(?:[\d.,만천]|\s(?=[\d만천]))*)\s*원|무료/gu;

/** A comma followed by three digits is part of a number. */
const separators = /,(?!\d{3}(?!\d))|[/;\n|]/;
/** Marks and words that make an amount the end of a range, a bound or a discount. */
const rangeStart = /^\s*(?:[~\-–—→>⇒]|부터|이상|이하|까지|내외|미만|할인|에서|대(?![가-힣]))/u;

/** Why `name` cannot be the category of a price; undefined when it can. */
function nameFault(name: string): string | undefined {
  if (/^[([]/u.test(name)) return 'names no category before its remark';
  if (/[~→>⇒]|\d\s*[-–—]|[-–—]\s*$/u.test(name)) return 'is a range or a change of prices';
  const opened = [...name].filter((char) => char === '(' || char === '[').length;
  const closed = [...name].filter((char) => char === ')' || char === ']').length;
  if (opened !== closed) return 'has a bracket that does not end before the price';
  if (/\d\s*(?:매|인|명|장|회|세트|set)(?![가-힣]*관)/iu.test(name))
    return 'is a price for several tickets or people';
  if (/\d\s*(?:세|개월)|미만|이상|이하/u.test(name)) return 'is a price under a condition';
  if (/할인|정가|특가|원래|\d\s*원/u.test(name)) return 'states a discount';
  if (!/[\p{L}]/u.test(name)) return 'names no category';
  if (/[.:=+*%\d]\s*$/u.test(name) && !/[\p{L}]\d{1,2}$/u.test(name)) return 'has a mark before its amount';
  return name.length > 100 ? 'has a name longer than 100 characters' : undefined;
}

/** "전석" and its variants mean all seats. */
const wholeHouse = /^(?:전\s*(?:체\s*)?(?:좌\s*)?석(?:\s*균일가?)?|균일가?)$/u;

/** Splits off what stands before the last separator: parts without an amount of their own. */
function lastPart(text: string): { readonly before: readonly string[]; readonly name: string } {
  const parts = text.split(separators);
  const name = parts.pop() ?? '';
  return { before: parts.map((part) => part.trim()).filter((part) => part !== ''), name };
}

/**
 * Reads a text of prices. Every word of it is in the `text` of a price or of an unread part.
 * @param guidance at most a few thousand characters
 */
export function readPriceText(guidance: string): PriceReading {
  // Full-width digits and marks ("７０，０００원") as their usual forms, and every kind of space as one.
  const text = guidance
    .normalize('NFC')
    .replace(/[！-～]/gu, (char) => char.normalize('NFKC'))
    .replace(/[∼〜～]/gu, '~')
    .replace(/[^\S\n]+/gu, ' ');
  const prices: ReadPrice[] = [];
  const unread: { text: string; reason: string }[] = [];
  const leave = (part: string, reason: string) => {
    if (part.trim() !== '') unread.push({ text: part.trim(), reason });
  };
  const amounts = [...text.matchAll(amountPattern)];
  let end = 0;
  for (const match of amounts) {
    const [whole, digits] = match;
    // Within a part that is left out already.
    if (match.index < end) continue;
    const from = end;
    end = match.index + whole.length;
    const { before, name: rawName } = lastPart(text.slice(from, match.index));
    for (const part of before) leave(part, 'is not a price');
    // A remark in brackets right after the price before this one, with a category after it.
    const remark = from > 0 && before.length === 0 ? /^\s*(\([^()]*\))\s*(?=\S)/u.exec(rawName) : null;
    if (remark !== null) leave(remark[1] ?? '', 'is a remark that is not taken');
    const named = rawName.slice(remark?.[0].length ?? 0);
    const name = named.trim().replace(/\s*[:=]$/u, '');
    const follows = text.slice(end);
    const won = digits === undefined ? 0 : wonOf(digits);
    const [attached = ''] = /^(?:[^\s,/;|(]|,(?=\d{3}(?!\d)))*/u.exec(follows) ?? [];
    end += attached.length;
    const piece = `${named}${whole}${attached}`.trim();
    const isFollowedWell = attached === '' && !rangeStart.test(follows);
    const isApart = from === 0 || before.length > 0 || /^[\s,/;|(]/u.test(text.slice(from));
    const isWholeHouse =
      wholeHouse.test(name) || (name === '' && digits === undefined && amounts.length === 1);
    const fault =
      won === undefined
        ? 'is not an amount of a known spelling'
        : !isFollowedWell
          ? 'is not a price of its own'
          : !isApart || rangeStart.test(rawName)
            ? 'is not a price of its own'
            : isWholeHouse
              ? undefined
              : nameFault(name);
    if (won === undefined || fault !== undefined) leave(piece, fault ?? 'is not a price');
    else prices.push({ category: isWholeHouse ? '*' : name, won, text: piece });
  }
  for (const [index, part] of text.slice(end).split(separators).entries()) {
    const isRemark = index === 0 && amounts.length > 0 && /^\s*\([^()]*\)\s*$/u.test(part);
    leave(part, isRemark ? 'is a remark that is not taken' : 'is not a price');
  }
  return { prices, unread };
}

const field = 'pcseguidance';
/** Longest text that is read, in characters: real ones have a few dozen. */
const maxGuidance = 1000;

/**
 * The prices of a performance by category; what is not read is reported.
 * @param pointsPerUnit points for one won
 */
export function readKopisPrices(
  guidance: string | undefined,
  pointsPerUnit: number,
  record: string,
  problems: ProblemList,
): { category: string; price: number }[] {
  const report = (reason: string) => problems.add({ record, field, reason, effect: 'changed' });
  if (guidance !== undefined && guidance.length > maxGuidance) {
    report(`is longer than ${maxGuidance} characters: no price is taken from it`);
    return [];
  }
  const { prices: read, unread } = readPriceText(guidance ?? '');
  for (const { text, reason } of unread) report(`"${text}" ${reason}: left out`);
  const prices = new Map<string, number>();
  for (const { category, won, text } of read) {
    const price = toPoints(won, pointsPerUnit);
    if (price === undefined) report(`"${text}" is no possible price: left out`);
    else if (prices.has(category)) {
      report(`"${text}": ${category} has a price already; the first is kept`);
    } else {
      prices.set(category, price);
      if (Math.abs(won * pointsPerUnit - price) > 1e-6) report(`"${text}" is rounded to ${price} points`);
    }
  }
  if (prices.size === 0) report('states no price: no seat is for sale unless prices are given as an option');
  return [...prices].map(([category, price]) => ({ category, price }));
}
