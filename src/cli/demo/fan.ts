import type { Random } from '../../platform/random.js';
import type { Account } from './account.js';
import type { ApiClient, ApiReply, ApiRequest } from './api-client.js';
import type { FanPlan } from './fan-plan.js';
import {
  holdsSchema,
  orderSchema,
  type Performance,
  positionSchema,
  queueStatusSchema,
  queueTokenSchema,
} from './replies.js';
import { type Hold, huntSeats } from './seat-hunt.js';
import type { Ending, Stage, Tally } from './tally.js';

const queuePollMs = 600;
/** A fan watches an abandoned hold lapse only if that is soon. */
const longestWatchMs = 20_000;

/** One fan at the on-sale: queues, looks, races for seats, pays or not. */
export class Fan {
  #stage: Stage | undefined;
  #queueToken: string | undefined;
  /** What was paid for and not cancelled: `scheduleId seatId`. */
  readonly bought = new Set<string>();
  /** The newest log position this fan's own commands reached. */
  lastPosition: number | undefined;

  constructor(
    private readonly api: ApiClient,
    readonly account: Account,
    private readonly performance: Performance,
    private readonly plan: FanPlan,
    private readonly random: Random,
    private readonly tally: Tally,
  ) {}

  /** Registers and charges points for the dearest seats. @returns whether the fan is ready. */
  async prepare(): Promise<boolean> {
    this.#move('registering');
    if (!(await this.account.open())) return false;
    if (this.plan.hasBadCard) await this.account.charge(1_000, 'card-decline-insufficient');
    const enough = this.#dearest();
    const amount = this.plan.isShort ? Math.max(1, Math.floor(enough / 10)) : enough;
    const isCharged = await this.account.charge(amount, 'card-approve');
    this.#move('ready');
    return isCharged;
  }

  /** The visit from the queue to its end. */
  async visit(): Promise<Ending> {
    const ending = await this.#visit();
    this.#move('done');
    return ending;
  }

  async #visit(): Promise<Ending> {
    const joinedAtMs = Date.now();
    if (!(await this.#join())) return 'lost the turn';
    this.#move('waiting');
    if (!(await this.#waitForTurn())) return 'lost the turn';
    this.tally.waitsMs.push(Date.now() - joinedAtMs);
    this.#move('choosing');
    const hold = await this.#choose();
    if (!hold) return this.#leave('found nothing left');
    this.#move('holding');
    switch (this.plan.intent) {
      case 'leave':
        return this.#leave('left the queue');
      case 'let the hold lapse':
        return this.#letLapse(hold);
      case 'release and choose again':
        await this.#release(hold);
        return this.#payFor(await this.#choose());
      default:
        return this.#payFor(hold);
    }
  }

  async #join(): Promise<boolean> {
    const path = this.#queuePath();
    const body = { numberOfTickets: this.plan.tickets };
    const joined = await this.account.send({ method: 'POST', path, reply: queueTokenSchema, body });
    if (joined.kind === 'refused') return false;
    this.#queueToken = joined.body.queueToken;
    return true;
  }

  async #waitForTurn(): Promise<boolean> {
    for (;;) {
      const now = await this.#asQueued({ method: 'GET', path: this.#queuePath(), reply: queueStatusSchema });
      if (now.kind === 'refused') return false;
      if (now.body.status === 'admitted') break;
      if (now.body.status !== 'waiting') return now.body.status === 'entered';
      await this.api.pause(queuePollMs * (0.75 + this.random.next() / 2));
    }
    const entered = await this.#asQueued({
      method: 'POST',
      path: `${this.#queuePath()}/enter`,
      reply: queueStatusSchema,
    });
    return entered.kind === 'ok';
  }

  #choose(): Promise<Hold | undefined> {
    const { api, plan, random } = this;
    const { schedules } = this.performance;
    return huntSeats({ api, plan, random, schedules, send: (request) => this.#asQueued(request) });
  }

  async #payFor(hold: Hold | undefined): Promise<Ending> {
    if (!hold) return this.#leave('found nothing left');
    this.#move('paying');
    const pay = () =>
      this.#asQueued({ method: 'POST', path: '/v1/orders', reply: orderSchema, body: {}, isOnce: true });
    let paid = await pay();
    if (paid.kind === 'refused' && paid.code === 'insufficient-points') {
      if (await this.account.charge(this.#dearest(), 'card-approve')) paid = await pay();
    }
    if (paid.kind === 'refused') return 'lost the turn';
    const { orderId, totalAmount, items, position } = paid.body;
    this.#remember(position);
    this.tally.seatsSold += items.length;
    this.tally.pointsSpent += totalAmount;
    for (const { scheduleId, seatId } of items) this.bought.add(`${scheduleId} ${seatId}`);
    return this.plan.intent === 'pay and cancel' ? this.#cancel(orderId) : 'bought';
  }

  async #cancel(orderId: string): Promise<Ending> {
    const path = `/v1/orders/${orderId}/cancel`;
    const cancelled = await this.account.send({ method: 'POST', path, reply: orderSchema });
    if (cancelled.kind === 'refused') return 'bought';
    this.#remember(cancelled.body.position);
    this.tally.seatsGivenBack += cancelled.body.items.length;
    this.tally.pointsRefunded += cancelled.body.totalAmount;
    this.bought.clear();
    return 'cancelled the order';
  }

  async #release({ holdId }: Hold): Promise<void> {
    const path = `/v1/holds/${holdId}`;
    const released = await this.#asQueued({ method: 'DELETE', path, reply: positionSchema });
    if (released.kind === 'ok') this.tally.holdsReleased++;
  }

  async #leave(ending: Ending): Promise<Ending> {
    await this.#asQueued({ method: 'DELETE', path: this.#queuePath(), reply: positionSchema });
    return ending;
  }

  /** Walks away; if the deadline is near, looks whether the hold is gone after it. */
  async #letLapse({ holdId, expiresAt }: Hold): Promise<Ending> {
    const leftMs = Date.parse(expiresAt) - Date.now();
    if (leftMs > longestWatchMs) return 'let the hold lapse';
    await this.api.pause(Math.max(0, leftMs) + 50);
    const holds = await this.account.send({ method: 'GET', path: '/v1/holds', reply: holdsSchema });
    if (holds.kind === 'ok') {
      const isGone = holds.body.items.every((hold) => hold.holdId !== holdId);
      if (isGone) this.tally.holdsLapsed++;
      else this.tally.surprise(`hold ${holdId} is still there after its deadline ${expiresAt}`);
    }
    return 'let the hold lapse';
  }

  /** A request that needs the fan's place in the queue. */
  #asQueued<T>(request: ApiRequest<T>): Promise<ApiReply<T>> {
    const queueToken = this.#queueToken;
    return this.account.send<T>({ ...request, ...(queueToken === undefined ? {} : { queueToken }) });
  }

  #queuePath(): string {
    return `/v1/performances/${this.performance.performanceId}/queue-token`;
  }

  /** Points that buy the fan's tickets wherever they are. */
  #dearest(): number {
    return Math.max(1, this.plan.tickets * (this.performance.priceTo ?? 1));
  }

  #remember(position: number | null): void {
    if (position !== null) this.lastPosition = position;
  }

  #move(stage: Stage): void {
    this.tally.move(this.#stage, stage);
    this.#stage = stage;
  }
}
