import type { EventStore, RecordedEvent } from '../../event-store/port.js';
import { type Actor, metadataSchema } from '../../events/event.js';
import { type DomainEvent, decodeEvent, type EventType } from '../../events/registry.js';

/** One event of a stream for people: what happened, when, by whom and why. */
export interface StreamEntry {
  readonly revision: number;
  readonly position: number;
  /** The decider's clock; null when the metadata cannot be read. */
  readonly occurredAt: string | null;
  /** The store's clock. */
  readonly recordedAt: string;
  readonly type: string;
  readonly actor: Actor | null;
  readonly what: string;
  readonly commandId: string | null;
  readonly correlationId: string | null;
  /** The command or event that led to it. */
  readonly causationId: string | null;
  /** Other streams it refers to. */
  readonly links: readonly string[];
}

export interface StreamPage {
  readonly stream: string;
  readonly entries: readonly StreamEntry[];
  /** Revision where the next page begins; null at the end. */
  readonly next: number | null;
}

/** Entries of one page. */
export const maxPageEntries = 1_000;

/**
 * A page of a stream's timeline.
 * @param from first revision.
 * @param limit 1 … {@link maxPageEntries}.
 * @returns undefined when there is no such stream.
 */
export async function streamPage(
  store: EventStore,
  stream: string,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<StreamPage | undefined> {
  const events = await store.readStream(stream, { from, limit: limit + 1 });
  if (events.length === 0) {
    const [first] = from === 0 ? [] : await store.readStream(stream, { limit: 1 });
    return first ? { stream, entries: [], next: null } : undefined;
  }
  return { stream, entries: events.slice(0, limit).map(toEntry), next: events[limit]?.revision ?? null };
}

function toEntry(recorded: RecordedEvent): StreamEntry {
  const { stream, revision, position, type, recordedAtMs } = recorded;
  const metadata = metadataSchema.safeParse(recorded.metadata).data;
  const event = readable(recorded);
  return {
    revision,
    position,
    occurredAt: metadata?.occurredAt ?? null,
    recordedAt: new Date(recordedAtMs).toISOString(),
    type,
    actor: metadata?.actor ?? null,
    what: event?.what ?? 'cannot be read: run "boxoffice audit verify" for the reason',
    commandId: metadata?.commandId ?? null,
    correlationId: metadata?.correlationId ?? null,
    causationId: metadata?.causationId ?? null,
    links: event ? linksOf(event.event.data, stream) : [],
  };
}

/** Undefined when the event cannot be decoded: a tampered log is still shown. */
function readable(recorded: RecordedEvent): { event: DomainEvent; what: string } | undefined {
  try {
    const event = decodeEvent(recorded);
    return { event, what: wordsFor(event) };
  } catch {
    return undefined;
  }
}

/** The streams of the thing that an id names. */
const categoriesOf: Readonly<Record<string, readonly string[]>> = {
  userId: ['user', 'wallet'],
  chargeId: ['charge'],
  tokenId: ['token'],
  orderId: ['order'],
  performanceId: ['performance', 'queue', 'admission'],
  scheduleId: ['schedule'],
  venueId: ['venue'],
};

/** Most links of one event. */
const maxLinks = 50;

/**
 * The streams that an event's data refers to, in the order of its fields, without the event's own.
 * @param own the event's stream.
 */
function linksOf(data: DomainEvent['data'], own: string): string[] {
  const links = new Set<string>();
  collect(data, links);
  links.delete(own);
  return [...links].slice(0, maxLinks);
}

function collect(data: Readonly<Record<string, unknown>>, links: Set<string>): void {
  const { scheduleId, seatId, seatIds } = data;
  for (const seat of [seatId, ...(Array.isArray(seatIds) ? seatIds : [])]) {
    if (typeof scheduleId === 'string' && typeof seat === 'string') links.add(`seat-${scheduleId}.${seat}`);
  }
  for (const [field, value] of Object.entries(data)) {
    if (typeof value !== 'string') continue;
    for (const category of categoriesOf[field] ?? []) links.add(`${category}-${value}`);
  }
  if (!Array.isArray(data.items)) return;
  // An order's items: each about a seat.
  for (const item of data.items as readonly Readonly<Record<string, unknown>>[]) collect(item, links);
}

type DataOf<T extends EventType> = Extract<DomainEvent, { type: T }>['data'];

const sessionEnds: Readonly<Record<DataOf<'SessionEnded'>['reason'], string>> = {
  logout: 'logged out',
  reuse: 'closed the session: an old refresh token was used again',
  'ended-elsewhere': 'ended the session from another one',
};

/** Each event type in words, without names, login ids or other personal data. */
const words: { readonly [T in EventType]: (data: DataOf<T>) => string } = {
  UserRegistered: () => 'registered an account',
  PasswordChanged: () => 'changed the password',
  SessionsEnded: ({ keptSessionId, reason }) =>
    `ended all sessions but ${keptSessionId}${reason === 'password-changed' ? ', since the password was changed' : ''}`,
  UserErased: () => 'erased the person: the names cannot be read any more',
  LoginClaimed: ({ userId }) => `claimed this login id for user ${userId}`,
  SessionStarted: ({ userId, expiresAt }) => `user ${userId} logged in, until ${expiresAt}`,
  SessionRefreshed: ({ generation, expiresAt }) =>
    `refreshed as generation ${generation}, until ${expiresAt}`,
  SessionEnded: ({ reason }) => sessionEnds[reason],

  PointsCharged: ({ amount, balance, chargeId }) =>
    `credited ${amount} points of charge ${chargeId}: ${balance} points`,
  PointsSpent: ({ amount, balance, orderId }) =>
    `spent ${amount} points on order ${orderId}: ${balance} points left`,
  PointsRefunded: ({ amount, balance, orderId }) =>
    amount === 0
      ? `barred order ${orderId} from spending: ${balance} points`
      : `gave back ${amount} points of order ${orderId}: ${balance} points`,
  WalletClosed: ({ balance }) =>
    balance === 0 ? 'closed the wallet' : `closed the wallet and gave up its ${balance} points`,
  ChargeRequested: ({ amount }) => `asked the payment system for ${amount} points`,
  ChargeApproved: ({ amount, paymentId }) => `payment ${paymentId} took ${amount} points`,
  ChargeDeclined: ({ amount, reason }) => `the payment of ${amount} points was declined: ${reason}`,
  ChargeNeedsAttention: ({ amount, reason }) =>
    `left the charge of ${amount} points to an operator: ${reason}`,
  ChargeSettled: ({ amount, outcome, reason }) =>
    `an operator settled the charge of ${amount} points as ${outcome}: ${reason}`,

  TokenIssued: ({ tokenId, numberOfTickets }) =>
    `gave the next number to turn ${tokenId}, for ${numberOfTickets} tickets`,
  DrawClosed: ({ shuffledCount, tokensDigest, beacon }) =>
    `closed the draw of ${shuffledCount} early numbers with digest ${tokensDigest}; round ${beacon.round} of ${beacon.chain} decides`,
  QueueOpened: ({ shuffledCount, seed, tokensDigest, beacon }) =>
    `opened the queue and shuffled ${shuffledCount} early numbers by seed ${seed}` +
    `${tokensDigest === undefined ? '' : `, digest ${tokensDigest}`}${beacon ? `, round ${beacon.round} of ${beacon.chain}` : ''}`,
  TokensAdmitted: ({ from, to, expiresAt }) =>
    `admitted places ${from} to ${to - 1}, who have to enter before ${expiresAt}`,
  TokenRequested: ({ numberOfTickets, seatLimit, entry }) =>
    `requested turn number ${entry + 1} of this fan here, for ${numberOfTickets} tickets, at most ${seatLimit} seats`,
  TokenEntered: ({ place, expiresAt }) => `entered at place ${place}, until ${expiresAt}`,
  SeatsRequested: ({ seatIds, holdId, expiresAt }) =>
    `claimed ${seatIds.join(', ')} against the limit for hold ${holdId}, until ${expiresAt}`,
  SeatsRequestRepeated: ({ holdId }) => `a second run of the request continues hold ${holdId}`,
  SeatsReturned: ({ seatIds, holdId, reason }) =>
    `gave back ${seatIds.join(', ')} of hold ${holdId}: ${reason}`,
  TokenCompleted: ({ orderId }) => `completed the turn with order ${orderId}`,
  TokenExpired: ({ reason }) => `the turn expired: ${reason}`,
  TokenLeft: () => 'left the queue',

  SeatHeld: ({ userId, holdId, price, expiresAt }) =>
    `held for user ${userId} at ${price} points until ${expiresAt}, hold ${holdId}`,
  SeatHoldReleased: ({ holdId, reason }) => `released from hold ${holdId}: ${reason}`,
  SeatHoldExpired: ({ holdId, expiredAt }) => `hold ${holdId} lapsed at ${expiredAt}`,
  SeatHoldBarred: ({ holdId, expiresAt }) =>
    `barred hold ${holdId}, which does not have it, from ever taking it (it was asked for until ${expiresAt})`,
  SeatReserved: ({ userId, orderId, price }) =>
    `reserved for user ${userId} by order ${orderId} at ${price} points`,
  SeatReservationCancelled: ({ orderId, reason }) => `taken back from order ${orderId}: ${reason}`,

  OrderPlaced: ({ userId, items, total }) =>
    `user ${userId} ordered ${items.map(({ seatId }) => seatId).join(', ')} for ${total} points`,
  OrderPaid: ({ total, paymentId }) => `paid ${total} points, payment ${paymentId}`,
  OrderFailed: ({ reason, seatId }) => `failed: ${reason}${seatId === undefined ? '' : ` (${seatId})`}`,
  OrderItemsCancelled: ({ items, amount, cause }) =>
    `gives back ${items.map(({ seatId }) => seatId).join(', ')} for ${amount} points: ${cause}`,
  OrderItemsRefunded: ({ amount }) => `those seats are free, ${amount} points went back`,
  OrderCancelled: ({ cause }) => `cancelled the order: ${cause}`,
  OrderRefunded: ({ amount }) => `closed the order: seats are free, ${amount} points went back`,

  VenuePublished: ({ name, capacity }) => `published the venue ${name} for ${capacity}`,
  SectionPublished: ({ sectionId, rows }) =>
    `published section ${sectionId} with ${rows.reduce((sum, { seats }) => sum + seats.length, 0)} seats`,
  SectionWithdrawn: ({ sectionId }) => `withdrew section ${sectionId}`,
  SeatsRenumbered: ({ seats }) => `calls ${seats.length} held or sold seats differently from here on`,
  PerformancePublished: ({ name, startDate, sales, seedHash }) =>
    `published ${name} of ${startDate}, on sale from ${sales.opensAt ?? 'now on'}, seed hash ${seedHash}`,
  SchedulePublished: ({ startsAt, status }) => `published the date ${startsAt}, ${status}`,
  ScheduleCancelled: ({ reason }) => `cancelled the date: ${reason}`,
  ScheduleCancellationSettled: () => 'ended every hold of the cancelled date and refunded every order',
  RefundWindowOpened: ({ until, cause }) => `tickets may be given back until ${until}: ${cause}`,

  OperatorKeyIssued: ({ operator, role, keyId }) => `issued key ${keyId} to ${operator} as ${role}`,
  OperatorKeyRevoked: ({ operator, keyId, reason }) => `revoked key ${keyId} of ${operator}: ${reason}`,
};

/** What happened, in words. */
function wordsFor(event: DomainEvent): string {
  // The table is keyed by the event's own type, which TypeScript cannot follow through a union.
  const tell = words[event.type] as (data: DomainEvent['data']) => string;
  return tell(event.data);
}
