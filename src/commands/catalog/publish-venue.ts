import { Injectable } from '@nestjs/common';
import { type VenueCommand, type VenueState, venueDecider } from '../../domain/catalog.js';
import type { VenueDocument } from '../../domain/catalog-document.js';
import { type PlanSection, rowsOf } from '../../events/catalog-events.js';
import type { VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import { timeZoneProblem } from './check-import.js';
import { outcomeOf, type Published, venueIdOf } from './imported-record.js';
import { SoldSeats } from './retain-sold-seats.js';

/** What will be published of a venue. */
export interface VenuePlan extends Awaited<ReturnType<SoldSeats['revise']>> {
  readonly venue: VenueDocument;
  readonly venueId: VenueId;
  /** Published now. */
  readonly known: VenueState;
  /** The plan of the feed, or the published one if it has none. */
  readonly wanted: readonly PlanSection[];
}

/** Most seats that one SeatsRenumbered names. */
const maxRenumberedPerEvent = 1000;

/** Publishes venues and their seating plans. */
@Injectable()
export class VenuePublisher {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly soldSeats: SoldSeats,
  ) {}

  /** What will be published of a venue; appends nothing. */
  async plan(
    source: string,
    venue: VenueDocument,
    options: { readonly acceptRenumbering?: boolean | undefined },
  ): Promise<VenuePlan> {
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

  /** Publishes a venue and its plan, section by section. */
  async publish(plan: VenuePlan, context: CommandContext): Promise<Published> {
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
      (sum, section) => sum + rowsOf(section).reduce((n, row) => n + row.seats.length, 0),
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
}
