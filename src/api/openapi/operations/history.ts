import { json, type Operations } from '../operation.js';
import { history } from '../replies/history.js';

const replies = { 200: json('Newest first, with a summary.', history) };

/** Why things are as they are. */
export const historyOperations: Operations = {
  'GET /v1/orders/:orderId/history': {
    tag: 'Booking',
    summary: 'Why an order ended as it did',
    description: 'For the fan who placed it and for operators.',
    replies,
    problems: ['order-unknown', 'unavailable'],
  },
  'GET /v1/schedules/:scheduleId/seats/:seatId/history': {
    tag: 'Booking',
    summary: 'Why a seat is free, held or sold',
    description:
      'Fans see what they did themselves, and others as “another person”; operators see everybody.',
    replies,
    problems: ['seat-unknown', 'unavailable'],
  },
  'GET /v1/performances/:performanceId/queue-tokens/:tokenId/history': {
    tag: 'Queue',
    summary: 'Why a turn in the queue ended as it did',
    description: 'For the fan whose place it was and for operators.',
    replies,
    problems: ['token-unknown', 'unavailable'],
  },
};
