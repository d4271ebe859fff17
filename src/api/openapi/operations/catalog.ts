import { json, type Operations, pageOf, pastDescription } from '../operation.js';
import { performance, performanceSummary, schedule, venue } from '../replies/catalog.js';
import { queue, queueFairness, queueNumber } from '../replies/queue.js';
import { availability, seatMap } from '../replies/seats.js';

export const catalogOperations: Operations = {
  'GET /v1/venues/:venueId': {
    tag: 'Catalog',
    summary: 'One venue',
    replies: { 200: json('The venue with its sections.', venue) },
    problems: ['not-found'],
  },
  'GET /v1/performances': {
    tag: 'Catalog',
    summary: 'Find performances',
    description:
      'Every word of `search` must be found in the names, the description or the venue’s name. `from` and `to` are local dates; performances that overlap them match.',
    replies: { 200: json('By first date.', pageOf(performanceSummary)) },
  },
  'GET /v1/performances/:performanceId': {
    tag: 'Catalog',
    summary: 'One performance',
    replies: { 200: json('With prices, sales rules and its first dates.', performance) },
    problems: ['performance-unknown'],
  },
  'GET /v1/performances/:performanceId/schedules': {
    tag: 'Catalog',
    summary: 'Dates of a performance',
    replies: { 200: json('By date.', pageOf(schedule)) },
    problems: ['performance-unknown'],
  },
  'GET /v1/performances/:performanceId/queue': {
    tag: 'Queue',
    summary: 'The queue as everybody sees it',
    description: pastDescription,
    replies: { 200: json('How long it is and who is next.', queue) },
    problems: ['performance-unknown', 'unavailable'],
  },
  'GET /v1/performances/:performanceId/queue/fairness': {
    tag: 'Queue',
    summary: 'What it takes to check the queue',
    description:
      'The published hash, the revealed seed and how many joined before the opening: everything that decides who stands where. docs/fair-queue.md describes the algorithm.',
    replies: { 200: json('All that the places depend on.', queueFairness) },
    problems: ['performance-unknown'],
  },
  'GET /v1/performances/:performanceId/queue/numbers': {
    tag: 'Queue',
    summary: 'The queue by its numbers',
    description: 'Token ids in the order of joining, with their places; no personal data.',
    replies: { 200: json('By number.', pageOf(queueNumber)) },
    problems: ['performance-unknown'],
  },
  'GET /v1/schedules/:scheduleId': {
    tag: 'Catalog',
    summary: 'One date',
    replies: { 200: json('The date.', schedule) },
    problems: ['schedule-unknown'],
  },
  'GET /v1/schedules/:scheduleId/availability': {
    tag: 'Catalog',
    summary: 'How many seats are free',
    replies: { 200: json('By category and section.', availability) },
    problems: ['schedule-unknown'],
  },
  'GET /v1/schedules/:scheduleId/seats': {
    tag: 'Catalog',
    summary: 'The seat map',
    description: `${pastDescription} Plan and prices are those of then, too.`,
    replies: { 200: json('All seats with their state, or those of a section or state.', seatMap) },
    problems: ['schedule-unknown', 'unavailable'],
  },
  'GET /v1/schedules/:scheduleId/seats/events': {
    tag: 'Catalog',
    summary: 'Live seat changes',
    description:
      'Load the seat map first and pass its `position` as `after`: nothing is missed in between. `resync` asks to load the map again.',
    replies: {
      200: {
        kind: 'events',
        description: 'Changes gathered for a moment; a message’s id is its log position.',
        example:
          'event: seats\nid: 4712\ndata: {"position":4712,"seats":[{"seatId":"A-1","status":"held"}]}\n\n',
      },
    },
    problems: ['schedule-unknown', 'unavailable'],
    isResumable: true,
  },
};
