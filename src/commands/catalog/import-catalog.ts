import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type PerformanceDetails,
  type PublishedSchedule,
  performanceDecider,
  publishedSchedule,
  type ScheduleState,
  scheduleDecider,
  type VenueCommand,
  type VenueState,
  venueDecider,
} from '../../domain/catalog.js';
import type {
  CatalogDocument,
  PerformanceDocument,
  ScheduleDocument,
  VenueDocument,
} from '../../domain/catalog-document.js';
import type { MatchedSeat } from '../../domain/plan-identity.js';
import { refuse } from '../../domain/rejection.js';
import { hashSeed } from '../../domain/shuffle.js';
import { EventStore, type Position } from '../../event-store/port.js';
import type { PlanSection, SalesRules } from '../../events/catalog-events.js';
import {
  type Instant,
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  scheduleIdSchema,
  type VenueId,
  venueIdSchema,
} from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { queueSeed } from '../queue/queue-admission.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import {
  checkChosenPrices,
  type ImportProblem,
  ImportRefused,
  priceProblems,
  timeZoneProblem,
} from './check-import.js';
import { type HallChange, HallChanges } from './hall-changes.js';
import { matchSchedules } from './match-schedules.js';
import { type KeptSeat, SoldSeats } from './retain-sold-seats.js';

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
};

@CommandHandler(ImportCatalog)
export class ImportCatalogHandler implements ICommandHandler<ImportCatalog> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly soldSeats: SoldSeats,
    private readonly hallChanges: HallChanges,
    private readonly store: EventStore,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
    @Inject(CommandSettings) private readonly settings: Pick<CommandSettings, 'secret'>,
  ) {}

  /** @throws {ImportRefused} and {Rejected} busy, before anything is published */
  async execute({ document, context, options }: ImportCatalog): Promise<ImportReport> {
    await this.#refuseIfLate(document);
    const problems = await this.#checkChosenPrices(document, options);
    const plans: VenuePlan[] = [];
    for (const venue of document.venues) plans.push(await this.#planVenue(document.source, venue, options));
    const dates = new Map<PerformanceDocument, DatesOfPerformance>();
    for (const performance of document.performances)
      dates.set(performance, await this.#datesOf(document.source, performance));
    const moves = await this.#findHallChanges(document, dates, options);
    const found = [...plans.flatMap((plan) => plan.problems), ...moves.flatMap((move) => move.problems)];
    const refused = found.filter(({ effect }) => effect === 'refused');
    if (refused.length > 0) throw new ImportRefused(refused);
    problems.push(...found);
    const records: ImportedRecord[] = [];
    const keptSeats = plans.flatMap((plan) => plan.keptSeats);
    const matchedSeats = plans.flatMap(({ venueId, matchedSeats }) =>
      matchedSeats.map((seat) => ({ venueId, ...seat })),
    );
    let position: Position | undefined;
    const keep = (result: { record: ImportedRecord; position: Position | undefined }) => {
      records.push(result.record);
      if (result.position !== undefined && result.position > (position ?? 0)) position = result.position;
    };
    for (const plan of plans) {
      const result = await this.#publishVenue(plan, context);
      problems.push(...result.problems);
      keep(result);
    }
    for (const performance of document.performances) {
      const result = await this.#publishPerformance(document.source, performance, context);
      keep(result);
      problems.push(...result.problems);
      if (result.record.outcome === 'skipped') continue;
      const { wanted, absent } = dates.get(performance) ?? { wanted: [], absent: [] };
      for (const { schedule, scheduleId } of wanted) {
        const move = moves.find((one) => one.scheduleId === scheduleId);
        const publish = () =>
          this.#publishSchedule(scheduleId, performance, result.details, schedule, result.timeZone, context);
        const published = move
          ? await this.hallChanges.carryOut(move, result.details.sales.refundWindowMs, publish, context)
          : await publish();
        problems.push(...published.problems);
        keep(published);
      }
      for (const date of absent) {
        const left = await this.#leaveOut(performance, date, options, context);
        problems.push(left.problem);
        if (left.position !== undefined) position = left.position;
      }
    }
    return { records, keptSeats, matchedSeats, problems, position };
  }

  /**
   * Whether an unknown date is a published one with another id is found out from the read models, so they must contain
   * every earlier import.
   * @throws {Rejected} busy
   */
  async #refuseIfLate({ source, performances }: CatalogDocument): Promise<void> {
    for (const performance of performances) {
      const performanceId = performanceIdSchema.parse(deriveId('performance', source, performance.id));
      const { state } = await this.repository.load(performanceDecider, streams.performance(performanceId));
      if (!state.details || !(await this.#hasUnknownDate(source, performance))) continue;
      const head = await this.store.head();
      if (head === undefined || (await this.queries.waitFor(head))) return;
      throw refuse('busy', 'The list of dates is not up to date: import the feed again in a moment.');
    }
  }

  async #hasUnknownDate(source: string, performance: PerformanceDocument): Promise<boolean> {
    for (const schedule of performance.schedules) {
      const stream = streams.schedule(scheduleIdOf(source, performance, schedule));
      const { state } = await this.repository.load(scheduleDecider, stream);
      if (!state.details) return true;
    }
    return false;
  }

  async #datesOf(source: string, performance: PerformanceDocument): Promise<DatesOfPerformance> {
    const performanceId = performanceIdSchema.parse(deriveId('performance', source, performance.id));
    const published: PublishedSchedule[] = [];
    for (const scheduleId of await this.queries.schedulesOfPerformance(performanceId, this.clock.now())) {
      const { state } = await this.repository.load(scheduleDecider, streams.schedule(scheduleId));
      const date = publishedSchedule(state);
      if (date && date.status === 'scheduled') published.push(date);
    }
    const timeZone = performance.timeZone ?? published[0]?.timeZone ?? 'UTC';
    const wanted = performance.schedules.map((schedule) => {
      const scheduleId = scheduleIdOf(source, performance, schedule);
      return { schedule, scheduleId, startsAt: schedule.startsAt, timeZone };
    });
    const { sameAs, absent } = matchSchedules(published, wanted);
    return {
      wanted: wanted.map(({ schedule, scheduleId }) => ({
        schedule,
        scheduleId: sameAs.get(scheduleId) ?? scheduleId,
      })),
      absent,
    };
  }

  /** Reports a published date that the document does not have, and cancels it if that was asked for. */
  async #leaveOut(
    performance: PerformanceDocument,
    { scheduleId, startsAt }: PublishedSchedule,
    { cancelMissing = false }: ImportOptions,
    context: CommandContext,
  ): Promise<{ problem: ImportProblem; position: Position | undefined }> {
    const base = {
      record: `date ${startsAt} of performance "${performance.name}" (${performance.id})`,
      field: 'schedules',
      effect: 'changed',
      about: performance.id,
    } as const;
    // A document without any date says nothing about them.
    if (!cancelMissing || performance.schedules.length === 0) {
      const reason = `published earlier, absent now: it stays on sale as schedule ${scheduleId}; cancel it there, or import with cancelMissing`;
      return { problem: { ...base, reason }, position: undefined };
    }
    const cancel = { kind: 'cancel', reason: 'no longer announced by the organiser' } as const;
    const stream = streams.schedule(scheduleId);
    const step = stepContext(context, scheduleId, 'cancel');
    const { position } = await this.deciders.executeOrThrow(scheduleDecider, stream, cancel, step);
    const reason = 'published earlier, absent now: it is cancelled, and its tickets are refunded';
    return { problem: { ...base, reason }, position };
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
    const venueId = performance.venueId ?? venueIdOf(document.source, performance.venue);
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

  /** What will be published of a venue; appends nothing. */
  async #planVenue(source: string, venue: VenueDocument, options: ImportOptions): Promise<VenuePlan> {
    const venueId = venue.venueId ?? venueIdOf(source, venue.id);
    const { state: known } = await this.repository.load(venueDecider, streams.venue(venueId));
    const published = [...known.sections.values()];
    const isPlanned = venue.sections.length > 0 && !(venue.ifAbsent && known.details);
    const plan = { keptSeats: [], matchedSeats: [], renumbered: [], problems: [], sections: published };
    const revised = isPlanned
      ? await this.soldSeats.revise({ venueId, id: venue.id }, known, venue.sections, options)
      : plan;
    return { venue, venueId, known, wanted: isPlanned ? venue.sections : published, ...revised };
  }

  /** Dates with held or sold seats that the document moves to another hall. */
  async #findHallChanges(
    document: CatalogDocument,
    dates: ReadonlyMap<PerformanceDocument, DatesOfPerformance>,
    options: ImportOptions,
  ): Promise<HallChange[]> {
    const changes: HallChange[] = [];
    for (const performance of document.performances) {
      const venueId = performance.venueId ?? venueIdOf(document.source, performance.venue);
      for (const { scheduleId } of dates.get(performance)?.wanted ?? []) {
        const change = await this.hallChanges.find(scheduleId, venueId, performance, options);
        if (change) changes.push(change);
      }
    }
    return changes;
  }

  /** Publishes a venue and its plan, section by section. */
  async #publishVenue(plan: VenuePlan, context: CommandContext) {
    const { venue, venueId, known, wanted, sections, keptSeats, renumbered } = plan;
    const stream = streams.venue(venueId);
    const before = known.details;
    const record = {
      kind: 'venue',
      externalId: venue.id,
      id: venueId,
      name: before?.name ?? venue.name,
    } as const;
    if (venue.ifAbsent && before) {
      const unchanged = { ...record, outcome: 'unchanged' } as const;
      return { record: unchanged, problems: [], position: undefined };
    }
    const planned = wanted.reduce(
      (sum, { rows }) => sum + rows.reduce((n, row) => n + row.seats.length, 0),
      0,
    );
    // A plan published onto an existing venue changes only its plan, focus and decorations.
    const described = venue.venueId !== undefined && before ? before : venue;
    const names = described.names;
    const focus = venue.focus ?? before?.focus;
    const decorations = venue.decorations ?? before?.decorations;
    const details = {
      venueId,
      name: described.name,
      ...(names === undefined ? {} : { names }),
      location: described.location,
      timeZone: venue.timeZone ?? before?.timeZone ?? 'UTC',
      capacity: described.capacity ?? before?.capacity ?? planned,
      ...(focus === undefined ? {} : { focus }),
      ...(decorations === undefined ? {} : { decorations }),
    };
    const step = stepContext(context, venueId);
    const run = (command: VenueCommand) => this.deciders.executeOrThrow(venueDecider, stream, command, step);
    let last = await run({ kind: 'describe', details });
    let changes = last.events.length;
    for (let from = 0; from < renumbered.length; from += maxRenumberedPerEvent) {
      const seats = renumbered.slice(from, from + maxRenumberedPerEvent);
      last = await run({ kind: 'renumber-seats', venueId, seats });
    }
    // One append for each section: a whole plan would exceed the largest event a store accepts.
    for (const section of sections) {
      last = await run({ kind: 'publish-section', venueId, section });
      changes += last.events.length;
    }
    const kept = new Set(sections.map((section) => section.sectionId));
    for (const sectionId of last.state.sections.keys()) {
      if (kept.has(sectionId)) continue;
      last = await run({ kind: 'withdraw-section', venueId, sectionId });
      changes += last.events.length;
    }
    const outcome = outcomeOf(changes, before);
    const seats = planned + keptSeats.length;
    const problems = timeZoneProblem(venue, before?.timeZone);
    return { record: { ...record, outcome, seats }, problems, position: last.position };
  }

  async #publishPerformance(source: string, performance: PerformanceDocument, context: CommandContext) {
    const performanceId = performanceIdSchema.parse(deriveId('performance', source, performance.id));
    const venueId = performance.venueId ?? venueIdOf(source, performance.venue);
    const record = {
      kind: 'performance',
      externalId: performance.id,
      id: performanceId,
      name: performance.name,
    } as const;
    const venue = await this.repository.load(venueDecider, streams.venue(venueId));
    const stream = streams.performance(performanceId);
    const known = await this.repository.load(performanceDecider, stream);
    const details = this.#performanceDetails(performanceId, venueId, performance, known.state.details);
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

  /** The feed's facts, with what it leaves open taken from the last revision or the defaults. */
  #performanceDetails(
    performanceId: PerformanceId,
    venueId: VenueId,
    performance: PerformanceDocument,
    before: PerformanceDetails | undefined,
  ): PerformanceDetails {
    const { name, names, description, startDate, endDate, prices, sales } = performance;
    return {
      performanceId,
      venueId,
      name,
      ...(names === undefined ? {} : { names }),
      description,
      startDate,
      endDate,
      prices,
      sales: { ...(before?.sales ?? defaultSalesRules), ...sales },
      seedHash: hashSeed(queueSeed(this.settings.secret, performanceId)),
    };
  }

  async #publishSchedule(
    scheduleId: ScheduleId,
    performance: PerformanceDocument,
    { performanceId, venueId, sales }: PerformanceDetails,
    schedule: ScheduleDocument,
    timeZone: string,
    context: CommandContext,
  ): Promise<{ record: ImportedRecord; problems: ImportProblem[]; position: Position | undefined }> {
    const stream = streams.schedule(scheduleId);
    const known = await this.repository.load(scheduleDecider, stream);
    const { startsAt, status } = schedule;
    const details = { scheduleId, performanceId, venueId, startsAt, timeZone, status };
    const name = `${performance.name}, ${startsAt}`;
    const record = { kind: 'schedule', externalId: schedule.id, id: scheduleId, name } as const;
    if (known.state.cancellation && status === 'scheduled') {
      const reason =
        'it was cancelled and its tickets are refunded: give the new date an id of its own to put it on sale';
      const problem = {
        record: `date ${startsAt} of performance "${performance.name}" (${performance.id})`,
        reason,
        effect: 'skipped',
        about: performance.id,
      } as const;
      return { record: { ...record, outcome: 'skipped', reason }, problems: [problem], position: undefined };
    }
    const step = stepContext(context, scheduleId);
    const { refundWindowMs } = sales;
    const publish = {
      kind: 'publish',
      details,
      refundWindowMs,
      reason: 'cancelled by the organiser',
    } as const;
    const published = await this.deciders.executeOrThrow(scheduleDecider, stream, publish, step);
    const outcome = outcomeOf(published.events.length, known.state.details);
    const isCancelled = status === 'cancelled' ? { isCancelled: true } : {};
    const problems = hasMoved(known.state, startsAt)
      ? [movedProblem(performance, known.state, startsAt)]
      : [];
    return { record: { ...record, outcome, ...isCancelled }, problems, position: published.position };
  }
}

/** Which published date each of a document's is, and which published ones it does not have. */
interface DatesOfPerformance {
  readonly wanted: readonly { readonly schedule: ScheduleDocument; readonly scheduleId: ScheduleId }[];
  readonly absent: readonly PublishedSchedule[];
}

interface VenuePlan extends Awaited<ReturnType<SoldSeats['revise']>> {
  readonly venue: VenueDocument;
  readonly venueId: VenueId;
  /** Published now. */
  readonly known: VenueState;
  /** The plan of the feed, or the published one if it has none. */
  readonly wanted: readonly PlanSection[];
}

/** Most seats that one SeatsRenumbered names. */
const maxRenumberedPerEvent = 1000;

function hasMoved({ details, cancellation }: ScheduleState, startsAt: Instant): boolean {
  return details !== undefined && !cancellation && details.startsAt !== startsAt;
}

function movedProblem(
  performance: PerformanceDocument,
  { details }: ScheduleState,
  startsAt: Instant,
): ImportProblem {
  return {
    record: `date ${details?.startsAt} of performance "${performance.name}" (${performance.id})`,
    field: 'startsAt',
    reason: `moved to ${startsAt}: tickets stay valid and may be given back for a while`,
    effect: 'changed',
    about: performance.id,
  };
}

/** The catalog's id of an organiser's date. */
function scheduleIdOf(
  source: string,
  performance: PerformanceDocument,
  schedule: ScheduleDocument,
): ScheduleId {
  return scheduleIdSchema.parse(deriveId('schedule', source, performance.id, schedule.id));
}

/** The catalog's id of an organiser's venue. */
function venueIdOf(source: string, externalId: string): VenueId {
  return venueIdSchema.parse(deriveId('venue', source, externalId));
}

/** What the import did with one record of the feed. */
interface ImportedRecord {
  readonly kind: 'venue' | 'performance' | 'schedule';
  /** The organiser's id. */
  readonly externalId: string;
  /** The catalog's id. */
  readonly id: string;
  readonly name: string;
  readonly outcome: 'published' | 'revised' | 'unchanged' | 'skipped';
  /** Seats of a venue's plan as it is published now. */
  readonly seats?: number;
  /** A date that is published as cancelled. */
  readonly isCancelled?: boolean;
  /** Why a record was skipped. */
  readonly reason?: string;
}

/** @param changes events appended; @param before what was published before, if anything. */
function outcomeOf(changes: number, before: unknown): 'published' | 'revised' | 'unchanged' {
  if (changes === 0) return 'unchanged';
  return before === undefined ? 'published' : 'revised';
}
