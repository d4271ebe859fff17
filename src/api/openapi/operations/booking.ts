import { json, type Operations, pageOf, pastDescription, sample } from '../operation.js';
import { changedOrder, holds, newHold, order, reservation } from '../replies/booking.js';
import {
  enteredService,
  issuedQueueToken,
  positionOnly,
  queueStatus,
  refreshedQueueToken,
} from '../replies/queue.js';

const queueToken = '/v1/performances/:performanceId/queue-token';

export const bookingOperations: Operations = {
  [`POST ${queueToken}`]: {
    tag: 'Queue',
    summary: 'Join the queue',
    description: 'Asking again returns the same place with a fresh token.',
    requestExamples: { two: { numberOfTickets: 2 } },
    replies: {
      201: json('A new place.', issuedQueueToken),
      200: json('The place you had.', issuedQueueToken),
    },
    problems: [
      'performance-unknown',
      'not-on-sale',
      'queue-full',
      'seat-limit-reached',
      'too-many-entries',
      'busy',
    ],
  },
  [`GET ${queueToken}`]: {
    tag: 'Queue',
    summary: 'My place',
    description: `${pastDescription} The time left to wait is not said of the past.`,
    replies: { 200: json('Where you stand.', queueStatus) },
    problems: ['token-unknown', 'unavailable'],
  },
  [`POST ${queueToken}/enter`]: {
    tag: 'Queue',
    summary: 'Step in when it is your turn',
    replies: { 200: json('Your time inside runs.', enteredService) },
    problems: ['token-waiting', 'token-ended', 'token-unknown', 'read-model-behind'],
  },
  [`POST ${queueToken}/refresh`]: {
    tag: 'Queue',
    summary: 'Get the queue token signed anew',
    replies: { 200: json('The same place with a fresh token.', refreshedQueueToken) },
    problems: ['token-ended', 'token-unknown'],
  },
  [`DELETE ${queueToken}`]: {
    tag: 'Queue',
    summary: 'Leave the queue',
    description: 'Gives up the place and everything held.',
    replies: { 200: json('You have left.', positionOnly) },
    problems: ['token-unknown', 'hold-in-progress'],
  },
  [`GET ${queueToken}/events`]: {
    tag: 'Queue',
    summary: 'My place, live',
    description:
      'Needs only the queue token, as header or, because browsers can’t send headers here, as the query parameter `queueToken`. It is kept out of our logs; keep it out of yours.',
    replies: {
      200: {
        kind: 'events',
        description: 'Your place at once and whenever it changes.',
        example: `event: position\ndata: ${JSON.stringify(queueStatus.example)}\n\n`,
      },
    },
    problems: ['queue-token-invalid', 'unavailable'],
  },
  'POST /v1/schedules/:scheduleId/holds': {
    tag: 'Booking',
    summary: 'Hold seats',
    description: 'Named seats, or the best free ones side by side. All of them or none, for a few minutes.',
    requestExamples: {
      seats: { seatIds: ['A-1', 'A-2'] },
      bestAvailable: { bestAvailable: { quantity: 2, category: 'R' } },
    },
    replies: { 201: json('The seats are yours until the hold expires.', newHold) },
    problems: [
      'schedule-unknown',
      'not-on-sale',
      'seat-unknown',
      'seat-not-for-sale',
      'seat-held',
      'seat-reserved',
      'no-seats-available',
      'token-waiting',
      'token-ended',
      'seat-limit-reached',
      'hold-ended',
      'busy',
    ],
    isIdempotent: true,
  },
  'GET /v1/holds': {
    tag: 'Booking',
    summary: 'What I hold',
    replies: { 200: json('Live holds.', holds) },
  },
  'DELETE /v1/holds/:holdId': {
    tag: 'Booking',
    summary: 'Release a hold',
    replies: { 200: json('The seats are free.', positionOnly) },
    problems: ['hold-unknown', 'hold-in-progress'],
  },
  'POST /v1/orders': {
    tag: 'Booking',
    summary: 'Pay for held seats',
    description: 'All live holds, or those named. Every seat is sold to you, or no point is taken.',
    requestExamples: { everything: {}, oneHold: { holdIds: [sample.holdId] } },
    replies: { 201: json('The paid order.', changedOrder) },
    problems: [
      'nothing-to-pay',
      'insufficient-points',
      'hold-unknown',
      'hold-ended',
      'hold-in-progress',
      'hold-lapsed',
      'seat-taken',
      'token-ended',
      'token-unknown',
      'busy',
    ],
    isIdempotent: true,
  },
  'GET /v1/orders': {
    tag: 'Booking',
    summary: 'My orders',
    replies: { 200: json('Newest first.', pageOf(order)) },
  },
  'GET /v1/orders/:orderId': {
    tag: 'Booking',
    summary: 'One order',
    description: pastDescription,
    replies: { 200: json('The whole order.', order) },
    problems: ['order-unknown', 'unavailable'],
  },
  'POST /v1/orders/:orderId/cancel': {
    tag: 'Booking',
    summary: 'Cancel a paid order',
    description: 'Until its first date begins. Doing it twice changes nothing.',
    replies: { 200: json('The seats are free and the points are back.', changedOrder) },
    problems: ['order-unknown', 'order-not-cancellable', 'busy'],
  },
  'GET /v1/reservations': {
    tag: 'Booking',
    summary: 'My reservations',
    replies: { 200: json('Newest first.', pageOf(reservation)) },
  },
};
