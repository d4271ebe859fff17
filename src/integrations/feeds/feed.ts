import { z } from 'zod';
import { type CatalogDocument, partialSalesSchema } from '../../domain/catalog-document.js';
import { priceCategorySchema } from '../../events/catalog-events.js';
import { venueIdSchema } from '../../events/ids.js';

export const feedFormats = ['boxoffice', 'pretix', 'ticketmaster', 'kopis'] as const;
export type FeedFormat = (typeof feedFormats)[number];

/** Most list elements a feed may hold: seats, rows, points and so on. */
export const maxFeedElements = 1_000_000;
/** Largest feed in bytes of UTF-8. */
export const maxFeedBytes = 32 * 1024 * 1024;
/** Problems listed; more are only counted. */
export const maxProblems = 1000;

/** Options of an import. docs/feeds.md describes each. */
export const feedOptionsSchema = z.strictObject({
  /** Keep the first of several seats with the same id and report the others; otherwise such a plan is refused. */
  dedupe: z.boolean().optional(),
  /** Take only the records with these external ids, and the venues of the performances among them. */
  only: z.array(z.string().min(1).max(200)).max(10_000).optional(),
  /** A venue already in the catalog: performances are held there, or the one plan is published onto it. */
  venueId: venueIdSchema.optional(),
  /** Replaces or adds prices by category, in every performance. */
  prices: z.array(priceCategorySchema).max(200).optional(),
  /** Points for one unit of a foreign feed's currency. Default: its minor units (1 for KRW, 100 for AUD). */
  pointsPerUnit: z.number().positive().max(1_000_000).optional(),
  /** Replaces the feed's sales rules, one by one. */
  sales: partialSalesSchema.optional(),
  /** Replaces the namespace of the feed's ids. */
  source: z.string().trim().min(1).max(100).optional(),
  /** Names the feed's only venue. */
  venueName: z.string().trim().min(1).max(300).optional(),
  /** Whole days added to every date and time of the feed. */
  shiftDays: z.number().int().min(-36_500).max(36_500).optional(),
});
export type FeedOptions = z.infer<typeof feedOptionsSchema>;

export interface FeedProblem {
  /** The record: its name, and its path in the feed. */
  readonly record: string;
  readonly field?: string;
  readonly reason: string;
  /** `skipped`: it is left out; `changed`: it is imported, but differs from the feed; `refused`: it stops the feed or its venue. */
  readonly effect: 'skipped' | 'changed' | 'refused';
}

/** `moreProblems` counts those beyond {@link maxProblems}. */
export type FeedResult =
  | {
      readonly kind: 'parsed';
      readonly format: FeedFormat;
      readonly document: CatalogDocument;
      readonly problems: readonly FeedProblem[];
      readonly moreProblems: number;
    }
  | { readonly kind: 'refused'; readonly problems: readonly FeedProblem[]; readonly moreProblems: number };

/** A venue or performance from a format's parser, not yet checked against the document's schema. */
export interface Candidate {
  readonly record: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The result of a format's parser. */
export interface RawFeed {
  readonly source: string;
  readonly venues: readonly Candidate[];
  readonly performances: readonly Candidate[];
}

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** Collects problems up to {@link maxProblems} and counts the rest. */
export class ProblemList {
  readonly listed: FeedProblem[] = [];
  more = 0;

  /** Adds a problem; texts quoted from the feed are cut to a readable length. */
  add(problem: FeedProblem): void {
    if (this.listed.length >= maxProblems) {
      this.more += 1;
      return;
    }
    const field = problem.field === undefined ? {} : { field: cut(problem.field, 200) };
    this.listed.push({
      record: cut(problem.record, 300),
      ...field,
      reason: cut(problem.reason, 500),
      effect: problem.effect,
    });
  }
}
