import type { Projection } from '../engine/projection.js';
import { PerformanceRow, ScheduleRow, ScheduleSeatRow, SeatRow, SectionRow, VenueRow } from './entities.js';
import {
  cancelSchedule,
  openRefundWindow,
  publishPerformance,
  publishSchedule,
  publishSection,
  publishVenue,
  settleCancellation,
  withdrawSection,
} from './publish.js';
import { freeSeat, holdSeat, reserveSeat, wantSeat } from './seats.js';

/**
 * Venues, performances, dates, and the state of every seat on every date. One projection, because how many
 * seats are free depends on all of them at one position of the log.
 */
export const catalogProjection: Projection = {
  name: 'catalog',
  version: 6,
  entities: [VenueRow, SectionRow, SeatRow, PerformanceRow, ScheduleRow, ScheduleSeatRow],
  on: {
    VenuePublished: publishVenue,
    SectionPublished: publishSection,
    SectionWithdrawn: withdrawSection,
    PerformancePublished: publishPerformance,
    SchedulePublished: publishSchedule,
    ScheduleCancelled: cancelSchedule,
    ScheduleCancellationSettled: settleCancellation,
    RefundWindowOpened: openRefundWindow,
    SeatHeld: holdSeat,
    SeatReserved: reserveSeat,
    SeatHoldReleased: freeSeat,
    SeatHoldExpired: freeSeat,
    SeatReservationCancelled: freeSeat,
  },
  reads: {
    SeatHeld: wantSeat,
    SeatReserved: wantSeat,
    SeatHoldReleased: wantSeat,
    SeatHoldExpired: wantSeat,
    SeatReservationCancelled: wantSeat,
  },
};
