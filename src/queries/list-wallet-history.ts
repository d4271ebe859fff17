import { z } from 'zod';
import type { UserId } from '../events/ids.js';
import type { WalletHistoryRow } from '../projections/wallet.js';
import type { QueryContext } from './context.js';
import { decodeCursor, rowsToRead, toPage } from './paging.js';
import type { Page, PageRequest, WalletEntryReply } from './replies.js';
import { selectAll } from './select.js';

/**
 * A fan's movements of points, newest first.
 * @throws {InvalidCursor}
 */
export async function listWalletHistory(
  { db }: QueryContext,
  userId: UserId,
  page: PageRequest,
): Promise<Page<WalletEntryReply>> {
  const before = decodeCursor(page.cursor, z.tuple([z.number().int()]));
  const rows = await selectAll<WalletHistoryRow>(
    db,
    `SELECT * FROM wallet_history WHERE user_id = ? AND revision < ? ORDER BY revision DESC LIMIT ${rowsToRead(page)}`,
    [userId, before?.[0] ?? 2 ** 31 - 1],
  );
  return toPage(
    rows,
    page,
    (row) => ({
      kind: row.kind,
      amount: row.amount,
      balance: row.balance,
      chargeId: row.charge_id,
      orderId: row.order_id,
      at: row.created_at,
      position: row.position,
    }),
    (row) => [row.revision],
  );
}
