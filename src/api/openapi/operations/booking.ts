import { holdsReply, orderReply, reservationReply } from '../../../queries/replies/booking.js';
import { liveQueue, queueTokenReply } from '../../../queries/replies/queue.js';
import { exampleOf, pageOf, sample } from '../../../queries/replies/reply.js';
import {
  changedOrderReply,
  enteredServiceReply,
  historyReply,
  issuedQueueTokenReply,
  joinChallengeReply,
  newHoldReply,
  receiptReply,
  refreshedQueueTokenReply,
} from '../../replies.js';
import { json, type Operations, pastDescription } from '../operation.js';

export const bookingOperations: Operations = {
  joinQueue: {
    tag: 'Queue',
    summary: 'Join the queue',
    headers: ['X-Log-Position', 'Retry-After'],
    description:
      'Asking again returns the same place with a fresh token. If `ticketsAskedBind` is among the rules of the performance (`sales`), you may hold no more seats than the tickets you ask for here. `Retry-After` says when to ask for your place next if you do not watch it live.',
    requestExamples: { two: { numberOfTickets: 2 } },
    replies: {
      201: json('A new place.', issuedQueueTokenReply),
      200: json('The place you had.', issuedQueueTokenReply),
    },
    problems: [
      'performance-unknown',
      'not-on-sale',
      'sold-out',
      'queue-full',
      'seat-limit-reached',
      'too-many-entries',
      'busy',
      'read-model-behind',
    ],
  },
  getJoinChallenge: {
    tag: 'Queue',
    summary: 'What to do before joining',
    description:
      'Operators may ask for a proof before a place is given, to make joining with many accounts expensive. Ask here first; without being asked for one, send none.',
    replies: { 200: json('The challenge.', joinChallengeReply) },
  },
  getPlace: {
    tag: 'Queue',
    summary: 'My place',
    headers: ['Retry-After'],
    description: `While you wait, \`Retry-After\` says when to ask again: after half of the estimated wait, 2 to 30 seconds, or after 15 seconds before the opening and while there is no estimate. ${pastDescription} The time left to wait is not said of the past.`,
    replies: { 200: json('Where you stand.', queueTokenReply) },
    problems: ['token-unknown', 'unavailable'],
  },
  enterService: {
    tag: 'Queue',
    summary: 'Step in when it is your turn',
    description:
      'Your time inside begins (`serviceWindowMs`). If `idleWindowMs` is among the rules of the performance (`sales`), you lose the turn when you hold no seat for that long.',
    headers: ['X-Log-Position'],
    replies: { 200: json('Your time inside runs.', enteredServiceReply) },
    problems: ['token-waiting', 'token-ended', 'token-unknown', 'read-model-behind'],
  },
  refreshQueueToken: {
    tag: 'Queue',
    summary: 'Get the queue token signed anew',
    replies: { 200: json('The same place with a fresh token.', refreshedQueueTokenReply) },
    problems: ['token-ended', 'token-unknown'],
  },
  leaveQueue: {
    tag: 'Queue',
    summary: 'Leave the queue',
    headers: ['X-Log-Position'],
    description: 'Gives up the place and everything held.',
    replies: { 200: json('You have left.', receiptReply) },
    problems: ['token-unknown', 'hold-in-progress'],
  },
  watchPlace: {
    tag: 'Queue',
    summary: 'My place, live',
    description:
      'Needs only the queue token, as header or, because browsers can’t send headers here, as the query parameter `queueToken`. It is kept out of our logs; keep it out of yours.',
    replies: {
      200: {
        kind: 'events',
        description:
          '`position`: your place, when the stream begins and at once when your own token changes: a number, the place drawn at the opening, admitted, entered, ended. `queue`: the state of the queue (schema LiveQueue), the same for everybody, when the stream begins and at most once a second when it changes. Your place follows from the last message of each: see docs/fair-queue.md.',
        example:
          `event: position\ndata: ${JSON.stringify(exampleOf(queueTokenReply))}\n\n` +
          `event: queue\ndata: ${JSON.stringify(exampleOf(liveQueue))}\n\n`,
        data: [queueTokenReply, liveQueue],
      },
    },
    problems: ['queue-token-invalid', 'unavailable'],
  },
  holdSeats: {
    tag: 'Booking',
    summary: 'Hold seats',
    headers: ['X-Log-Position'],
    description:
      'Holds named seats, or the best free ones side by side, if you like in one category or section: all of them or none, for a few minutes. In a standing area the best ones are the lowest free entry numbers; in the replies `row` is empty and `number` is the entry number. A companion’s place (`companionOf`) is held only with its wheelchair place, in this request or in another live hold of yours, and its hold ends no later. The best free seats are wheelchair places or companion places only if `access` asks for them, and have a restricted view only with `acceptRestrictedView`. Holds that lapse or are released again and again end the turn, and their seats cannot be held again at once: see `sales` of the performance.',
    requestExamples: {
      seats: { seatIds: ['A-1', 'A-2'] },
      bestAvailable: { bestAvailable: { quantity: 2, category: 'R' } },
      standing: { bestAvailable: { quantity: 4, section: 'floor' } },
      wheelchairAndCompanion: { bestAvailable: { quantity: 2, access: 'wheelchair-and-companion' } },
    },
    replies: { 201: json('The seats are yours until the hold expires.', newHoldReply) },
    problems: [
      'schedule-unknown',
      'not-on-sale',
      'seat-unknown',
      'seat-not-for-sale',
      'companion-needs-wheelchair',
      'seat-held',
      'already-held',
      'seat-reserved',
      'seat-cooling-down',
      'no-seats-available',
      'token-waiting',
      'token-ended',
      'seat-limit-reached',
      'hold-ended',
      'busy',
    ],
    isIdempotent: true,
  },
  listHolds: {
    tag: 'Booking',
    summary: 'What I hold',
    replies: { 200: json('Live holds.', holdsReply) },
  },
  releaseHold: {
    tag: 'Booking',
    summary: 'Release a hold',
    description:
      'If you release a wheelchair place, your holds of its companion’s places are released too. The seats are on sale again for everybody, you included, after some seconds (`seatReturnWindowMs` in `sales`).',
    headers: ['X-Log-Position'],
    replies: { 200: json('You hold the seats no longer.', receiptReply) },
    problems: ['hold-unknown', 'hold-in-progress'],
  },
  payForSeats: {
    tag: 'Booking',
    summary: 'Pay for held seats',
    headers: ['X-Log-Position'],
    description: 'All live holds, or those named. Every seat is sold to you, or no point is taken.',
    requestExamples: { everything: {}, oneHold: { holdIds: [sample.holdId] } },
    replies: { 201: json('The paid order.', changedOrderReply) },
    problems: [
      'nothing-to-pay',
      'insufficient-points',
      'hold-unknown',
      'hold-ended',
      'hold-in-progress',
      'hold-lapsed',
      'seat-taken',
      'not-on-sale',
      'companion-needs-wheelchair',
      'seat-not-for-sale',
      'token-ended',
      'token-unknown',
      'busy',
    ],
    isIdempotent: true,
  },
  listOrders: {
    tag: 'Booking',
    summary: 'My orders',
    replies: { 200: json('Newest first.', pageOf(orderReply)) },
  },
  getOrder: {
    tag: 'Booking',
    summary: 'One order',
    description: pastDescription,
    replies: { 200: json('The whole order.', orderReply) },
    problems: ['order-unknown', 'unavailable'],
  },
  cancelOrder: {
    tag: 'Booking',
    summary: 'Cancel a paid order, or some of its seats',
    headers: ['X-Log-Position'],
    description:
      'Possible until the deadline of the performance, which is the start unless it states another; after a date was moved, also within its refund window. Without `items` all seats go back. A wheelchair place goes back with its companion places or after them. Doing it twice changes nothing.',
    requestExamples: {
      whole: {},
      oneSeat: { items: [{ scheduleId: sample.scheduleId, seatId: 'A-1' }] },
    },
    replies: { 200: json('The seats are free and the points are back.', changedOrderReply) },
    problems: [
      'order-unknown',
      'order-not-cancellable',
      'seat-unknown',
      'companion-needs-wheelchair',
      'busy',
    ],
  },
  listReservations: {
    tag: 'Booking',
    summary: 'My reservations',
    replies: { 200: json('Newest first.', pageOf(reservationReply)) },
  },
  getOrderHistory: {
    tag: 'Booking',
    summary: 'Why an order ended as it did',
    description: 'For the fan who placed it and for operators.',
    replies: { 200: json('Newest first, with a summary.', historyReply) },
    problems: ['order-unknown', 'unavailable'],
  },
  getSeatHistory: {
    tag: 'Booking',
    summary: 'Why a seat is free, held or sold',
    description:
      'Fans see what they did themselves, and others as “another person”; operators see everybody.',
    replies: { 200: json('Newest first, with a summary.', historyReply) },
    problems: ['seat-unknown', 'unavailable'],
  },
  getQueueTokenHistory: {
    tag: 'Queue',
    summary: 'Why a turn in the queue ended as it did',
    description: 'For the fan whose place it was and for operators.',
    replies: { 200: json('Newest first, with a summary.', historyReply) },
    problems: ['token-unknown', 'unavailable'],
  },
};
