import type { DomainEvent, EventType } from '../../../events/registry.js';

type DataOf<T extends EventType> = Extract<DomainEvent, { type: T }>['data'];

/** What each event says, in words; never a name, a login id or anything else of a person. */
const words: { readonly [T in EventType]: (data: DataOf<T>) => string } = {
  UserRegistered: () => 'registered an account',
  PasswordChanged: () => 'changed the password',
  UserErased: () => 'erased the person: names are gone for good',
  LoginClaimed: ({ userId }) => `claimed this login id for user ${userId}`,
  SessionStarted: ({ userId, expiresAt }) => `user ${userId} logged in, until ${expiresAt}`,
  SessionRefreshed: ({ generation, expiresAt }) => `went on as generation ${generation}, until ${expiresAt}`,
  SessionEnded: ({ reason }) =>
    reason === 'logout' ? 'logged out' : 'closed the session: an old refresh token was used again',

  PointsCharged: ({ amount, balance, chargeId }) =>
    `credited ${amount} points of charge ${chargeId}: ${balance} points`,
  PointsSpent: ({ amount, balance, orderId }) =>
    `spent ${amount} points on order ${orderId}: ${balance} points left`,
  PointsRefunded: ({ amount, balance, orderId }) =>
    amount === 0
      ? `barred order ${orderId} from spending: ${balance} points`
      : `gave back ${amount} points of order ${orderId}: ${balance} points`,
  ChargeRequested: ({ amount }) => `asked the payment system for ${amount} points`,
  ChargeApproved: ({ amount, paymentId }) => `payment ${paymentId} took ${amount} points`,
  ChargeDeclined: ({ amount, reason }) => `the payment of ${amount} points was declined: ${reason}`,

  TokenIssued: ({ tokenId, numberOfTickets }) =>
    `gave the next number to turn ${tokenId}, for ${numberOfTickets} tickets`,
  QueueOpened: ({ shuffledCount, seed }) =>
    `opened the queue and shuffled ${shuffledCount} early numbers by seed ${seed}`,
  TokensAdmitted: ({ from, to, expiresAt }) =>
    `let in places ${from} to ${to - 1}, to be claimed until ${expiresAt}`,
  TokenRequested: ({ numberOfTickets, seatLimit, entry }) =>
    `asked for a turn (the fan’s ${entry + 1}. here) for ${numberOfTickets} tickets, at most ${seatLimit} seats`,
  TokenEntered: ({ place, expiresAt }) => `entered at place ${place}, until ${expiresAt}`,
  SeatsRequested: ({ seatIds, holdId, expiresAt }) =>
    `claimed ${seatIds.join(', ')} against the limit for hold ${holdId}, until ${expiresAt}`,
  SeatsRequestRepeated: ({ holdId }) => `a second run of the request goes on with hold ${holdId}`,
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
  OrderCancelled: () => 'cancelled the order',
  OrderRefunded: ({ amount }) => `closed the order: seats are free, ${amount} points went back`,

  VenuePublished: ({ name, capacity }) => `published the venue ${name} for ${capacity}`,
  SectionPublished: ({ sectionId, rows }) =>
    `published section ${sectionId} with ${rows.reduce((sum, { seats }) => sum + seats.length, 0)} seats`,
  SectionWithdrawn: ({ sectionId }) => `withdrew section ${sectionId}`,
  PerformancePublished: ({ name, startDate, sales, seedHash }) =>
    `published ${name} of ${startDate}, on sale from ${sales.opensAt ?? 'now on'}, seed hash ${seedHash}`,
  SchedulePublished: ({ startsAt, status }) => `published the date ${startsAt}, ${status}`,
};

/** What happened, in words. */
export function wordsFor(event: DomainEvent): string {
  // The table is keyed by the event's own type, which TypeScript can't follow through a union.
  const tell = words[event.type] as (data: DomainEvent['data']) => string;
  return tell(event.data);
}
