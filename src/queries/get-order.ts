import type { OrderId } from '../events/ids.js';
import type { OrderRow } from '../projections/orders.js';
import type { QueryContext } from './context.js';
import { toOrders } from './order-replies.js';
import type { OrderReply } from './replies.js';
import { selectAll } from './select.js';

/** One order in full; null when unknown. Whether the asker may see it is the caller's to check. */
export async function getOrder({ db }: QueryContext, orderId: OrderId): Promise<OrderReply | null> {
  const rows = await selectAll<OrderRow>(db, 'SELECT * FROM orders WHERE order_id = ?', [orderId]);
  const [order] = await toOrders(db, rows);
  return order ?? null;
}
