import {
  type CatalogDocument,
  performanceProblems,
  venueProblems,
} from '../../../src/domain/catalog-document.js';
import type {
  FeedFormat,
  FeedOptions,
  FeedProblem,
  FeedResult,
} from '../../../src/integrations/feeds/feed.js';
import { parseFeed } from '../../../src/integrations/feeds/parse-feed.js';

export function parseJson(value: unknown, options: FeedOptions = {}, format: FeedFormat | 'auto' = 'auto') {
  return parseFeed({ text: JSON.stringify(value), format, options });
}

/** The document of a result that must be `parsed`. */
export function documentOf(result: FeedResult): CatalogDocument {
  if (result.kind === 'refused') throw new Error(`refused: ${JSON.stringify(result.problems)}`);
  return result.document;
}

/** What keeps a document from being published; ids that repeat count once. */
export function problemsOf({ venues, performances }: CatalogDocument): unknown[] {
  const repeated = [venues, performances].flatMap((records: readonly { readonly id: string }[]) => {
    const ids = records.map(({ id }) => id);
    return ids.filter((id, index) => ids.indexOf(id) !== index);
  });
  return [...venues.flatMap(venueProblems), ...performances.flatMap(performanceProblems), ...repeated];
}

/** Problems in one line each: effect, record, field and reason. */
export function lines(problems: readonly FeedProblem[]): string[] {
  return problems.map(({ effect, record, field, reason }) =>
    [effect, record, ...(field === undefined ? [] : [field]), reason].join(' | '),
  );
}

/** The first element, which must exist. */
export function only<T>(elements: readonly T[]): T {
  const [first, ...others] = elements;
  if (first === undefined || others.length > 0)
    throw new Error(`expected one element, got ${elements.length}`);
  return first;
}
