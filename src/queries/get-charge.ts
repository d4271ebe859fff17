import type { ChargeId } from '../events/ids.js';
import type { ChargeRow } from '../projections/wallet.js';
import type { QueryContext } from './context.js';
import type { ChargeReply } from './replies.js';
import { selectFirst } from './select.js';

/** One attempt to buy points; null when unknown. Whether the asker may see it is the caller's to check. */
export async function getCharge({ db }: QueryContext, chargeId: ChargeId): Promise<ChargeReply | null> {
  const row = await selectFirst<ChargeRow>(db, 'SELECT * FROM charges WHERE charge_id = ?', [chargeId]);
  if (!row) return null;
  return {
    chargeId: row.charge_id,
    userId: row.user_id,
    amount: row.amount,
    status: row.status === 'requested' ? 'pending' : row.status,
    paymentId: row.payment_id,
    declineReason: row.decline_reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
