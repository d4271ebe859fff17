import type { PerformanceDocument, VenueDocument } from '../../domain/catalog-document.js';
import { type PlanSection, rowsOf } from '../../events/catalog-events.js';

/** Something an import reports: of a record that is left out, or that is imported with a value of ours. */
export interface ImportProblem {
  readonly record: string;
  readonly field?: string;
  readonly reason: string;
  readonly effect: 'skipped' | 'changed' | 'refused';
  /** The organiser's id of the record. */
  readonly about?: string;
}

/** Nothing of the document is imported. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused';

  constructor(readonly problems: readonly ImportProblem[]) {
    super(problems.map(({ reason }) => reason).join('; '));
  }
}

/** Counted once for each section: thousands of performances may share a plan, and sections are immutable. */
const counted = new WeakMap<PlanSection, ReadonlyMap<string, number>>();

function countSection(section: PlanSection): ReadonlyMap<string, number> {
  const known = counted.get(section);
  if (known) return known;
  const counts = new Map<string, number>();
  for (const { seats } of rowsOf(section)) {
    for (const { category } of seats) counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  counted.set(section, counts);
  return counts;
}

/** How many seats each category of a plan has. */
function seatsByCategory(plan: readonly PlanSection[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const section of plan) {
    for (const [category, seats] of countSection(section)) {
      counts.set(category, (counts.get(category) ?? 0) + seats);
    }
  }
  return counts;
}

/** A category without what the eye does not see: letter case, width, composition and spaces. */
const looksOf = (category: string) => category.normalize('NFKC').toLowerCase().replace(/\s+/gu, '');

const maxQuoted = 20;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, maxQuoted).map((name) => `"${name}"`);
  return shown.join(', ') + (names.length > maxQuoted ? ` and ${names.length - maxQuoted} more` : '');
}

/** Most problems reported of the prices of one performance. */
const maxPriceProblems = 100;

/** Where the prices of a performance and the categories of its plan do not meet. Nothing without a plan. */
export function priceProblems(
  performance: PerformanceDocument,
  plan: readonly PlanSection[],
): ImportProblem[] {
  const counts = seatsByCategory(plan);
  if (counts.size === 0) return [];
  const base = {
    record: `performance "${performance.name}" (${performance.id})`,
    field: 'prices',
    effect: 'changed',
    about: performance.id,
  } as const;
  const own = performance.prices.map(({ category }) => category).filter((category) => category !== '*');
  const priced = new Set(own);
  const byLooks = new Map(own.map((category) => [looksOf(category), category]));
  const others = performance.prices.find(({ category }) => category === '*');
  const isSold = others !== undefined && others.price !== null;
  const problems: ImportProblem[] = [];
  for (const [category, seats] of counts) {
    if (priced.has(category)) continue;
    const alike = byLooks.get(looksOf(category));
    const effect = isSold ? `cost what * costs, ${others.price}` : 'are not for sale';
    if (alike !== undefined) {
      const reason = `the plan’s category "${category}" is spelt unlike "${alike}" of the prices: its seats (${seats}) ${effect}`;
      problems.push({ ...base, reason });
    } else if (others === undefined) {
      problems.push({
        ...base,
        reason: `has none for the category "${category}": its seats (${seats}) ${effect}`,
      });
    }
  }
  for (const category of own) {
    if (counts.has(category)) continue;
    problems.push({
      ...base,
      reason: `has one for the category "${category}", which no seat of the plan has`,
    });
  }
  return problems.slice(0, maxPriceProblems);
}

/**
 * Refuses chosen prices of categories that do not exist: that no performance of the feed prices itself, and no plan has.
 * @param plans of the venues of all performances
 * @param unlisted chosen categories that the feed does not name
 * @throws {ImportRefused}
 */
export function checkChosenPrices(
  performances: readonly PerformanceDocument[],
  plans: readonly (readonly PlanSection[])[],
  unlisted: readonly string[],
): ImportProblem[] {
  const planned = new Set(plans.flatMap((plan) => [...seatsByCategory(plan).keys()]));
  const named = performances.flatMap(({ prices }) => prices.map(({ category }) => category));
  const listed = named.filter((category) => category !== '*' && !unlisted.includes(category));
  const known = [...new Set([...planned, ...listed])];
  const missing = unlisted.filter((category) => !planned.has(category));
  if (missing.length === 0) return [];
  if (known.length > 0) {
    throw new ImportRefused(
      missing.map((category) => ({
        record: 'option prices',
        field: category,
        reason: `there is no category "${category}"; there is ${quoted(known)}`,
        effect: 'refused',
      })),
    );
  }
  return missing.map((category) => ({
    record: 'option prices',
    field: category,
    reason: `the category "${category}" cannot be checked: the venue has no plan yet`,
    effect: 'changed',
  }));
}

/** Reports a venue without a stated time zone: its local times are those of UTC. */
export function timeZoneProblem(venue: VenueDocument, published: string | undefined): ImportProblem[] {
  if (venue.timeZone !== undefined || (published !== undefined && published !== 'UTC')) return [];
  return [
    {
      record: `venue "${venue.name}" (${venue.id})`,
      field: 'timeZone',
      reason:
        'has no time zone, so its times are shown in UTC: state it in the feed or with the option timeZone',
      effect: 'changed',
      about: venue.id,
    },
  ];
}
