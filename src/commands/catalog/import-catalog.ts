import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type PerformanceDetails,
  performanceDecider,
  scheduleDecider,
  type VenueCommand,
  venueDecider,
} from '../../domain/catalog.js';
import type {
  CatalogDocument,
  PerformanceDocument,
  ScheduleDocument,
  VenueDocument,
} from '../../domain/catalog-document.js';
import { hashSeed } from '../../domain/shuffle.js';
import type { Position } from '../../event-store/port.js';
import type { SalesRules } from '../../events/catalog-events.js';
import {
  type PerformanceId,
  performanceIdSchema,
  scheduleIdSchema,
  type VenueId,
  venueIdSchema,
} from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { deriveId } from '../../platform/derive-id.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { queueSeed } from '../queue/queue-admission.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import { type KeptSeat, SoldSeats } from './retain-sold-seats.js';

interface ImportReport {
  readonly records: readonly ImportedRecord[];
  /** Seats that the feed no longer has but that are held or sold: they stay in the plan. */
  readonly keptSeats: readonly KeptSeat[];
  readonly position: Position | undefined;
}

/** Publishes an organiser's catalog; what is published already and unchanged appends nothing. */
export class ImportCatalog extends Command<ImportReport> {
  constructor(
    readonly document: CatalogDocument,
    readonly context: CommandContext,
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
};

@CommandHandler(ImportCatalog)
export class ImportCatalogHandler implements ICommandHandler<ImportCatalog> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly soldSeats: SoldSeats,
    @Inject(CommandSettings) private readonly settings: Pick<CommandSettings, 'secret'>,
  ) {}

  async execute({ document, context }: ImportCatalog): Promise<ImportReport> {
    const records: ImportedRecord[] = [];
    const keptSeats: KeptSeat[] = [];
    let position: Position | undefined;
    const keep = (result: { record: ImportedRecord; position: Position | undefined }) => {
      records.push(result.record);
      if (result.position !== undefined && result.position > (position ?? 0)) position = result.position;
    };
    for (const venue of document.venues) {
      const result = await this.#publishVenue(document.source, venue, context);
      keptSeats.push(...result.keptSeats);
      keep(result);
    }
    for (const performance of document.performances) {
      const result = await this.#publishPerformance(document.source, performance, context);
      keep(result);
      if (result.record.outcome === 'skipped') continue;
      for (const schedule of performance.schedules) {
        keep(
          await this.#publishSchedule(
            document.source,
            performance,
            result.details,
            schedule,
            result.timeZone,
            context,
          ),
        );
      }
    }
    return { records, keptSeats, position };
  }

  /** Publishes a venue and its plan, section by section. */
  async #publishVenue(source: string, venue: VenueDocument, context: CommandContext) {
    const venueId = venue.venueId ?? venueIdOf(source, venue.id);
    const stream = streams.venue(venueId);
    const { state: known } = await this.repository.load(venueDecider, stream);
    const before = known.details;
    const record = {
      kind: 'venue',
      externalId: venue.id,
      id: venueId,
      name: before?.name ?? venue.name,
    } as const;
    if (venue.ifAbsent && before) {
      return { record: { ...record, outcome: 'unchanged' } as const, keptSeats: [], position: undefined };
    }
    const wanted = venue.sections.length > 0 ? venue.sections : [...known.sections.values()];
    const { sections, keptSeats } = await this.soldSeats.retain(venueId, known, wanted);
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
    return { record: { ...record, outcome: outcomeOf(changes, before) }, keptSeats, position: last.position };
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
      return {
        record: { ...record, outcome: 'skipped', reason } as const,
        details,
        timeZone,
        position: undefined,
      };
    }
    const step = stepContext(context, performanceId);
    const published = await this.deciders.executeOrThrow(performanceDecider, stream, details, step);
    const outcome = outcomeOf(published.events.length, known.state.details);
    return { record: { ...record, outcome }, details, timeZone, position: published.position };
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
    source: string,
    performance: PerformanceDocument,
    { performanceId, venueId }: PerformanceDetails,
    schedule: ScheduleDocument,
    timeZone: string,
    context: CommandContext,
  ) {
    const scheduleId = scheduleIdSchema.parse(deriveId('schedule', source, performance.id, schedule.id));
    const stream = streams.schedule(scheduleId);
    const known = await this.repository.load(scheduleDecider, stream);
    const { startsAt, status } = schedule;
    const details = { scheduleId, performanceId, venueId, startsAt, timeZone, status };
    const step = stepContext(context, scheduleId);
    const published = await this.deciders.executeOrThrow(scheduleDecider, stream, details, step);
    const record: ImportedRecord = {
      kind: 'schedule',
      externalId: schedule.id,
      id: scheduleId,
      name: `${performance.name}, ${startsAt}`,
      outcome: outcomeOf(published.events.length, known.state.details),
    };
    return { record, position: published.position };
  }
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
  /** Why a record was skipped. */
  readonly reason?: string;
}

/** @param changes events appended; @param before what was published before, if anything. */
function outcomeOf(changes: number, before: unknown): 'published' | 'revised' | 'unchanged' {
  if (changes === 0) return 'unchanged';
  return before === undefined ? 'published' : 'revised';
}
