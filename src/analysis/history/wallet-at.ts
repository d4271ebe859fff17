import type { EventStore } from '../../event-store/port.js';
import type { UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { WalletReply } from '../../queries/replies.js';
import { asOf, upTo } from './moment.js';
import type { Moment, Then } from './port.js';
import { ofTypes, readStream } from './stored-event.js';

/** A fan's points as they were. The wallet begins with the account. */
export async function walletAt(
  store: EventStore,
  userId: UserId,
  moment: Moment,
): Promise<Then<WalletReply>> {
  const [registered] = ofTypes(await readStream(store, streams.user(userId)), 'UserRegistered');
  if (!registered) return { kind: 'unknown' };
  if (upTo([registered], moment).length === 0) return { kind: 'not-yet', since: registered.at };
  const movements = ofTypes(
    await readStream(store, streams.wallet(userId)),
    'PointsCharged',
    'PointsSpent',
    'PointsRefunded',
  );
  const last = upTo(movements, moment).at(-1);
  return {
    kind: 'known',
    reply: {
      userId,
      balance: last?.data.balance ?? 0,
      createdAt: registered.at,
      updatedAt: last?.at ?? registered.at,
      asOf: asOf(moment, last ? [registered, last] : [registered]),
    },
  };
}
