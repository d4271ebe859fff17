import {
  availabilityReply,
  performanceReply,
  performanceSummary,
  scheduleReply,
  seatMapReply,
  seatPlanReply,
  seatStatusesReply,
  venueReply,
} from '../../../queries/replies/catalog.js';
import { queueFairnessReply, queueNumberReply, queueReply } from '../../../queries/replies/queue.js';
import { pageOf } from '../../../queries/replies/reply.js';
import { json, type Operations, pastDescription } from '../operation.js';

export const catalogOperations: Operations = {
  getVenue: {
    tag: 'Catalog',
    summary: 'One venue',
    replies: { 200: json('The venue with its sections.', venueReply) },
    problems: ['not-found'],
  },
  listPerformances: {
    tag: 'Catalog',
    summary: 'Find performances',
    description:
      'Every word of `search` must be found in the names, the description or the venue’s name. `from` and `to` are calendar dates in the venue’s local time; performances that overlap them match. The list begins with performances that are not over, by first date; those that are over follow, the last to end first. A page’s `nextCursor` keeps this division as it was on the first page.',
    replies: { 200: json('Those to come first.', pageOf(performanceSummary)) },
  },
  getPerformance: {
    tag: 'Catalog',
    summary: 'One performance',
    replies: { 200: json('With prices, sales rules and its first dates.', performanceReply) },
    problems: ['performance-unknown'],
  },
  listSchedules: {
    tag: 'Catalog',
    summary: 'Dates of a performance',
    description:
      '`from` and `to` are calendar dates in the local time of the performance. The list begins with dates to come, the earliest first; those that have begun follow, the latest first. A page’s `nextCursor` keeps this division as it was on the first page.',
    replies: { 200: json('Those to come first.', pageOf(scheduleReply)) },
    problems: ['performance-unknown'],
  },
  getQueue: {
    tag: 'Queue',
    summary: 'The queue as everybody sees it',
    description: pastDescription,
    replies: { 200: json('How long it is and who is next.', queueReply) },
    problems: ['performance-unknown', 'unavailable'],
  },
  getQueueFairness: {
    tag: 'Queue',
    summary: 'What it takes to check the queue',
    description:
      'The published hash, the revealed seed and how many joined before the opening: everything that decides who stands where. docs/fair-queue.md describes the algorithm.',
    replies: { 200: json('All that the places depend on.', queueFairnessReply) },
    problems: ['performance-unknown'],
  },
  listQueueNumbers: {
    tag: 'Queue',
    summary: 'The queue by its numbers',
    description: 'Token ids in the order of joining, with their places; no personal data.',
    replies: { 200: json('By number.', pageOf(queueNumberReply)) },
    problems: ['performance-unknown'],
  },
  getSchedule: {
    tag: 'Catalog',
    summary: 'One date',
    replies: { 200: json('The date.', scheduleReply) },
    problems: ['schedule-unknown'],
  },
  getAvailability: {
    tag: 'Catalog',
    summary: 'How many seats are free',
    replies: { 200: json('By category and section.', availabilityReply) },
    problems: ['schedule-unknown'],
  },
  getSeatMap: {
    tag: 'Catalog',
    summary: 'The seat map',
    description: `${pastDescription} Plan and prices are those of then, too.`,
    replies: {
      200: json('All seats with their state, or those of a section, state or feature.', seatMapReply),
    },
    problems: ['schedule-unknown', 'unavailable'],
  },
  getSeatStatuses: {
    tag: 'Catalog',
    summary: 'The status of every seat',
    description:
      'Small, and meant to be asked for again and again: the status of each seat in the order of the plan. Load the plan that it names once.',
    replies: { 200: json('Two bits a seat.', seatStatusesReply) },
    problems: ['schedule-unknown'],
  },
  getSeatPlan: {
    tag: 'Catalog',
    summary: 'The seating plan with its prices',
    description:
      'What stays the same until the plan or the prices are published anew, at an address that names it: caches may keep it for good. The seat status says which plan is the present one.',
    replies: { 200: json('All seats with their prices.', seatPlanReply) },
    problems: ['schedule-unknown', 'plan-changed'],
  },
  watchSeats: {
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
