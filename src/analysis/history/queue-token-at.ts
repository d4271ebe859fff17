import type { EventStore, Position } from '../../event-store/port.js';
import type { Instant, PerformanceId, TokenId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { QueueTokenReply, TokenStatus } from '../../queries/replies.js';
import { performanceAt } from './catalog-at.js';
import { asOf, upTo } from './moment.js';
import type { Moment, Then } from './port.js';
import type { QueueSources } from './queue-at.js';
import { QueueFold, type TokenThen } from './queue-fold.js';
import { ofTypes, readStream, type StoredEvent, type StoredEventOf, toStored } from './stored-event.js';

type Turn = StoredEventOf<
  'TokenRequested' | 'TokenEntered' | 'TokenCompleted' | 'TokenExpired' | 'TokenLeft'
>;

/**
 * A fan's turn as it was. How long the fan would have waited is not said: it was a guess then, and what came of it
 * can be asked for.
 */
export async function queueTokenAt(
  { store, queues }: QueueSources,
  { performanceId, tokenId }: { readonly performanceId: PerformanceId; readonly tokenId: TokenId },
  moment: Moment,
): Promise<Then<QueueTokenReply>> {
  const all = await readStream(store, streams.token(tokenId));
  const [requested] = ofTypes(all, 'TokenRequested');
  if (!requested || requested.data.performanceId !== performanceId) return { kind: 'unknown' };
  const turn = upTo(turnOf(all), moment);
  const performance = await performanceAt(store, performanceId, moment);
  if (turn.length === 0 || performance.kind !== 'known') return { kind: 'not-yet', since: requested.at };
  const timeline = await queues.get(performanceId, performance.first.position);
  const queue = new QueueFold(timeline, moment);
  const token = queue.tokenOf(tokenId);
  const admission = await admissionOf(store, timeline.placeOf(token?.admittedBy ?? -1)?.position);
  const last = timeline.lastPlace(moment);
  const then = asOf(moment, [performance.place, ...turn, ...(last ? [last] : [])]);
  const { status, expiresAt } = statusOf(turn, admission, then.at);
  return {
    kind: 'known',
    reply: {
      tokenId,
      performanceId,
      number: token?.number ?? null,
      place: token?.place ?? null,
      status,
      opened: queue.isOpen,
      opensAt: performance.details.sales.opensAt,
      ahead: status === 'waiting' ? fansAhead(token, queue) : 0,
      estimatedWaitSeconds: null,
      enterBefore: status === 'admitted' ? (admission?.data.expiresAt ?? null) : null,
      expiresAt,
      numberOfTickets: requested.data.numberOfTickets,
      asOf: then,
    },
  };
}

function turnOf(events: readonly StoredEvent[]): readonly Turn[] {
  return ofTypes(events, 'TokenRequested', 'TokenEntered', 'TokenCompleted', 'TokenExpired', 'TokenLeft');
}

/** The event at a position of the log that let a token in. */
export async function admissionOf(
  store: EventStore,
  position: Position | undefined,
): Promise<StoredEventOf<'TokensAdmitted'> | undefined> {
  if (position === undefined) return undefined;
  return ofTypes((await store.readAll({ from: position, limit: 1 })).map(toStored), 'TokensAdmitted')[0];
}

/** A deadline that had passed ended the turn, whether or not an event said so by then. */
function statusOf(
  turn: readonly Turn[],
  admission: StoredEventOf<'TokensAdmitted'> | undefined,
  at: Instant,
): { readonly status: TokenStatus; readonly expiresAt: Instant | null } {
  const entered = ofTypes(turn, 'TokenEntered')[0];
  const expiresAt = entered?.data.expiresAt ?? null;
  const last = turn.at(-1);
  switch (last?.type) {
    case 'TokenCompleted':
      return { status: 'completed', expiresAt };
    case 'TokenExpired':
      return { status: 'expired', expiresAt };
    case 'TokenLeft':
      return { status: 'left', expiresAt };
    case 'TokenEntered':
      return { status: last.data.expiresAt <= at ? 'expired' : 'entered', expiresAt };
    default:
      if (!admission) return { status: 'waiting', expiresAt };
      return { status: admission.data.expiresAt <= at ? 'expired' : 'admitted', expiresAt };
  }
}

/** Before the opening: fans who joined earlier. After it: those who left count until their place is passed. */
function fansAhead(token: TokenThen | undefined, queue: QueueFold): number {
  const others = Math.max(0, queue.waiting - (token === undefined ? 0 : 1));
  const before =
    token?.place === undefined ? (token?.number ?? queue.issued) : token.place - queue.admittedUpTo;
  return Math.min(Math.max(0, before), others);
}
