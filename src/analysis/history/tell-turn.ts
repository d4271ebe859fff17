import type { HoldId, Instant } from '../../events/ids.js';
import type { Person, Related, Viewer } from './port.js';
import { personFor, type Reason, type Story, type Told } from './reason.js';
import type { StoredEventOf } from './stored-event.js';

export type TokenEvents = readonly StoredEventOf<
  | 'TokenRequested'
  | 'TokenEntered'
  | 'SeatsRequested'
  | 'SeatsReturned'
  | 'TokenCompleted'
  | 'TokenExpired'
  | 'TokenLeft'
>[];

/** What the queue's own streams say of one token. */
export interface QueueEvidence {
  readonly issued: StoredEventOf<'TokenIssued'> | undefined;
  /** Given for one whose place the opening drew. */
  readonly drawn: { readonly event: StoredEventOf<'QueueOpened'>; readonly place: number } | undefined;
  readonly admitted: StoredEventOf<'TokensAdmitted'> | undefined;
}

/**
 * What happened to one fan's turn in one queue.
 * @param now a turn whose deadline has passed is over, whether or not that was written.
 */
export function tellTurn(events: TokenEvents, queue: QueueEvidence, viewer: Viewer, now: Instant): Story {
  const [first] = events;
  if (!first) throw new Error('a token without events has no story');
  const who = personFor(viewer, first.data.userId);
  const deadlines = new Map<HoldId, Instant>();
  const own = events.map((event): Told => {
    if (event.type === 'SeatsRequested') deadlines.set(event.data.holdId, event.data.expiresAt);
    return { event, who, reason: reasonOf(event, who, queue, deadlines), related: relatedOf(event) };
  });
  const told = [...own, ...queueSide(queue, who)].sort((a, b) => a.event.position - b.event.position);
  return { told, summary: summaryOf(events, queue, who, now) };
}

function queueSide({ issued, drawn, admitted }: QueueEvidence, who: Person): Told[] {
  const told: Told[] = [];
  const add = (event: Told['event'], reason: Reason) => told.push({ event, who, reason, related: [] });
  if (issued) add(issued, { kind: 'number-given', who, number: issued.revision });
  if (drawn) add(drawn.event, { kind: 'place-drawn', who, place: drawn.place });
  if (admitted) add(admitted, { kind: 'turn-came', who, enterBefore: admitted.data.expiresAt });
  return told;
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
