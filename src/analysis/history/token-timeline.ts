import type { Position } from '../../event-store/port.js';
import type { HoldId, Instant, PerformanceId, TokenId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { Clock } from '../../platform/clock.js';
import { performanceAt } from './catalog-at.js';
import { mayRead } from './order-timeline.js';
import {
  latest,
  ofTypes,
  readStream,
  type StoredEvent,
  type StoredEventOf,
  toStored,
} from './past-events.js';
import type { Asked, HistoryReply, Person, Related, Viewer } from './port.js';
import { QueueFold, type QueueSources } from './queue-at.js';
import type { Reason } from './reasons.js';
import { historyPage, personFor, type Timeline, type TimelineEntry } from './timeline.js';

interface Token {
  readonly performanceId: PerformanceId;
  readonly tokenId: TokenId;
}

/** The history of one turn in a queue; null when the token is unknown, or the viewer may not see it. */
export async function whyQueueToken(
  sources: QueueSources & { readonly clock: Clock },
  token: Token,
  asked: Asked,
): Promise<HistoryReply | null> {
  const events = ofTypes(
    await readStream(sources.store, streams.token(token.tokenId)),
    'TokenRequested',
    'TokenEntered',
    'SeatsRequested',
    'SeatsReturned',
    'TokenCompleted',
    'TokenExpired',
    'TokenLeft',
  );
  const [first] = events;
  if (first?.data.performanceId !== token.performanceId) return null;
  if (!mayRead(asked.viewer, first.data.userId)) return null;
  const evidence = await evidenceOf(sources, token);
  return historyPage(tokenTimeline(events, evidence, asked.viewer, sources.clock.now()), asked);
}

/** The token's events in the queue's and the admission's streams. */
async function evidenceOf(
  { store, queues }: QueueSources,
  { performanceId, tokenId }: Token,
): Promise<QueueEvidence> {
  const performance = await performanceAt(store, performanceId, latest);
  const since = performance.kind === 'known' ? performance.first.position : (0 as Position); // before every event
  const index = await queues.get(performanceId, since);
  const known = new QueueFold(index, latest).tokenOf(tokenId);
  if (!known) return { issued: undefined, drawn: undefined, admitted: undefined };
  const eventAt = async (n: number | undefined): Promise<readonly StoredEvent[]> => {
    const place = n === undefined ? undefined : index.positionOf(n);
    if (!place) return [];
    return (await store.readAll({ from: place.position, limit: 1 })).map(toStored);
  };
  const opening = ofTypes(await eventAt(known.drawnBy), 'QueueOpened')[0];
  return {
    issued: ofTypes(await eventAt(known.issuedBy), 'TokenIssued')[0],
    drawn: opening && known.place !== undefined ? { event: opening, place: known.place } : undefined,
    admitted: ofTypes(await eventAt(known.admittedBy), 'TokensAdmitted')[0],
  };
}

export type TokenEvents = readonly StoredEventOf<
  | 'TokenRequested'
  | 'TokenEntered'
  | 'SeatsRequested'
  | 'SeatsReturned'
  | 'TokenCompleted'
  | 'TokenExpired'
  | 'TokenLeft'
>[];

/** A token's events in the queue's and the admission's streams. */
export interface QueueEvidence {
  readonly issued: StoredEventOf<'TokenIssued'> | undefined;
  /** For a fan whose place was drawn at the opening. */
  readonly drawn: { readonly event: StoredEventOf<'QueueOpened'>; readonly place: number } | undefined;
  readonly admitted: StoredEventOf<'TokensAdmitted'> | undefined;
}

/**
 * What happened to one fan's turn in one queue.
 * @param now a turn whose deadline has passed is over, whether or not an event recorded that.
 */
export function tokenTimeline(
  events: TokenEvents,
  queue: QueueEvidence,
  viewer: Viewer,
  now: Instant,
): Timeline {
  const [first] = events;
  if (!first) throw new Error('a token without events has no timeline');
  const who = personFor(viewer, first.data.userId);
  const deadlines = new Map<HoldId, Instant>();
  const own = events.map((event): TimelineEntry => {
    if (event.type === 'SeatsRequested') deadlines.set(event.data.holdId, event.data.expiresAt);
    return { event, who, reason: reasonOf(event, who, queue, deadlines), related: relatedOf(event) };
  });
  const entries = [...own, ...queueSide(queue, who)].sort((a, b) => a.event.position - b.event.position);
  return { entries, summary: summaryOf(events, queue, who, now) };
}

function queueSide({ issued, drawn, admitted }: QueueEvidence, who: Person): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const add = (event: TimelineEntry['event'], reason: Reason) =>
    entries.push({ event, who, reason, related: [] });
  if (issued) add(issued, { kind: 'number-given', who, number: issued.revision });
  if (drawn) add(drawn.event, { kind: 'place-drawn', who, place: drawn.place });
  if (admitted) add(admitted, { kind: 'turn-came', who, enterBefore: admitted.data.expiresAt });
  return entries;
}

function reasonOf(
  event: TokenEvents[number],
  who: Person,
  queue: QueueEvidence,
  deadlines: ReadonlyMap<HoldId, Instant>,
): Reason {
  switch (event.type) {
    case 'TokenRequested':
      return { kind: 'queue-joined', who, tickets: event.data.numberOfTickets };
    case 'TokenEntered':
      return { kind: 'turn-entered', who, until: event.data.expiresAt };
    case 'SeatsRequested':
      return { kind: 'seats-asked', who, seatIds: event.data.seatIds, until: event.data.expiresAt };
    case 'SeatsReturned': {
      const { seatIds, reason, holdId } = event.data;
      return { kind: 'seats-returned', who, seatIds, why: reason, deadline: deadlines.get(holdId) ?? null };
    }
    case 'TokenCompleted':
      return { kind: 'turn-completed', who };
    case 'TokenExpired':
      return expiryOf(event.data.reason, who, queue);
    case 'TokenLeft':
      return { kind: 'queue-left', who };
  }
}

function expiryOf(
  reason: StoredEventOf<'TokenExpired'>['data']['reason'],
  who: Person,
  { admitted }: QueueEvidence,
  until: Instant | null = null,
): Reason {
  switch (reason) {
    case 'claim-lapsed': {
      const window = admitted && { from: admitted.data.admittedAt, until: admitted.data.expiresAt };
      return { kind: 'turn-not-taken', who, window: window ?? null };
    }
    case 'time-used-up':
      return { kind: 'time-used-up', who, until };
    case 'queue-full':
      return { kind: 'queue-was-full', who };
    case 'sale-ended':
      return { kind: 'sale-ended', who };
    case 'idle':
      return { kind: 'turn-idle', who };
    case 'unpaid-holds':
      return { kind: 'turn-unpaid', who };
  }
}

function summaryOf(events: TokenEvents, queue: QueueEvidence, who: Person, now: Instant): Reason {
  const entered = events.find((event) => event.type === 'TokenEntered');
  const until = entered?.data.expiresAt ?? null;
  const end = events.find(
    ({ type }) => type === 'TokenCompleted' || type === 'TokenExpired' || type === 'TokenLeft',
  );
  switch (end?.type) {
    case 'TokenCompleted':
      return { kind: 'turn-completed', who };
    case 'TokenLeft':
      return { kind: 'queue-left', who };
    case 'TokenExpired':
      return expiryOf(end.data.reason, who, queue, until);
    default:
  }
  if (until !== null) {
    if (until <= now) return expiryOf('time-used-up', who, queue, until);
    return { kind: 'turn-entered', who, until };
  }
  const { admitted } = queue;
  if (!admitted) return { kind: 'turn-waiting', who };
  if (admitted.data.expiresAt <= now) return expiryOf('claim-lapsed', who, queue);
  return { kind: 'turn-came', who, enterBefore: admitted.data.expiresAt };
}

function relatedOf(event: TokenEvents[number]): readonly Related[] {
  switch (event.type) {
    case 'SeatsRequested':
      return event.data.seatIds.map((seatId) => ({
        kind: 'seat',
        scheduleId: event.data.scheduleId,
        seatId,
      }));
    case 'TokenCompleted':
      return [{ kind: 'order', orderId: event.data.orderId }];
    default:
      return [];
  }
}
