import type { UserId } from '../events/ids.js';
import type { RowOf } from '../projections/engine/table.js';
import type { pointsTable } from '../projections/wallet.js';
import type { QueryContext } from './context.js';
import type { WalletReply } from './replies.js';
import { selectFirst } from './select.js';

/** A fan's points; null when the fan is unknown. */
export async function getWallet({ db }: QueryContext, userId: UserId): Promise<WalletReply | null> {
  const row = await selectFirst<RowOf<typeof pointsTable>>(db, 'SELECT * FROM points WHERE user_id = ?', [
    userId,
  ]);
  if (!row) return null;
  return {
    userId: row.user_id,
    balance: row.remain_point,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
