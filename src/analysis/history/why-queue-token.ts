import type { Position } from '../../event-store/port.js';
import type { PerformanceId, TokenId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { Clock } from '../../platform/clock.js';
import { performanceAt } from './catalog-at.js';
import { historyPage } from './history-page.js';
import { latest } from './moment.js';
import type { Asked, HistoryReply } from './port.js';
import type { QueueSources } from './queue-at.js';
import { QueueFold } from './queue-fold.js';
import { ofTypes, readStream, type StoredEvent, toStored } from './stored-event.js';
import { type QueueEvidence, tellTurn } from './tell-turn.js';
import { mayRead } from './why-order.js';

interface Token {
  readonly performanceId: PerformanceId;
  readonly tokenId: TokenId;
}

/** The history of one turn in a queue; null when there is none of this token, or it is not the viewer's. */
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
  return historyPage(tellTurn(events, evidence, asked.viewer, sources.clock.now()), asked);
}

/** What the queue's and the admission's streams say of the token. */
async function evidenceOf(
  { store, queues }: QueueSources,
  { performanceId, tokenId }: Token,
): Promise<QueueEvidence> {
  const performance = await performanceAt(store, performanceId, latest);
  const since = performance.kind === 'known' ? performance.first.position : (0 as Position); // before every event
  const timeline = await queues.get(performanceId, since);
  const known = new QueueFold(timeline, latest).tokenOf(tokenId);
  if (!known) return { issued: undefined, drawn: undefined, admitted: undefined };
  const eventAt = async (n: number | undefined): Promise<readonly StoredEvent[]> => {
    const place = n === undefined ? undefined : timeline.placeOf(n);
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
