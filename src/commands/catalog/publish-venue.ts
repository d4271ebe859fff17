import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type VenueCommand, type VenueState, venueDecider } from '../../domain/catalog.js';
import type { VenueDocument } from '../../domain/catalog-document.js';
import { type Revision, StoreBusy, StoreUnavailable } from '../../event-store/port.js';
import { type PlanSection, rowsOf } from '../../events/catalog-events.js';
import type { SeatId, VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { type Loaded, StreamRepository } from '../stream-repository.js';
import { type ImportProblem, ImportRefused, timeZoneProblem } from './check-import.js';
import { outcomeOf, type Published, venueIdOf } from './imported-record.js';
import { SoldSeats } from './retain-sold-seats.js';

/** What will be published of a venue. */
export interface VenuePlan extends Awaited<ReturnType<SoldSeats['revise']>> {
  readonly venue: VenueDocument;
  readonly venueId: VenueId;
  /** Published now. */
  readonly known: VenueState;
  readonly revision: Revision | undefined;
  /** The plan of the feed, or the published one if it has none. */
  readonly wanted: readonly PlanSection[];
}

/** Most seats that one SeatsRenumbered names. */
const maxRenumberedPerEvent = 1000;

/** Milliseconds before each repetition of a withdrawal whose outcome is unknown. */
const repeatAfterMs = [100, 400, 1_600];

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
    const { state: known, revision } = await this.repository.load(venueDecider, streams.venue(venueId));
    const published = [...known.sections.values()];
    const isPlanned = venue.sections.length > 0 && !(venue.ifAbsent && known.details);
    const unchanged = {
      keptSeats: [],
      matchedSeats: [],
      renumbered: [],
      leaving: [],
      acceptedHolds: [],
      problems: [],
    };
    const revised = isPlanned
      ? await this.soldSeats.revise({ venueId, id: venue.id }, known, venue.sections, options)
      : { ...unchanged, sections: published };
    return { venue, venueId, known, revision, wanted: isPlanned ? venue.sections : published, ...revised };
  }

  /**
   * Takes the seats that leave the plans, or get another place, out of the published plans, and then looks again whether
   * fans have taken any of them. A hold reads the plan again after it has its seats, and a payment reads it after the
   * hold: so a seat that is free after it has left the plan can no longer be sold, and another seat may get its place.
   * A withdrawal without an answer may be written later, when a fan has bought one of its seats: so it is repeated, and
   * the log then refuses the late copy.
   * @throws {ImportRefused} when fans have taken some: the former plans are published again
   * @throws {StoreUnavailable} when no repetition was answered
   */
  async withdrawChanged(plans: readonly VenuePlan[], context: CommandContext): Promise<void> {
    const changed = plans.filter(({ leaving }) => leaving.length > 0);
    for (const { venueId, known, leaving } of changed) {
      const step = stepContext(context, venueId, 'withdraw');
      const staying = withoutSeats(known.sections.values(), new Set(leaving));
      await untilKnown(() => this.#publishSections(venueId, staying, step));
    }
    const taken: ImportProblem[] = [];
    for (const plan of changed) {
      const venue = { venueId: plan.venueId, id: plan.venue.id };
      taken.push(...(await this.soldSeats.takenMeanwhile(venue, plan)));
    }
    if (taken.length === 0) return;
    for (const { venueId, known } of changed) {
      const step = stepContext(context, venueId, 'restore');
      await this.#publishSections(venueId, [...known.sections.values()], step);
    }
    throw new ImportRefused(taken);
  }

  /** Publishes a venue and its plan. */
  async publish(plan: VenuePlan, context: CommandContext): Promise<Published> {
    const { venue, venueId, known, revision, wanted, sections, keptSeats, renumbered } = plan;
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
    await run({ kind: 'describe', details });
    for (let from = 0; from < renumbered.length; from += maxRenumberedPerEvent) {
      const seats = renumbered.slice(from, from + maxRenumberedPerEvent);
      await run({ kind: 'renumber-seats', venueId, seats });
    }
    const last = await this.#publishSections(venueId, sections, step);
    const changes = (last.revision ?? -1) - (revision ?? -1);
    const outcome = outcomeOf(changes, before);
    const seats = planned + keptSeats.length;
    const problems = timeZoneProblem(venue, before?.timeZone);
    return { record: { ...record, outcome, seats }, problems, position: last.position };
  }

  /** Publishes sections and withdraws all others: one append for each, as a whole plan would be too large for one. */
  async #publishSections(
    venueId: VenueId,
    sections: readonly PlanSection[],
    context: CommandContext,
  ): Promise<Loaded<VenueState>> {
    const run = (command: VenueCommand) =>
      this.deciders.executeOrThrow(venueDecider, streams.venue(venueId), command, context);
    const kept = new Set(sections.map((section) => section.sectionId));
    for (const section of sections) await run({ kind: 'publish-section', venueId, section });
    const { state } = await this.repository.load(venueDecider, streams.venue(venueId));
    for (const sectionId of state.sections.keys()) {
      if (!kept.has(sectionId)) await run({ kind: 'withdraw-section', venueId, sectionId });
    }
    return this.repository.load(venueDecider, streams.venue(venueId));
  }
}

/** Repeats what may have been written or not until the log has said which it is. */
async function untilKnown(run: () => Promise<unknown>): Promise<void> {
  for (const pauseMs of repeatAfterMs) {
    try {
      await run();
      return;
    } catch (error) {
      // A busy log has written nothing.
      if (!(error instanceof StoreUnavailable) || error instanceof StoreBusy) throw error;
      await delay(pauseMs);
    }
  }
  await run();
}

/**
 * The sections without some of their seats; rows and sections that become empty are left out. A standing area has all
 * numbers up to its capacity, so it also loses the numbers above the lowest one that is removed.
 */
function withoutSeats(sections: Iterable<PlanSection>, seatIds: ReadonlySet<SeatId>): PlanSection[] {
  return [...sections].flatMap((section) => {
    const { standing } = section;
    if (standing) {
      const places = rowsOf(section).flatMap(({ seats }) => seats);
      const lowest = places.findIndex(({ seatId }) => seatIds.has(seatId));
      if (lowest < 0) return [section];
      return lowest === 0 ? [] : [{ ...section, standing: { ...standing, capacity: lowest } }];
    }
    const rows = section.rows
      .map((row) => ({ ...row, seats: row.seats.filter(({ seatId }) => !seatIds.has(seatId)) }))
      .filter(({ seats }) => seats.length > 0);
    return rows.length === 0 ? [] : [{ ...section, rows }];
  });
}
