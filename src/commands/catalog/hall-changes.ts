import { Injectable } from '@nestjs/common';
import {
  findSeat,
  planRows,
  type ScheduleState,
  scheduleDecider,
  venueDecider,
} from '../../domain/catalog.js';
import type { PerformanceDocument } from '../../domain/catalog-document.js';
import { placeText } from '../../domain/plan-identity.js';
import { addMs, type HoldId, type ScheduleId, type SeatId, type VenueId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { Holds } from '../seats/end-hold.js';
import { StreamRepository } from '../stream-repository.js';
import type { ImportProblem } from './check-import.js';
import { SoldSeats } from './retain-sold-seats.js';

/** A date with held or sold seats that gets another hall, or that got one and still has holds of the one before. */
export interface HallChange {
  readonly scheduleId: ScheduleId;
  /** Those of the hall that the date leaves. */
  readonly seatIds: readonly SeatId[];
  /** One for each seat; `refused` unless the operator has accepted the change. */
  readonly problems: readonly ImportProblem[];
  /** An earlier import moved the date, and stopped before it had ended all holds. */
  readonly hasMoved: boolean;
}

/** Moves dates with held or sold seats to another hall if the operator accepts it: holds end, tickets may be given back. */
@Injectable()
export class HallChanges {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly soldSeats: SoldSeats,
    private readonly holds: Holds,
    private readonly clock: Clock,
  ) {}

  /** Undefined when the date stays in its hall, or all its seats are free. */
  async find(
    scheduleId: ScheduleId,
    venueId: VenueId,
    performance: PerformanceDocument,
    { acceptHallChange = false }: { readonly acceptHallChange?: boolean | undefined },
  ): Promise<HallChange | undefined> {
    const { state } = await this.repository.load(scheduleDecider, streams.schedule(scheduleId));
    const { details, cancellation } = state;
    if (!details || cancellation) return undefined;
    if (details.venueId === venueId) return this.#unfinished(scheduleId, state, performance);
    const hall = await this.repository.load(venueDecider, streams.venue(details.venueId));
    const seatIds = planRows(hall.state).flatMap(({ seats }) => seats.map(({ seatId }) => seatId));
    const used = await this.soldSeats.usedOn(scheduleId, seatIds);
    if (used.length === 0) return undefined;
    const effect = acceptHallChange ? 'changed' : 'refused';
    const problems = used.map(({ seatId, state }) => {
      const seat = findSeat(hall.state, seatId);
      const place = seat ? placeText({ ...seat }) : seatId;
      const owner = state.kind === 'reserved' ? `order ${state.orderId}` : `hold ${state.holdId}`;
      const outcome = state.kind === 'reserved' ? 'the fan may give the ticket back' : 'the hold ends';
      const what = state.kind === 'reserved' ? 'is sold' : 'is held';
      const reason = acceptHallChange
        ? `${what} in the hall that the date leaves: ${outcome}`
        : `${what} and the date would move to another hall: accept that with the option acceptHallChange`;
      return {
        record: `performance "${performance.name}" (${performance.id}), date ${scheduleId}, ${place}, ${owner}`,
        field: 'venue',
        reason,
        effect,
        about: performance.id,
      } as const;
    });
    return { scheduleId, seatIds, problems, hasMoved: false };
  }

  /** The holds of a former hall that an earlier import would have ended if it had not stopped. */
  async #unfinished(
    scheduleId: ScheduleId,
    { details, formerVenueIds }: ScheduleState,
    performance: PerformanceDocument,
  ): Promise<HallChange | undefined> {
    const left = formerVenueIds.filter((venueId) => venueId !== details?.venueId);
    if (!details || left.length === 0) return undefined;
    const { state: present } = await this.repository.load(venueDecider, streams.venue(details.venueId));
    const former = new Set<SeatId>();
    for (const venueId of left) {
      const { state } = await this.repository.load(venueDecider, streams.venue(venueId));
      for (const { seats } of planRows(state)) for (const { seatId } of seats) former.add(seatId);
    }
    // A seat that the present hall has too is one of its seats by now.
    const seatIds = [...former].filter((seatId) => !findSeat(present, seatId));
    const used = await this.soldSeats.usedOn(scheduleId, seatIds);
    const problems = used.flatMap(({ seatId, state }) =>
      state.kind === 'held'
        ? {
            record: `performance "${performance.name}" (${performance.id}), date ${scheduleId}, seat "${seatId}", hold ${state.holdId}`,
            field: 'venue',
            reason: 'is held in a hall that the date has left: the hold ends',
            effect: 'changed' as const,
            about: performance.id,
          }
        : [],
    );
    return problems.length === 0 ? undefined : { scheduleId, seatIds, problems, hasMoved: true };
  }

  /**
   * Carries out an accepted change. After a failure anywhere, repeating the import continues it: the date moves only when
   * tickets may be given back and no hold is left, and holds that came in between are found by {@link find}.
   * @param refundWindowMs how long tickets may be given back.
   * @param publish moves the date.
   */
  async carryOut<Result>(
    change: HallChange,
    refundWindowMs: number,
    publish: () => Promise<Result>,
    context: CommandContext,
  ): Promise<Result> {
    const { scheduleId } = change;
    if (change.hasMoved) {
      await this.#endHolds(change, stepContext(context, scheduleId, 'hall', 'after'));
      return publish();
    }
    const until = addMs(this.clock.now(), refundWindowMs);
    const open = { kind: 'open-refund-window', until, cause: 'hall-changed', note: undefined } as const;
    const step = stepContext(context, scheduleId, 'hall');
    await this.deciders.executeOrThrow(scheduleDecider, streams.schedule(scheduleId), open, step);
    await this.#endHolds(change, step);
    const result = await publish();
    // Seats may have been held after the first round and before the date moved.
    await this.#endHolds(change, stepContext(step, 'after'));
    return result;
  }

  async #endHolds({ scheduleId, seatIds }: HallChange, context: CommandContext): Promise<void> {
    const ended = new Set<HoldId>();
    for (const { state } of await this.soldSeats.usedOn(scheduleId, seatIds)) {
      if (state.kind !== 'held' || ended.has(state.holdId)) continue;
      ended.add(state.holdId);
      await this.holds.giveBack(
        state.tokenId,
        state.holdId,
        'hall-changed',
        stepContext(context, state.holdId),
      );
    }
  }
}
