import { z } from 'zod';
import {
  type CatalogDocument,
  knownTimeZoneSchema,
  partialSalesSchema,
} from '../../domain/catalog-document.js';
import { maxSeatsPerVenue, priceCategorySchema } from '../../events/catalog-events.js';
import { nfcText, venueIdSchema } from '../../events/ids.js';

export const feedFormats = ['boxoffice', 'pretix', 'ticketmaster', 'kopis'] as const;
export type FeedFormat = (typeof feedFormats)[number];

/** Most list elements a feed may hold: seats, rows, points and so on. */
export const maxFeedElements = 1_000_000;
/** Largest feed in bytes of UTF-8. */
export const maxFeedBytes = 32 * 1024 * 1024;
/** Problems listed; more are only counted. */
export const maxProblems = 1000;

const rateSchema = z.number().positive().max(1_000_000);

/** Points for one unit of each currency, by ISO 4217 code. */
const ratesSchema = z.record(z.string().regex(/^[A-Z]{3}$/, 'must be a currency such as USD'), rateSchema);

/** Options of an import. docs/feeds.md describes each. */
export const feedOptionsSchema = z.strictObject({
  /**
   * What becomes of several seats with the same id; otherwise such a plan is refused. True: the first is kept, the
   * others are reported. `rename`: the others get an id made from their place and keep their seat.
   */
  dedupe: z.union([z.boolean(), z.literal('rename')]).optional(),
  /** Take only the records with these external ids, and the venues of the performances among them. */
  only: z.array(z.string().min(1).max(200)).max(10_000).optional(),
  /** A venue already in the catalog: performances are held there, or the one plan is published onto it. */
  venueId: venueIdSchema.optional(),
  /** Replaces or adds prices by category, in every performance. */
  prices: z.array(priceCategorySchema).max(200).optional(),
  /**
   * Points for one unit of a foreign feed's currency, or of each of its currencies. Default: its minor units (1 for
   * KRW, 100 for AUD), if the feed has one currency.
   */
  pointsPerUnit: z.union([rateSchema, ratesSchema]).optional(),
  /** Replaces the feed's sales rules, one by one. */
  sales: partialSalesSchema.optional(),
  /** Replaces the namespace of the feed's ids. */
  source: z.string().trim().min(1).max(100).optional(),
  /** Names the feed's only venue. */
  venueName: nfcText(300).optional(),
  /** The time zone of venues, and of local times, for which the feed states none. */
  timeZone: knownTimeZoneSchema.optional(),
  /** Where the audience of the feed's only plan looks, in plan coordinates. */
  focus: z.strictObject({ x: z.number(), y: z.number() }).optional(),
  /**
   * Standing areas of a pretix plan, which does not say how many people they hold: the text of the area and its capacity.
   * The text is also the category of its places.
   */
  standing: z
    .record(z.string().trim().min(1).max(100), z.number().int().min(1).max(maxSeatsPerVenue))
    .optional(),
  /** Held and sold seats may get another section, row or number; each is listed. */
  acceptRenumbering: z.boolean().optional(),
  /** Dates with held or sold seats may move to another hall: holds end, tickets may be given back; each is listed. */
  acceptHallChange: z.boolean().optional(),
  /** Whole days added to every date and time of the feed. */
  /** Cancels dates published earlier that the feed does not have: for the import, after the feed was read. */
  cancelMissing: z.boolean().optional(),
  shiftDays: z.number().int().min(-36_500).max(36_500).optional(),
});
export type FeedOptions = z.infer<typeof feedOptionsSchema>;

export interface FeedProblem {
  /** The record: its name, and its path in the feed. */
  readonly record: string;
  readonly field?: string;
  readonly reason: string;
  /**
   * `skipped`: the record is left out; `changed`: a value of the record differs from the feed or is left out; `refused`: the
   * feed or a venue of it is not imported.
   */
  readonly effect: 'skipped' | 'changed' | 'refused';
  /** The external id of the venue or performance concerned; absent when it is the feed as a whole. */
  readonly about?: string;
}

/** Problems with the same cause. */
export interface ProblemGroup {
  readonly effect: FeedProblem['effect'];
  readonly field?: string;
  /** The reason, with `…` where the problems of the group differ. */
  readonly reason: string;
  readonly count: number;
  /** The first records concerned, each once. */
  readonly records: readonly string[];
}

/** What is reported of a feed. `moreProblems` counts those beyond {@link maxProblems}; the groups count all. */
export interface ProblemReport {
  readonly problems: readonly FeedProblem[];
  readonly moreProblems: number;
  readonly groups: readonly ProblemGroup[];
}

export type FeedResult =
  | ({
      readonly kind: 'parsed';
      readonly format: FeedFormat;
      readonly document: CatalogDocument;
      /** Categories of the option prices that the feed does not name: the import checks them against the catalog. */
      readonly unlistedPrices: readonly string[];
    } & ProblemReport)
  | ({ readonly kind: 'refused' } & ProblemReport);

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

/** Most problems kept before the list is reduced to what is reported. */
const maxKept = 50_000;
const maxGroups = 200;
const maxRecordsOfGroup = 3;

/** Collects problems. {@link about} gives a view of the same list whose problems concern one record. */
export class ProblemList {
  constructor(
    private readonly shared: { problems: FeedProblem[]; dropped: number } = { problems: [], dropped: 0 },
    private readonly subject?: string,
  ) {}

  about(externalId: string): ProblemList {
    return new ProblemList(this.shared, externalId);
  }

  /** Adds a problem; texts quoted from the feed are cut to a readable length. */
  add({ record, field, reason, effect, about = this.subject }: FeedProblem): void {
    if (this.shared.problems.length >= maxKept) {
      this.shared.dropped += 1;
      return;
    }
    this.shared.problems.push({
      record: cut(record, 300),
      ...(field === undefined ? {} : { field: cut(field, 200) }),
      reason: cut(reason, 500),
      effect,
      ...(about === undefined ? {} : { about: cut(about, 200) }),
    });
  }

  /** Drops what concerns other records than these; a refusal of the feed stays. */
  keepOnly(externalIds: ReadonlySet<string>): void {
    this.shared.problems = this.shared.problems.filter(({ about, effect }) =>
      about === undefined ? effect === 'refused' : externalIds.has(about),
    );
    this.shared.dropped = 0;
  }

  report(): ProblemReport {
    const { problems, dropped } = this.shared;
    return {
      problems: problems.slice(0, maxProblems),
      moreProblems: dropped + Math.max(0, problems.length - maxProblems),
      groups: groupProblems(problems),
    };
  }
}

/** A report with more problems, such as those of the import itself. */
export function withProblems(report: ProblemReport, more: readonly FeedProblem[]): ProblemReport {
  const { moreProblems, groups } = report;
  const problems = [...report.problems, ...more];
  return {
    problems: problems.slice(0, maxProblems),
    moreProblems: moreProblems + Math.max(0, problems.length - maxProblems),
    groups: [...groups, ...groupProblems(more)].sort((a, b) => b.count - a.count),
  };
}

/** A reason without what differs from record to record: quoted texts and numbers. */
const kindOf = (reason: string) => reason.replace(/"[^"]*"|\d[\d.,:-]*/g, '…');

/** Problems of the same effect, field and kind of reason as one entry each, the most frequent first. */
function groupProblems(problems: readonly FeedProblem[]): ProblemGroup[] {
  const groups = new Map<
    string,
    ProblemGroup & { readonly records: string[]; count: number; reason: string }
  >();
  for (const { effect, field, reason, record } of problems) {
    const kind = kindOf(reason);
    const key = JSON.stringify([effect, field?.replace(/\d+/g, ''), kind]);
    const group = groups.get(key);
    if (!group) {
      groups.set(key, {
        effect,
        ...(field === undefined ? {} : { field }),
        reason,
        count: 1,
        records: [record],
      });
      continue;
    }
    group.count += 1;
    if (group.reason !== reason) group.reason = kind;
    if (group.records.length < maxRecordsOfGroup && !group.records.includes(record))
      group.records.push(record);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, maxGroups);
}
