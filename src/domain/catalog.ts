import { isDeepStrictEqual } from 'node:util';
import {
  type PerformanceEvent,
  type PlanRow,
  type PlanSeat,
  type PlanSection,
  rowsOf,
  type ScheduleEvent,
  type VenueEvent,
} from '../events/catalog-events.js';
import { addMs, type Instant, type SeatId, toInstant, type VenueId } from '../events/ids.js';
import { accept, assertNever, type Decider, type Decision, reject } from './decider.js';
import { formerSeatsAfter, type KnownPlan, type RenumberedSeat } from './plan-identity.js';

type Published<E extends { type: string; data: unknown }, Type extends E['type']> = Extract<
  E,
  { type: Type }
>['data'];

export type VenueDetails = Published<VenueEvent, 'VenuePublished'>;
export type PerformanceDetails = Published<PerformanceEvent, 'PerformancePublished'>;
export type ScheduleDetails = Published<ScheduleEvent, 'SchedulePublished'>;

export interface VenueState extends KnownPlan {
  readonly details: VenueDetails | undefined;
}

export type VenueCommand =
  | { readonly kind: 'describe'; readonly details: VenueDetails }
  | { readonly kind: 'publish-section'; readonly venueId: VenueId; readonly section: PlanSection }
  | { readonly kind: 'withdraw-section'; readonly venueId: VenueId; readonly sectionId: string }
  | {
      readonly kind: 'renumber-seats';
      readonly venueId: VenueId;
      readonly seats: readonly RenumberedSeat[];
    };

/** A hall and its plan, published section by section: a feed's revision appends only what changed. */
export const venueDecider: Decider<VenueState, VenueCommand, VenueEvent> = {
  initialState: { details: undefined, sections: new Map(), formerSeats: new Map() },

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
      case 'renumber-seats': {
        const { venueId, seats } = command;
        return accept({ type: 'SeatsRenumbered', data: { venueId, seats: [...seats] } });
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
        const formerSeats = formerSeatsAfter(state, section.sectionId, section);
        return { ...state, formerSeats, sections: new Map(state.sections).set(section.sectionId, section) };
      }
      case 'SectionWithdrawn': {
        const { sectionId } = event.data;
        const sections = new Map(state.sections);
        sections.delete(sectionId);
        return { ...state, formerSeats: formerSeatsAfter(state, sectionId, undefined), sections };
      }
      case 'SeatsRenumbered':
        return state; // the sections that follow say it
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

export interface ScheduleState {
  readonly details: ScheduleDetails | undefined;
  /** Undefined unless the date is cancelled, which it then stays. */
  readonly cancellation: ScheduleCancellation | undefined;
  /** Until then fans may give tickets back, even after the performance's deadline. */
  readonly refundWindowUntil: Instant | undefined;
  /** Halls that the date was in before, each once; its present one may be among them. */
  readonly formerVenueIds: readonly VenueId[];
}

interface ScheduleCancellation {
  /** Null in logs of older builds. */
  readonly reason: string | null;
  /** Whether every hold has ended and every order is refunded. */
  readonly isSettled: boolean;
}

type ScheduleEventData<Type extends ScheduleEvent['type']> = Extract<ScheduleEvent, { type: Type }>['data'];

export type ScheduleCommand =
  | {
      readonly kind: 'publish';
      readonly details: ScheduleDetails;
      /** How long tickets may be given back after the date has moved. */
      readonly refundWindowMs: number;
      /** Stated when the details say that the date is cancelled. */
      readonly reason: string;
    }
  | { readonly kind: 'cancel'; readonly reason: string }
  /** Every hold has ended and every order is refunded. */
  | { readonly kind: 'settle' }
  | ({ readonly kind: 'open-refund-window' } & Omit<
      ScheduleEventData<'RefundWindowOpened'>,
      'scheduleId' | 'performanceId'
    >);

/** One date of a performance: it may move until it is cancelled, and is cancelled once. */
export const scheduleDecider: Decider<ScheduleState, ScheduleCommand, ScheduleEvent> = {
  initialState: {
    details: undefined,
    cancellation: undefined,
    refundWindowUntil: undefined,
    formerVenueIds: [],
  },

  decide(command, state, now) {
    if (command.kind === 'publish') return decidePublishSchedule(command, state, now);
    if (!state.details) return reject('schedule-unknown', 'There is no such schedule.');
    const { scheduleId, performanceId } = state.details;
    switch (command.kind) {
      case 'cancel':
        if (state.cancellation) return accept();
        return accept({
          type: 'ScheduleCancelled',
          data: { scheduleId, performanceId, reason: command.reason },
        });
      case 'settle':
        if (!state.cancellation || state.cancellation.isSettled) return accept();
        return accept({ type: 'ScheduleCancellationSettled', data: { scheduleId, performanceId } });
      case 'open-refund-window': {
        const { until, cause, note } = command;
        // A window that was promised to fans is never made shorter.
        if (state.refundWindowUntil !== undefined && state.refundWindowUntil >= until) return accept();
        return accept({
          type: 'RefundWindowOpened',
          data: { scheduleId, performanceId, until, cause, ...(note === undefined ? {} : { note }) },
        });
      }
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'SchedulePublished': {
        const details = event.data;
        const published = { ...state, details, formerVenueIds: formerVenuesOf(state, details) };
        const cancellation = { reason: null, isSettled: false };
        if (details.status === 'cancelled') {
          return { ...published, cancellation: state.cancellation ?? cancellation };
        }
        // Older builds could put a cancelled date on sale again.
        const isRevived = state.cancellation?.reason === null && !state.cancellation.isSettled;
        return isRevived ? { ...published, cancellation: undefined } : published;
      }
      case 'ScheduleCancelled':
        return { ...state, cancellation: { reason: event.data.reason, isSettled: false } };
      case 'ScheduleCancellationSettled':
        return {
          ...state,
          cancellation: { reason: state.cancellation?.reason ?? null, isSettled: true },
        };
      case 'RefundWindowOpened':
        return { ...state, refundWindowUntil: event.data.until };
      default:
        return assertNever(event);
    }
  },
};

function formerVenuesOf(
  { details: before, formerVenueIds }: ScheduleState,
  { venueId }: ScheduleDetails,
): readonly VenueId[] {
  if (!before || before.venueId === venueId || formerVenueIds.includes(before.venueId)) return formerVenueIds;
  return [...formerVenueIds, before.venueId];
}

function decidePublishSchedule(
  { details, refundWindowMs, reason }: Extract<ScheduleCommand, { kind: 'publish' }>,
  state: ScheduleState,
  now: Instant,
): Decision<ScheduleEvent> {
  const { details: before, cancellation } = state;
  if (cancellation && details.status === 'scheduled') {
    return reject(
      'not-on-sale',
      'This date was cancelled and its tickets are refunded: publish another date with an id of its own.',
    );
  }
  const { scheduleId, performanceId } = details;
  const events: ScheduleEvent[] = [];
  if (!isSameJson(before, details)) events.push({ type: 'SchedulePublished', data: details });
  if (details.status === 'cancelled' && cancellation?.reason == null) {
    events.push({ type: 'ScheduleCancelled', data: { scheduleId, performanceId, reason } });
  }
  const hasMoved = before !== undefined && before.startsAt !== details.startsAt;
  const until = addMs(now, refundWindowMs);
  const isLonger = state.refundWindowUntil === undefined || until > state.refundWindowUntil;
  if (hasMoved && details.status === 'scheduled' && refundWindowMs > 0 && isLonger) {
    events.push({
      type: 'RefundWindowOpened',
      data: { scheduleId, performanceId, until, cause: 'date-moved' },
    });
  }
  return accept(...events);
}

/** A date as it is on sale, or not any more. */
export interface PublishedSchedule extends ScheduleDetails {
  readonly cancellation: ScheduleCancellation | undefined;
  readonly refundWindowUntil: Instant | undefined;
}

const publishedByState = new WeakMap<ScheduleState, PublishedSchedule>();

/** Undefined when the date was never published. Of the same state it is always the same object: every hold asks for it. */
export function publishedSchedule(state: ScheduleState): PublishedSchedule | undefined {
  const { details, cancellation, refundWindowUntil } = state;
  if (!details) return undefined;
  let published = publishedByState.get(state);
  if (!published) {
    const status = cancellation ? 'cancelled' : details.status;
    published = { ...details, status, cancellation, refundWindowUntil };
    publishedByState.set(state, published);
  }
  return published;
}

/** Whether the organiser's end of the sale has passed. */
export function isSaleClosed({ sales }: PerformanceDetails, now: Instant): boolean {
  return sales.closesAt !== null && now >= sales.closesAt;
}

/** The moment until which a fan may give tickets of a date back. Those of a cancelled date: at any time. */
export function mayCancelUntil(performance: PerformanceDetails, schedule: PublishedSchedule): Instant {
  if (schedule.status === 'cancelled') return toInstant(Date.UTC(9999, 11, 31));
  const { startsAt, refundWindowUntil } = schedule;
  const deadline = addMs(startsAt, -performance.sales.cancelBeforeStartMs);
  return refundWindowUntil !== undefined && refundWindowUntil > deadline ? refundWindowUntil : deadline;
}

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

/** All rows of the plan; those of one section when its id is given. */
export function planRows(venue: VenueState, sectionId?: string): PlanRow[] {
  return [...venue.sections.values()]
    .filter((section) => sectionId === undefined || section.sectionId === sectionId)
    .flatMap(rowsOf);
}

function buildIndex(venue: VenueState): ReadonlyMap<SeatId, PlacedSeat> {
  const index = new Map<SeatId, PlacedSeat>();
  for (const section of venue.sections.values()) {
    const { sectionId, name } = section;
    for (const { label, seats } of rowsOf(section)) {
      for (const seat of seats) index.set(seat.seatId, { ...seat, sectionId, sectionName: name, row: label });
    }
  }
  return index;
}
