import { Injectable } from '@nestjs/common';
import { type VenueCommand, venueDecider } from '../domain/catalog/catalog.js';
import type { VenueDocument } from '../domain/catalog/document.js';
import type { Position } from '../event-store/port.js';
import { type VenueId, venueIdSchema } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { deriveId } from '../platform/derive-id.js';
import { type CommandContext, stepContext } from './command-context.js';
import { Executor } from './execute.js';
import { type ImportedRecord, outcomeOf } from './imported-record.js';
import { type KeptSeat, SeatKeeper } from './seat-keeper.js';

export interface PublishedVenue {
  readonly record: ImportedRecord;
  readonly keptSeats: readonly KeptSeat[];
  readonly position: Position | undefined;
}

/** Publishes a hall and its plan, section by section; what has not changed appends nothing. */
@Injectable()
export class VenuePublisher {
  constructor(
    private readonly executor: Executor,
    private readonly seats: SeatKeeper,
  ) {}

  async publish(source: string, venue: VenueDocument, context: CommandContext): Promise<PublishedVenue> {
    const venueId = venue.venueId ?? venueIdOf(source, venue.id);
    const stream = streams.venue(venueId);
    const { state: known } = await this.executor.load(venueDecider, stream);
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
    const { sections, keptSeats } = await this.seats.keepUsed(venueId, known, wanted);
    const planned = wanted.reduce(
      (sum, { rows }) => sum + rows.reduce((n, row) => n + row.seats.length, 0),
      0,
    );
    // A plan published onto a venue that exists takes nothing from it but the plan.
    const described = venue.venueId !== undefined && before ? before : venue;
    const names = described.names;
    const focus = venue.focus ?? before?.focus;
    const decorations = venue.decorations ?? before?.decorations;
    const details = {
      venueId,
      name: described.name,
      ...(names === undefined ? {} : { names }),
      location: described.location,
      capacity: described.capacity ?? before?.capacity ?? planned,
      ...(focus === undefined ? {} : { focus }),
      ...(decorations === undefined ? {} : { decorations }),
    };
    const step = stepContext(context, venueId);
    const run = (command: VenueCommand) => this.executor.executeOrThrow(venueDecider, stream, command, step);
    let last = await run({ kind: 'describe', details });
    let changes = last.events.length;
    // One append for each section: a whole plan would be larger than a store accepts at once.
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
}

/** Our id of an organiser's venue. */
export function venueIdOf(source: string, externalId: string): VenueId {
  return venueIdSchema.parse(deriveId('venue', source, externalId));
}
