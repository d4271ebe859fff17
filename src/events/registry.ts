import {
  type PerformanceEvent,
  performanceEvents,
  type ScheduleEvent,
  scheduleEvents,
  type VenueEvent,
  venueEvents,
} from './catalog-events.js';
import { type EventDefinition, type EventMetadata, metadataSchema } from './event.js';
import { addMs, instantSchema } from './ids.js';
import { type OperatorEvent, operatorEvents } from './operator-events.js';
import { type OrderEvent, orderEvents } from './order-events.js';
import {
  type AdmissionEvent,
  admissionEvents,
  type QueueEvent,
  queueEvents,
  type TokenEvent,
  tokenEvents,
} from './queue-events.js';
import { type SeatEvent, seatEvents } from './seat-events.js';
import {
  type LoginEvent,
  loginEvents,
  type SessionEvent,
  sessionEvents,
  type UserEvent,
  userEvents,
} from './user-events.js';
import { type ChargeEvent, chargeEvents, type WalletEvent, walletEvents } from './wallet-events.js';

/** The events of each stream category: a stream is named `<category>-<id>`. */
export const eventsByCategory = {
  user: userEvents,
  login: loginEvents,
  session: sessionEvents,
  wallet: walletEvents,
  charge: chargeEvents,
  queue: queueEvents,
  admission: admissionEvents,
  token: tokenEvents,
  seat: seatEvents,
  order: orderEvents,
  venue: venueEvents,
  performance: performanceEvents,
  schedule: scheduleEvents,
  operator: operatorEvents,
} as const;

export type Category = keyof typeof eventsByCategory;

/** Any event of the product, discriminated by `type`. */
export type DomainEvent =
  | UserEvent
  | LoginEvent
  | SessionEvent
  | WalletEvent
  | ChargeEvent
  | QueueEvent
  | AdmissionEvent
  | TokenEvent
  | SeatEvent
  | OrderEvent
  | VenueEvent
  | PerformanceEvent
  | ScheduleEvent
  | OperatorEvent;

export type EventType = DomainEvent['type'];

const definitions: ReadonlyMap<string, EventDefinition> = new Map(
  Object.values(eventsByCategory)
    .flatMap((events): EventDefinition[] => Object.values(events))
    .map((definition) => [definition.type, definition]),
);

/** Every event type with its schema, version and personal fields. */
export function allEventDefinitions(): readonly EventDefinition[] {
  return [...definitions.values()];
}

/**
 * The event as stored: data checked against the current schema, metadata completed with its version.
 * @throws {Error} when the type is unknown or the data does not fit its schema: a defect of the product, not of a request.
 */
export function encodeEvent(
  event: DomainEvent,
  metadata: Omit<EventMetadata, 'schemaVersion'>,
): { type: string; data: unknown; metadata: EventMetadata } {
  const definition = definitionOf(event.type);
  return {
    type: event.type,
    data: definition.schema.parse(event.data),
    metadata: { ...metadata, schemaVersion: definition.version },
  };
}

/**
 * The event as the domain reads it, lifted to the current version.
 * The data was checked when it was written, so it is not checked again on this hot path; see {@link verifyEvent}.
 * @throws {Error} when the type is unknown or newer than this build understands.
 */
export function decodeEvent(stored: { type: string; data: unknown; metadata: unknown }): DomainEvent {
  const definition = definitionOf(stored.type);
  // encodeEvent wrote both: only StreamRepository appends.
  const metadata = stored.metadata as EventMetadata;
  const data = upcast(
    stored.type,
    stored.data as Record<string, unknown>,
    metadata.schemaVersion,
    definition.version,
  );
  return { type: definition.type, data } as DomainEvent;
}

/**
 * Decodes and checks data and metadata in full, for audits and for logs that came from elsewhere.
 * @throws {z.ZodError} when either does not fit its schema.
 */
export function verifyEvent(stored: { type: string; data: unknown; metadata: unknown }): DomainEvent {
  metadataSchema.parse(stored.metadata);
  const event = decodeEvent(stored);
  definitionOf(stored.type).schema.parse(event.data);
  return event;
}

function upcast(
  type: string,
  data: Record<string, unknown>,
  from: number,
  to: number,
): Record<string, unknown> {
  if (from === to) return data;
  if (from > to) {
    throw new Error(`event ${type} has version ${from}, but this build understands ${to}: upgrade it first`);
  }
  let lifted = data;
  for (let version = from; version < to; version++) {
    const step = upcasters[type]?.[version];
    if (!step) throw new Error(`no upcaster lifts ${type} from version ${version}`);
    lifted = step(lifted);
  }
  return lifted;
}

function definitionOf(type: string): EventDefinition {
  const definition = definitions.get(type);
  if (!definition) throw new Error(`unknown event type ${type}`);
  return definition;
}

/**
 * Old events are never rewritten: they are lifted to today's shape when read.
 * An upcaster lifts one event type by one version; chains run oldest first.
 */
type Upcast = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** By event type, then by the version the upcaster starts from. Each needs a fixture in test/events/fixtures. */
export const upcasters: Readonly<Record<string, Readonly<Record<number, Upcast>>>> = {
  ChargeRequested: {
    // Version 1 called the payment system's token for the card `card`.
    1: ({ card, ...rest }) => ({ ...rest, paymentMethod: card }),
    // Version 2 did not record what else was asked of the payment system.
    2: (data) => ({ ...data }),
  },
  // Version 1 of both had no time zone: the next import of the venue or the date states it.
  VenuePublished: { 1: (data) => ({ ...data, timeZone: 'UTC' }) },
  SchedulePublished: { 1: (data) => ({ ...data, timeZone: 'UTC' }) },
  SectionPublished: {
    // Version 1 knew no standing areas: all its sections have rows.
    1: (data) => ({ ...data }),
    // Version 2 knew no wheelchair and companion places: all its seats are ordinary ones.
    2: (data) => ({ ...data }),
  },
  SeatsRequested: {
    // Version 1 could not ask for seats of one section.
    1: (data) => ({ ...data }),
    // Version 2 knew no companion places.
    2: (data) => ({ ...data }),
  },
  PerformancePublished: {
    // Version 1 had no end of the sale and no deadlines for giving tickets back.
    1: ({ sales, ...rest }) => ({
      ...rest,
      sales: { ...(sales as object), closesAt: null, cancelBeforeStartMs: 0, refundWindowMs: 604_800_000 },
    }),
    // Version 2 had no rules about holds without a payment: there are none.
    2: (data) => ({ ...data }),
    // Version 3 named no round of a beacon.
    3: (data) => ({ ...data }),
    // Version 4 had no rule about when seats come back: at once.
    4: (data) => ({ ...data }),
  },
  // Version 1 of these three had no moment at which a seat is on sale again: it was at once.
  SeatHeld: { 1: (data) => ({ ...data }) },
  SeatHoldExpired: { 1: (data) => ({ ...data }) },
  SeatReservationCancelled: { 1: (data) => ({ ...data }) },
  // Version 1 of these three knew no limits of holding without a payment: it set none.
  TokenRequested: { 1: (data) => ({ ...data }) },
  TokenEntered: { 1: (data) => ({ ...data }) },
  TokenExpired: { 1: (data) => ({ ...data }) },
  OrderPlaced: {
    // Version 1 did not say what its seats are called.
    1: ({ items, ...rest }) => ({
      ...rest,
      items: (items as readonly object[]).map((item) => ({ ...item, sold: null })), // as version 1 stored them
    }),
    // Version 2 knew no wheelchair and companion places.
    2: (data) => ({ ...data }),
  },
  // Version 1 drew places by the seed alone, which the absence of the digest says.
  QueueOpened: { 1: (data) => ({ ...data }) },
  // Version 1 measured the pace over the last second, by places.
  TokensAdmitted: {
    1: (data) => ({ ...data, nextAt: addMs(instantSchema.parse(data.admittedAt), 1_000) }),
  },
  // Version 1 of these had no epochs and no greatest age, and a session was ended by its own log-out only.
  SessionStarted: { 1: (data) => ({ ...data, epoch: 0, endsAt: null }) },
  SessionRefreshed: { 1: (data) => ({ ...data, endsAt: null }) },
  SessionEnded: { 1: (data) => ({ ...data }) },
  // Version 1: only fans could cancel.
  OrderCancelled: { 1: (data) => ({ ...data, cause: 'fan' }) },
  // Version 1 knew no refunds of single seats, which have an id.
  PointsRefunded: { 1: (data) => ({ ...data }) },
  // Version 1 of these three had fewer reasons; version 2 of the last two set no moments.
  OrderFailed: { 1: (data) => ({ ...data }) },
  SeatHoldReleased: { 1: (data) => ({ ...data }), 2: (data) => ({ ...data }) },
  SeatsReturned: { 1: (data) => ({ ...data }), 2: (data) => ({ ...data }) },
  ScheduleCancellationSettled: {
    // Version 1 counted what the process's last run did.
    1: ({ scheduleId, performanceId }) => ({ scheduleId, performanceId }),
  },
};
