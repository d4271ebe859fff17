import { type PerformanceDetails, priceOf } from '../../domain/catalog.js';
import type { EventStore } from '../../event-store/port.js';
import type { PlanSeat, PlanSection } from '../../events/catalog-events.js';
import type { ScheduleId } from '../../events/ids.js';
import type { SeatMapReply, SeatStatus } from '../../queries/replies.js';
import { performanceAt, scheduleAt } from './catalog-at.js';
import { asOf } from './moment.js';
import type { Moment, Then } from './port.js';
import { type TakenSeats, takenAt } from './seat-timeline.js';
import type { Timeline } from './timeline.js';
import type { Timelines } from './timelines.js';
import type { VenuePlans } from './venue-plans.js';

export interface SeatMapSources {
  readonly store: EventStore;
  readonly seats: Timelines<Timeline>;
  readonly plans: VenuePlans;
}

interface SeatMapFilter {
  readonly section?: string | undefined;
  readonly status?: SeatStatus | undefined;
}

type Section = SeatMapReply['sections'][number];

/** The seat map of a date as it was: plan, prices and what was taken, all of that moment. */
export async function seatMapAt(
  { store, seats, plans }: SeatMapSources,
  scheduleId: ScheduleId,
  moment: Moment,
  filter: SeatMapFilter,
): Promise<Then<SeatMapReply>> {
  const schedule = await scheduleAt(store, scheduleId, moment);
  if (schedule.kind !== 'known') return schedule;
  const { venueId, performanceId } = schedule.details;
  const timeline = await seats.get(scheduleId, schedule.first.position);
  const [plan, performance] = await Promise.all([
    plans.at(venueId, moment),
    performanceAt(store, performanceId, moment),
  ]);
  const places = [
    schedule.place,
    plan,
    performance.kind === 'known' ? performance.place : undefined,
    timeline.lastPlace(moment),
  ].filter((place) => place !== undefined);
  const then = asOf(moment, places);
  const taken = takenAt(timeline, moment, then.at);
  const prices = pricesOf(performance.kind === 'known' ? performance.details : undefined);
  const details = plan?.state.details;
  return {
    kind: 'known',
    reply: {
      scheduleId,
      venueId,
      position: then.position,
      sections: (plan?.sections ?? [])
        .filter(({ sectionId }) => filter.section === undefined || sectionId === filter.section)
        .map((section) => toSection(section, prices, taken, filter.status))
        .filter(({ rows }) => rows.length > 0),
      focus: details?.focus ?? null,
      decorations: details?.decorations ?? [],
      asOf: then,
    },
  };
}

type Prices = (category: string) => number | null;

/** Looked up once per category, not per seat. */
function pricesOf(performance: PerformanceDetails | undefined): Prices {
  const known = new Map<string, number | null>();
  return (category) => {
    let price = known.get(category);
    if (price === undefined) {
      price = (performance && priceOf(performance, category)) ?? null;
      known.set(category, price);
    }
    return price;
  };
}

function toSection(
  { sectionId, name, rows }: PlanSection,
  prices: Prices,
  taken: TakenSeats,
  status: SeatStatus | undefined,
): Section {
  const toSeat = ({ seatId, number, category, x, y }: PlanSeat) => {
    const price = prices(category);
    const now: SeatStatus = taken(seatId) ?? (price === null ? 'not-for-sale' : 'free');
    return { seatId, number, category, price, x, y, status: now };
  };
  return {
    sectionId,
    name,
    rows: rows
      .map(({ label, seats }) => ({
        label,
        seats: seats.map(toSeat).filter((seat) => status === undefined || seat.status === status),
      }))
      .filter(({ seats }) => seats.length > 0),
  };
}
