import type { DataSource } from 'typeorm';
import type { Instant } from '../events/ids.js';
import type { OrderRow } from '../projections/orders.js';
import type { ChargeRow } from '../projections/wallet.js';
import type { OpenCharge, OpenOrder } from './ports.js';
import { selectAll } from './select.js';

/** See {@link QueryPorts.openOrders}. */
export async function openOrders(db: DataSource, olderThan: Instant, limit: number): Promise<OpenOrder[]> {
  type Row = Pick<OrderRow, 'order_id' | 'user_id' | 'updated_at'> & { order_status: OpenOrder['status'] };
  const rows = await selectAll<Row>(
    db,
    // A paid order whose fan is still inside was left before its last step, the end of the fan's turn.
    `SELECT order_id, user_id, order_status, updated_at FROM orders WHERE settled = 0 AND updated_at < ?
     UNION ALL
     SELECT o.order_id, o.user_id, o.order_status, o.updated_at
     FROM tokens t JOIN orders o ON o.user_id = t.user_id AND o.token_id = t.token_id
     WHERE t.status = 'entered' AND o.order_status = 'paid' AND o.updated_at < ?
     ORDER BY updated_at LIMIT ?`,
    [olderThan, olderThan, limit],
  );
  return rows.map((row) => ({
    orderId: row.order_id,
    userId: row.user_id,
    status: row.order_status,
    updatedAt: row.updated_at,
  }));
}

/** See {@link QueryPorts.openCharges}. */
export async function openCharges(db: DataSource, olderThan: Instant, limit: number): Promise<OpenCharge[]> {
  type Row = Pick<ChargeRow, 'charge_id' | 'user_id' | 'updated_at'> & { status: OpenCharge['status'] };
  const rows = await selectAll<Row>(
    db,
    `SELECT charge_id, user_id, status, updated_at FROM charges
     WHERE status IN ('requested', 'approved') AND updated_at < ? ORDER BY updated_at LIMIT ?`,
    [olderThan, limit],
  );
  return rows.map((row) => ({
    chargeId: row.charge_id,
    userId: row.user_id,
    status: row.status,
    updatedAt: row.updated_at,
  }));
}
