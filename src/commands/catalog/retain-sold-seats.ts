import { Inject, Injectable } from '@nestjs/common';
import type { VenueState } from '../../domain/catalog.js';
import { isFree, seatDecider } from '../../domain/seat.js';
import { EventStore } from '../../event-store/port.js';
import type { PlanRow, PlanSection } from '../../events/catalog-events.js';
import type { ScheduleId, SeatId, VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { ConcurrencyLimit } from '../../platform/concurrency-limit.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { StreamRepository } from '../stream-repository.js';

const maxConcurrentReads = 16;

export interface KeptSeat {
  readonly venueId: VenueId;
  readonly seatId: SeatId;
  /** Where it is held or sold. */
  readonly scheduleId: ScheduleId;
}

/** Retains held and sold seats in a venue's plan when a new revision of the plan drops them. */
@Injectable()
export class SoldSeats {
  constructor(
    private readonly repository: StreamRepository,
    private readonly store: EventStore,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  /** The wanted sections, with the held and sold seats that they drop put back where they were. */
  async retain(
    venueId: VenueId,
    known: VenueState,
    wanted: readonly PlanSection[],
  ): Promise<{ sections: PlanSection[]; keptSeats: KeptSeat[] }> {
    const wantedSeats = new Set(
      wanted.flatMap(({ rows }) => rows.flatMap((row) => row.seats.map((s) => s.seatId))),
    );
    const dropped = [...known.sections.values()].flatMap(({ rows }) =>
      rows.flatMap((row) =>
        row.seats.map((seat) => seat.seatId).filter((seatId) => !wantedSeats.has(seatId)),
      ),
    );
    if (dropped.length === 0) return { sections: [...wanted], keptSeats: [] };
    const keptSeats: KeptSeat[] = [];
    const limit = new ConcurrencyLimit(maxConcurrentReads);
    const head = await this.store.head();
    // Avoids reading the streams of thousands of free seats; while the read models are behind all of them are read.
    const isCaughtUp = head === undefined || (await this.queries.waitFor(head));
    for (const scheduleId of await this.queries.schedulesOfVenue(venueId)) {
      const taken = isCaughtUp ? await this.queries.takenSeats(scheduleId, this.clock.now()) : undefined;
      const candidates = taken ? dropped.filter((seatId) => taken.has(seatId)) : dropped;
      const areUsed = await Promise.all(
        candidates.map((seatId) => limit.run(() => this.#isUsed(scheduleId, seatId))),
      );
      keptSeats.push(
        ...candidates.filter((_, index) => areUsed[index]).map((seatId) => ({ venueId, seatId, scheduleId })),
      );
    }
    const kept = new Set(keptSeats.map((seat) => seat.seatId));
    return { sections: putBack(known, wanted, kept), keptSeats };
  }

  async #isUsed(scheduleId: ScheduleId, seatId: SeatId): Promise<boolean> {
    const { state } = await this.repository.load(seatDecider, streams.seat(scheduleId, seatId));
    return !isFree(state, this.clock.now());
  }
}

/** Adds the kept seats' rows to the sections they were in, or the whole section if the feed dropped it. */
function putBack(
  known: VenueState,
  wanted: readonly PlanSection[],
  kept: ReadonlySet<SeatId>,
): PlanSection[] {
  const sections = new Map(wanted.map((section) => [section.sectionId, section]));
  for (const { sectionId, name, rows } of known.sections.values()) {
    const keptRows: PlanRow[] = rows
      .map((row) => ({ ...row, seats: row.seats.filter((seat) => kept.has(seat.seatId)) }))
      .filter((row) => row.seats.length > 0);
    if (keptRows.length === 0) continue;
    const section = sections.get(sectionId) ?? { sectionId, name, rows: [] };
    sections.set(sectionId, { ...section, rows: [...section.rows, ...keptRows] });
  }
  return [...sections.values()];
}
