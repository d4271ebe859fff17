import type { EventStore } from '../../event-store/port.js';
import type { OrderId, UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { historyPage } from './history-page.js';
import { upTo } from './moment.js';
import { orderEvents } from './order-at.js';
import type { Asked, HistoryReply, Moment, Viewer } from './port.js';
import { ofTypes, readStream, type StoredEventOf } from './stored-event.js';
import { type FailureEvidence, tellOrder } from './tell-order.js';
import { seatEvents } from './why-seat.js';

/** The history of an order; null when there is none, or it is not the viewer's. */
export async function whyOrder(
  store: EventStore,
  orderId: OrderId,
  asked: Asked,
): Promise<HistoryReply | null> {
  const events = await orderEvents(store, orderId);
  const [placed] = ofTypes(events, 'OrderPlaced');
  if (!placed || !mayRead(asked.viewer, placed.data.userId)) return null;
  const [failed] = ofTypes(events, 'OrderFailed');
  const evidence = failed ? await evidenceOf(store, placed, failed) : { balance: null, seat: [] };
  return historyPage(tellOrder(placed, events, asked.viewer, evidence), asked);
}

/** Whether what is a fan's own may be shown. */
export function mayRead(viewer: Viewer, owner: UserId): boolean {
  return viewer.kind === 'operator' || viewer.userId === owner;
}

/** What the wallet and the seat's stream said when the order failed. */
async function evidenceOf(
  store: EventStore,
  { data: { userId, items } }: StoredEventOf<'OrderPlaced'>,
  { data: { reason, seatId }, position }: StoredEventOf<'OrderFailed'>,
): Promise<FailureEvidence> {
  const moment: Moment = { kind: 'position', position };
  if (reason === 'insufficient-points') {
    const movements = await readStream(store, streams.wallet(userId));
    const last = ofTypes(upTo(movements, moment), 'PointsCharged', 'PointsSpent', 'PointsRefunded').at(-1);
    return { balance: last?.data.balance ?? 0, seat: [] };
  }
  const item = items.find((item) => item.seatId === seatId);
  const seat = item ? upTo(await seatEvents(store, item.scheduleId, item.seatId), moment) : [];
  return { balance: null, seat };
}
