import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { admissionDecider } from '../../domain/admission.js';
import { beaconChain, roundFor } from '../../domain/beacon.js';
import { type PerformanceDetails, performanceDecider, venueDecider } from '../../domain/catalog.js';
import type { CatalogDocument, PerformanceDocument } from '../../domain/catalog-document.js';
import type { MatchedSeat } from '../../domain/plan-identity.js';
import { hashSeed } from '../../domain/shuffle.js';
import type { Position } from '../../event-store/port.js';
import type { PlanSection, SalesRules } from '../../events/catalog-events.js';
import type { Instant, PerformanceId, VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { queueSeed } from '../queue/queue-admission.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import { checkChosenPrices, type ImportProblem, ImportRefused, priceProblems } from './check-import.js';
import {
  hallIdOf,
  type ImportedRecord,
  outcomeOf,
  type Published,
  performanceIdOf,
} from './imported-record.js';
import { DatePublisher } from './publish-dates.js';
import { type VenuePlan, VenuePublisher } from './publish-venue.js';
import type { KeptSeat } from './retain-sold-seats.js';

export interface ImportReport {
  readonly records: readonly ImportedRecord[];
  /** Seats that the feed no longer has but that are held or sold: they stay in the plan. */
  readonly keptSeats: readonly KeptSeat[];
  /** Seats that the feed calls by new ids, and that keep those known by their places. */
  readonly matchedSeats: readonly MatchedSeatOfVenue[];
  /** What was left out or imported with a value of ours. */
  readonly problems: readonly ImportProblem[];
  readonly position: Position | undefined;
}

interface MatchedSeatOfVenue extends MatchedSeat {
  readonly venueId: VenueId;
}

/** How a document is imported. */
export interface ImportOptions {
  /** Categories for which a price was chosen by hand, and which the feed does not name: refused if no plan has them. */
  readonly unlistedPrices?: readonly string[];
  /** Held and sold seats may get another section, row or number: each is listed. */
  readonly acceptRenumbering?: boolean | undefined;
  /** Dates with held or sold seats may move to another hall: holds end, and the tickets, which are listed, may be given back. */
  readonly acceptHallChange?: boolean | undefined;
  /** Cancels published dates of the document's performances that it does not have. Default: they are only reported. */
  readonly cancelMissing?: boolean | undefined;
}

/** Publishes an organiser's catalog; what is published already and unchanged appends nothing. */
export class ImportCatalog extends Command<ImportReport> {
  constructor(
    readonly document: CatalogDocument,
    readonly context: CommandContext,
    readonly options: ImportOptions = {},
  ) {
    super();
  }
}

/** The rules of a performance whose organiser states none. */
const defaultSalesRules: SalesRules = {
  opensAt: null,
  seatLimitPerUser: 4,
  queueCapacity: 250_000,
  maxActive: 500,
  admitPerSecond: 50,
  claimWindowMs: 3 * 60_000,
  serviceWindowMs: 15 * 60_000,
  holdTtlMs: 5 * 60_000,
  closesAt: null,
  cancelBeforeStartMs: 0,
  refundWindowMs: 7 * 24 * 60 * 60_000,
  maxLapsedHolds: 2,
  maxReleasedHolds: 4,
  seatCoolDownMs: 60_000,
  idleWindowMs: 5 * 60_000,
  seatReturnWindowMs: 5_000,
  ticketsAskedBind: false,
};

@CommandHandler(ImportCatalog)
export class ImportCatalogHandler implements ICommandHandler<ImportCatalog> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly venues: VenuePublisher,
    private readonly dates: DatePublisher,
    @Inject(CommandSettings)
    private readonly settings: Pick<CommandSettings, 'queueSecret' | 'nameBeaconRound'>,
  ) {}

  /** @throws {ImportRefused} and {Rejected} busy: nothing is published, or what was is undone */
  async execute({ document, context, options }: ImportCatalog): Promise<ImportReport> {
    const dates = await this.dates.plan(document, options);
    const problems = await this.#checkChosenPrices(document, options);
    const plans: VenuePlan[] = [];
    for (const venue of document.venues) plans.push(await this.venues.plan(document.source, venue, options));
    const moves = [...dates.values()].flatMap((plan) => plan.moves);
    const found = [...plans, ...moves].flatMap((one) => one.problems);
    const refused = found.filter(({ effect }) => effect === 'refused');
    if (refused.length > 0) throw new ImportRefused(refused);
    problems.push(...found);

    const records: ImportedRecord[] = [];
    let position: Position | undefined;
    const reach = (reached: Position | undefined) => {
      if (reached !== undefined && reached > (position ?? 0)) position = reached;
    };
    const keep = (published: Published) => {
      records.push(published.record);
      problems.push(...published.problems);
      reach(published.position);
    };
    await this.venues.withdrawChanged(plans, context);
    for (const plan of plans) keep(await this.venues.publish(plan, context));
    for (const [performance, plan] of dates) {
      const published = await this.#publishPerformance(document.source, performance, context);
      keep(published);
      if (published.record.outcome === 'skipped') continue;
      const result = await this.dates.publish({ performance, ...published }, plan, options, context);
      for (const date of result.dates) keep(date);
      problems.push(...result.problems);
      reach(result.position);
    }
    const keptSeats = plans.flatMap((plan) => plan.keptSeats);
    const matchedSeats = plans.flatMap(({ venueId, matchedSeats }) =>
      matchedSeats.map((seat) => ({ venueId, ...seat })),
    );
    return { records, keptSeats, matchedSeats, problems, position };
  }

  /** The plan a performance will be sold by: that of the document, else the published one. */
  async #planOf(
    document: CatalogDocument,
    performance: PerformanceDocument,
  ): Promise<readonly PlanSection[]> {
    const planned = document.venues.find(
      ({ id, sections }) => id === performance.venue && sections.length > 0,
    );
    if (planned) return planned.sections;
    const venueId = hallIdOf(document.source, performance);
    const { state } = await this.repository.load(venueDecider, streams.venue(venueId));
    return [...state.sections.values()];
  }

  async #checkChosenPrices(document: CatalogDocument, options: ImportOptions): Promise<ImportProblem[]> {
    const { unlistedPrices = [] } = options;
    if (unlistedPrices.length === 0) return [];
    const plans: (readonly PlanSection[])[] = [];
    for (const performance of document.performances) plans.push(await this.#planOf(document, performance));
    return checkChosenPrices(document.performances, plans, unlistedPrices);
  }

  async #publishPerformance(source: string, performance: PerformanceDocument, context: CommandContext) {
    const performanceId = performanceIdOf(source, performance.id);
    const venueId = hallIdOf(source, performance);
    const record = {
      kind: 'performance',
      externalId: performance.id,
      id: performanceId,
      name: performance.name,
    } as const;
    const venue = await this.repository.load(venueDecider, streams.venue(venueId));
    const stream = streams.performance(performanceId);
    const known = await this.repository.load(performanceDecider, stream);
    const before = known.state.details;
    const seedHash = await this.#seedHash(performanceId, before?.seedHash);
    const sales = { ...(before?.sales ?? defaultSalesRules), ...performance.sales };
    const queue = { sales, seedHash, ...this.#beaconFor(sales.opensAt) };
    const details = performanceDetails({ performanceId, venueId, ...queue }, performance);
    const timeZone = performance.timeZone ?? venue.state.details?.timeZone ?? 'UTC';
    if (!venue.state.details) {
      const reason = `its venue ${venueId} is not in the catalog: import the venue first`;
      const problem = {
        record: `performance "${performance.name}" (${performance.id})`,
        reason,
        effect: 'skipped',
        about: performance.id,
      } as const;
      const skipped = { ...record, outcome: 'skipped', reason } as const;
      return { record: skipped, details, timeZone, problems: [problem], position: undefined };
    }
    const step = stepContext(context, performanceId);
    const published = await this.deciders.executeOrThrow(performanceDecider, stream, details, step);
    const outcome = outcomeOf(published.events.length, known.state.details);
    const problems = priceProblems(performance, [...venue.state.sections.values()]);
    return { record: { ...record, outcome }, details, timeZone, problems, position: published.position };
  }

  /**
   * The hash of the queue's seed. A published one is a promise: it stays while one of the secrets gives its seed, and
   * for good once the queue has opened.
   */
  async #seedHash(performanceId: PerformanceId, published: string | undefined): Promise<string> {
    const seedHash = hashSeed(queueSeed(this.settings.queueSecret, performanceId, published));
    if (published === undefined || published === seedHash) return seedHash;
    const { state } = await this.repository.load(admissionDecider, streams.admission(performanceId));
    return state.opening ? published : seedHash;
  }

  /** A queue that is open at once has nobody to draw. */
  #beaconFor(opensAt: Instant | null): Pick<PerformanceDetails, 'beacon'> {
    if (!this.settings.nameBeaconRound || opensAt === null) return {};
    return { beacon: { chain: beaconChain, round: roundFor(opensAt) } };
  }
}

/** The feed's facts, with ours. */
function performanceDetails(
  ours: Pick<PerformanceDetails, 'performanceId' | 'venueId' | 'sales' | 'seedHash' | 'beacon'>,
  { name, names, description, startDate, endDate, prices }: PerformanceDocument,
): PerformanceDetails {
  return {
    ...ours,
    name,
    ...(names === undefined ? {} : { names }),
    description,
    startDate,
    endDate,
    prices,
  };
}
