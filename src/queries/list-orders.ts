import type { UserId } from '../events/ids.js';
import type { OrderRow } from '../projections/orders.js';
import type { QueryContext } from './context.js';
import { toOrders } from './order-replies.js';
import { decodeCursor, rowsToRead, timeAndId, toPage } from './paging.js';
import type { OrderReply, Page, PageRequest } from './replies.js';
import { selectAll } from './select.js';

/**
 * A fan's orders, newest first.
 * @throws {InvalidCursor}
 */
export async function listOrders(
  { db }: QueryContext,
  userId: UserId,
  page: PageRequest,
): Promise<Page<OrderReply>> {
  // '~' sorts after every moment.
  const [date, id] = decodeCursor(page.cursor, timeAndId) ?? ['~', ''];
  const rows = await selectAll<OrderRow>(
    db,
    `SELECT * FROM orders
     WHERE user_id = ? AND (order_date < ? OR (order_date = ? AND order_id < ?))
     ORDER BY order_date DESC, order_id DESC LIMIT ${rowsToRead(page)}`,
    [userId, date, date, id],
  );
  const { items, nextCursor } = toPage(
    rows,
    page,
    (row) => row,
    (row) => [row.order_date, row.order_id],
  );
  return { items: await toOrders(db, items), nextCursor };
}
