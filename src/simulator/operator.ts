import { type RefundedItems, RefundOrder } from '../commands/orders/cancel-order.js';
import { AdmitTokens, OpenQueue } from '../commands/queue/open-and-admit.js';
import { OrderItemRow, OrderRow } from '../projections/orders.js';
import type { Client } from './client.js';
import type { Office } from './office.js';
import type { Random } from './random.js';
import type { RefundPromises } from './refund-promises.js';
import type { Sale } from './sale.js';
import type { World } from './world.js';

/** Opens queues, admits fans, and refunds orders that the read models show, also after the fans' deadline. */
export class Operator {
  readonly #chance: Random;
  readonly #refunds: number;

  constructor(
    world: World,
    private readonly client: Client,
    private readonly office: Office,
    private readonly sale: Sale,
    private readonly promises: RefundPromises,
  ) {
    this.#chance = world.random('operator');
    this.#refunds = this.#chance.pick([0, 0.4, 0.8]) ?? 0;
  }

  act(): Promise<void> {
    return this.#chance.chance(this.#refunds) ? this.#refund() : this.#admit();
  }

  /** Opens a queue and admits, as the admission process does. */
  async #admit(): Promise<void> {
    const performanceId = this.#chance.pick(this.sale.performances)?.performanceId;
    if (!performanceId) return;
    await this.client.send('an operator opens the queue', new OpenQueue(performanceId, this.#context()));
    const admit = new AdmitTokens(performanceId, this.#context());
    await this.client.send('an operator admits', admit);
  }

  async #refund(): Promise<void> {
    const { database } = this.office;
    const order = this.#chance.pick(database.rows(OrderRow));
    if (!order) return;
    const { order_id: orderId, user_id: userId } = order;
    const items = database
      .rows(OrderItemRow)
      .filter((item) => item.order_id === orderId)
      .map((item) => ({ scheduleId: item.schedule_id, seatId: item.seat_id, price: item.price }));
    const some = this.#chance.chance(0.7) ? this.#chance.pickSome(items) : undefined;
    const which: RefundedItems = some
      ? { kind: 'items', items: some.map(({ scheduleId, seatId }) => ({ scheduleId, seatId })) }
      : { kind: 'all' };
    const asked = some ?? items;
    this.promises.asks(orderId, asked);
    const refund = { orderId, which, cause: 'operator', note: 'out of goodwill' } as const;
    const command = new RefundOrder(refund, this.#context());
    const reply = await this.client.send(`an operator refunds ${asked.length} seats`, command);
    if (reply.kind === 'done') this.promises.givenBack(userId, { orderId, items }, asked);
  }

  #context() {
    return this.client.context({ kind: 'admin' });
  }
}
