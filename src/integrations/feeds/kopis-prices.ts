import type { ProblemList } from './feed.js';
import { toPoints } from './points.js';

const field = 'pcseguidance';
/** Longest text worth taking apart, in characters: real ones have a few dozen. */
const maxGuidance = 1000;

/** Category and won of one piece ("R석 165,000원", "전석 30,000원", "전석무료"); undefined when it is no price. */
function readPiece(piece: string): { category: string; won: number } | undefined {
  const match = /^(.*?)\s*(?:(\d[\d,]*)\s*원|(무료))$/.exec(piece);
  if (match === null) return undefined;
  const [, name = '', amount, free] = match;
  if (/[~∼〜]/.test(name) || (name === '' && free === undefined)) return undefined;
  // "전석" is every seat of the house.
  const category = name === '' || /^전\s*(?:좌)?석(?:\s*균일)?$/.test(name) ? '*' : name;
  return { category, won: amount === undefined ? 0 : Number(amount.replaceAll(',', '')) };
}

/**
 * Reads prices such as "R석 165,000원, S석 154,000원". A single price for the whole house is the category `*`.
 * @param pointsPerUnit points for one won
 */
export function readKopisPrices(
  guidance: string | undefined,
  pointsPerUnit: number,
  record: string,
  problems: ProblemList,
): { category: string; price: number }[] {
  const prices = new Map<string, number>();
  if (guidance !== undefined && guidance.length > maxGuidance) {
    problems.add({ record, field, reason: `is longer than ${maxGuidance} characters`, effect: 'skipped' });
    return [];
  }
  // A comma followed by three digits stands inside a number.
  const pieces = (guidance ?? '').split(/,(?!\d{3}(?!\d))/).map((piece) => piece.trim());
  for (const piece of pieces.filter((text) => text !== '')) {
    const read = readPiece(piece);
    const price = read && toPoints(read.won, pointsPerUnit);
    if (read === undefined || price === undefined || read.category.length > 100) {
      problems.add({ record, field, reason: `"${piece}" is not a price`, effect: 'skipped' });
    } else if (prices.has(read.category)) {
      const reason = `"${piece}": ${read.category} has a price already; the first is kept`;
      problems.add({ record, field, reason, effect: 'skipped' });
    } else {
      prices.set(read.category, price);
    }
  }
  if (prices.size === 0) {
    const reason = 'states no price: no seat is for sale unless prices are given as an option';
    problems.add({ record, field, reason, effect: 'changed' });
  }
  return [...prices].map(([category, price]) => ({ category, price }));
}
