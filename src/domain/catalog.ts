import { isDeepStrictEqual } from 'node:util';
import type {
  PerformanceEvent,
  PlanRow,
  PlanSeat,
  PlanSection,
  ScheduleEvent,
  VenueEvent,
} from '../events/catalog-events.js';
import type { SeatId, VenueId } from '../events/ids.js';
import { accept, assertNever, type Decider } from './decider.js';

type Published<E extends { type: string; data: unknown }, Type extends E['type']> = Extract<
  E,
  { type: Type }
>['data'];

export type VenueDetails = Published<VenueEvent, 'VenuePublished'>;
export type PerformanceDetails = Published<PerformanceEvent, 'PerformancePublished'>;
export type ScheduleDetails = Published<ScheduleEvent, 'SchedulePublished'>;

export interface VenueState {
  readonly details: VenueDetails | undefined;
  readonly sections: ReadonlyMap<string, PlanSection>;
}

export type VenueCommand =
  | { readonly kind: 'describe'; readonly details: VenueDetails }
  | { readonly kind: 'publish-section'; readonly venueId: VenueId; readonly section: PlanSection }
  | { readonly kind: 'withdraw-section'; readonly venueId: VenueId; readonly sectionId: string };

/** A hall and its plan, published section by section: a feed's revision appends only what changed. */
export const venueDecider: Decider<VenueState, VenueCommand, VenueEvent> = {
  initialState: { details: undefined, sections: new Map() },

  decide(command, state) {
    switch (command.kind) {
      case 'describe':
        if (isSameJson(state.details, command.details)) return accept();
        return accept({ type: 'VenuePublished', data: command.details });
      case 'publish-section': {
        const { venueId, section } = command;
        if (isSameJson(state.sections.get(section.sectionId), section)) return accept();
        return accept({ type: 'SectionPublished', data: { venueId, ...section } });
      }
      case 'withdraw-section': {
        const { venueId, sectionId } = command;
        if (!state.sections.has(sectionId)) return accept();
        return accept({ type: 'SectionWithdrawn', data: { venueId, sectionId } });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'VenuePublished':
        return { ...state, details: event.data };
      case 'SectionPublished': {
        const { venueId: _, ...section } = event.data;
        return { ...state, sections: new Map(state.sections).set(section.sectionId, section) };
      }
      case 'SectionWithdrawn': {
        const sections = new Map(state.sections);
        sections.delete(event.data.sectionId);
        return { ...state, sections };
      }
      default:
        return assertNever(event);
    }
  },
};

interface PerformanceState {
  readonly details: PerformanceDetails | undefined;
}

export const performanceDecider: Decider<PerformanceState, PerformanceDetails, PerformanceEvent> = {
  initialState: { details: undefined },
  decide: (details, state) =>
    isSameJson(state.details, details) ? accept() : accept({ type: 'PerformancePublished', data: details }),
  evolve: (_, event) => ({ details: event.data }),
};

interface ScheduleState {
  readonly details: ScheduleDetails | undefined;
}

export const scheduleDecider: Decider<ScheduleState, ScheduleDetails, ScheduleEvent> = {
  initialState: { details: undefined },
  decide: (details, state) =>
    isSameJson(state.details, details) ? accept() : accept({ type: 'SchedulePublished', data: details }),
  evolve: (_, event) => ({ details: event.data }),
};

/** Points for one seat of a category in a performance; undefined: not for sale. */
export function priceOf(performance: PerformanceDetails, category: string): number | undefined {
  const entry =
    performance.prices.find((price) => price.category === category) ??
    performance.prices.find((price) => price.category === '*');
  return entry?.price ?? undefined;
}

/** Equality of what would be stored: a field that is undefined equals a field that is absent. */
function isSameJson(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(toJson(a), toJson(b));
}

function toJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** A seat with where it stands. */
export interface PlacedSeat extends PlanSeat {
  readonly sectionId: string;
  readonly sectionName: string;
  readonly row: string;
}

/** Built once per revision of a plan: states are immutable, so the state itself is the key. */
const indexes = new WeakMap<VenueState['sections'], ReadonlyMap<SeatId, PlacedSeat>>();

/** The seat of this id in the plan, or undefined. */
export function findSeat(venue: VenueState, seatId: SeatId): PlacedSeat | undefined {
  return seatIndex(venue).get(seatId);
}

/** All seats of the plan by id. */
function seatIndex(venue: VenueState): ReadonlyMap<SeatId, PlacedSeat> {
  let index = indexes.get(venue.sections);
  if (!index) {
    index = buildIndex(venue);
    indexes.set(venue.sections, index);
  }
  return index;
}

/** All rows of the plan. */
export function planRows(venue: VenueState): PlanRow[] {
  return [...venue.sections.values()].flatMap((section) => section.rows);
}

function buildIndex(venue: VenueState): ReadonlyMap<SeatId, PlacedSeat> {
  const index = new Map<SeatId, PlacedSeat>();
  for (const { sectionId, name, rows } of venue.sections.values()) {
    for (const { label, seats } of rows) {
      for (const seat of seats) index.set(seat.seatId, { ...seat, sectionId, sectionName: name, row: label });
    }
  }
  return index;
}
