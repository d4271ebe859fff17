import { z } from 'zod';
import type { Random } from '../../platform/random.js';
import {
  type ApiClient,
  type ApiReply,
  type ApiRequest,
  chargeSchema,
  holdSchema,
  holdsSchema,
  orderSchema,
  type Performance,
  positionSchema,
  queueStatusSchema,
  queueTokenSchema,
  registeredSchema,
  type SeatMap,
  seatMapSchema,
  sessionSchema,
} from './api-client.js';
import type { Ending, Stage, Tally } from './summary.js';

const queuePollMs = 600;
/** A fan waits for an abandoned hold to lapse only if that is soon. */
const longestWatchMs = 20_000;

/** One fan at the on-sale: queues, looks at seats, tries to hold some, pays or not. */
export class Fan {
  #stage: Stage | undefined;
  #queueToken: string | undefined;
  /** What was paid for and not cancelled: `scheduleId seatId`. */
  readonly bought = new Set<string>();
  /** The newest log position of this fan's commands. */
  lastPosition: number | undefined;

  constructor(
    private readonly api: ApiClient,
    readonly account: Account,
    private readonly performance: Performance,
    private readonly plan: FanPlan,
    private readonly random: Random,
    private readonly tally: Tally,
  ) {}

  /** Registers and charges points for the most expensive seats. @returns whether the fan is ready. */
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

  /** The visit, from the queue to its outcome. */
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

  /** Abandons the hold; if its deadline is near, checks that it ends then. */
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

  /** A request with the fan's queue token. */
  #asQueued<T>(request: ApiRequest<T>): Promise<ApiReply<T>> {
    const queueToken = this.#queueToken;
    return this.account.send<T>({ ...request, ...(queueToken === undefined ? {} : { queueToken }) });
  }

  #queuePath(): string {
    return `/v1/performances/${this.performance.performanceId}/queue-token`;
  }

  /** The price of the fan's tickets in the most expensive category. */
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

/** What a fan is going to do, decided in advance. */
interface FanPlan {
  readonly tickets: number;
  readonly way: 'named seats' | 'best available';
  /** What the fan does with the seats once they are held. */
  readonly intent: 'pay' | 'pay and cancel' | 'release and choose again' | 'let the hold lapse' | 'leave';
  /** Which date is tried first. */
  readonly firstDate: number;
  /** The first card is declined, so the fan uses another. */
  readonly hasBadCard: boolean;
  /** Charges too few points first, and the rest when the payment fails. */
  readonly isShort: boolean;
}

/**
 * @param seatLimit most tickets of one fan.
 * @param dates dates on sale; the first is the most popular.
 */
export function planFan(random: Random, seatLimit: number, dates: number): FanPlan {
  const tickets = random.weighted([
    [25, 1],
    [45, 2],
    [12, 3],
    [18, 4],
  ]);
  const way = random.weighted([
    [75, 'named seats'],
    [25, 'best available'],
  ] as const);
  const intent = random.weighted([
    [76, 'pay'],
    [6, 'pay and cancel'],
    [7, 'release and choose again'],
    [6, 'let the hold lapse'],
    [5, 'leave'],
  ] as const);
  return {
    tickets: Math.min(tickets ?? 1, seatLimit),
    way: way ?? 'named seats',
    intent: intent ?? 'pay',
    firstDate: random.next() < 0.7 ? 0 : random.below(Math.max(1, dates)),
    hasBadCard: random.next() < 0.05,
    isShort: random.next() < 0.05,
  };
}

/** How long before it expires an access token is replaced. */
const renewBeforeMs = 60_000;
const chargePollMs = 400;
/** Polls of a charge that the payment system has not decided. */
const maxChargeLooks = 60;

/** One fan's account: registers, stays logged in, charges points. */
export class Account {
  #session: { readonly token: string; readonly endsAtMs: number } | undefined;

  constructor(
    private readonly api: ApiClient,
    private readonly tally: Tally,
    readonly loginId: string,
    private readonly password: string,
  ) {}

  get isRegistered(): boolean {
    return this.#session !== undefined;
  }

  /** Registers and logs in. @returns whether that worked. */
  async open(): Promise<boolean> {
    const { loginId, password } = this;
    const body = { loginId, username: loginId, name: `Demo ${loginId}`, password };
    const registered = await this.api.send({
      method: 'POST',
      path: '/v1/users',
      reply: registeredSchema,
      body,
    });
    if (registered.kind === 'refused') return false;
    return this.#logIn();
  }

  /** Sends a request as this fan. */
  async send<T>(request: ApiRequest<T>): Promise<ApiReply<T>> {
    if (!this.#session || Date.now() > this.#session.endsAtMs - renewBeforeMs) await this.#logIn();
    return this.api.send({ ...request, ...(this.#session ? { token: this.#session.token } : {}) });
  }

  /** Buys points. @returns whether they are in the wallet; a declined card or a slow payment system: false. */
  async charge(amount: number, paymentMethod: string): Promise<boolean> {
    const body = { amount, paymentMethod };
    const path = '/v1/wallet/charges';
    const charge = await this.send({ method: 'POST', path, reply: chargeSchema, body, isOnce: true });
    if (charge.kind === 'refused') return false;
    let { status } = charge.body;
    for (let look = 0; status !== 'credited' && status !== 'declined' && look < maxChargeLooks; look++) {
      await this.api.pause(chargePollMs);
      const reply = z.object({ status: z.string() });
      const now = await this.send({ method: 'GET', path: `${path}/${charge.body.chargeId}`, reply });
      if (now.kind === 'ok') status = now.body.status;
    }
    if (status !== 'credited') return false;
    this.tally.pointsCharged += amount;
    return true;
  }

  async #logIn(): Promise<boolean> {
    const { loginId, password } = this;
    const path = '/v1/auth/login';
    const reply = await this.api.send({
      method: 'POST',
      path,
      reply: sessionSchema,
      body: { loginId, password },
    });
    if (reply.kind === 'refused') return false;
    const { accessToken: token, accessTokenExpiresAt } = reply.body;
    this.#session = { token, endsAtMs: Date.parse(accessTokenExpiresAt) };
    return true;
  }
}

type Hold = z.infer<typeof holdSchema>;

interface Hunter {
  readonly api: ApiClient;
  readonly plan: FanPlan;
  readonly random: Random;
  readonly schedules: Performance['schedules'];
  /** Sends a request with the fan's place in the queue. */
  readonly send: <T>(request: ApiRequest<T>) => Promise<ApiReply<T>>;
}

/** Attempts at chosen seats before a fan takes any, and attempts at any before giving up on a date. */
const namedTries = 6;
const bestTries = 4;

/** Holds seats as planned, starting with the preferred date; undefined when nothing is left. */
async function huntSeats(hunter: Hunter): Promise<Hold | undefined> {
  const { schedules, plan } = hunter;
  for (let n = 0; n < schedules.length; n++) {
    const date = schedules[(plan.firstDate + n) % schedules.length];
    const hold = date && (await huntAt(hunter, date.scheduleId));
    if (hold) return hold;
  }
  return undefined;
}

async function huntAt(hunter: Hunter, scheduleId: string): Promise<Hold | undefined> {
  let { tickets } = hunter.plan;
  const named = hunter.plan.way === 'named seats' ? namedTries : 0;
  for (let attempt = 0; attempt < named + bestTries && tickets > 0; attempt++) {
    const seatIds = attempt < named ? await look(hunter, scheduleId, tickets) : undefined;
    const body = seatIds ? { seatIds } : { bestAvailable: { quantity: tickets } };
    const path = `/v1/schedules/${scheduleId}/holds`;
    const held = await hunter.send({ method: 'POST', path, reply: holdSchema, body, isOnce: true });
    if (held.kind === 'ok') return held.body;
    // Fewer are left together: try fewer.
    if (held.code === 'no-seats-available') tickets--;
    else if (!['seat-held', 'already-held', 'seat-reserved', 'busy'].includes(held.code)) return undefined;
  }
  return undefined;
}

async function look(
  { api, random }: Hunter,
  scheduleId: string,
  tickets: number,
): Promise<string[] | undefined> {
  const path = `/v1/schedules/${scheduleId}/seats`;
  const map = await api.send({ method: 'GET', path, reply: seatMapSchema });
  return map.kind === 'ok' ? chooseSeats(map.body, tickets, random) : undefined;
}

/** Groups of seats a fan chooses from: the fewer, the more fans want the same seats. */
const shortlist = 12;

/**
 * Adjacent free seats, which are no wheelchair or companion places: a random one of the groups nearest to the focus; undefined when no row has that many free
 * together.
 */
export function chooseSeats(map: SeatMap, quantity: number, random: Random): string[] | undefined {
  const groups: { readonly seatIds: string[]; readonly distance: number }[] = [];
  const focus = map.focus ?? { x: 0, y: 0 };
  for (const { rows } of map.sections) {
    for (const { seats } of rows) {
      for (let first = 0; first + quantity <= seats.length; first++) {
        const group = seats.slice(first, first + quantity);
        if (group.some((seat) => seat.status !== 'free' || seat.wheelchair || seat.companionOf)) continue;
        const distance = group.reduce((sum, seat) => sum + Math.hypot(seat.x - focus.x, seat.y - focus.y), 0);
        groups.push({ seatIds: group.map((seat) => seat.seatId), distance });
      }
    }
  }
  groups.sort((a, b) => a.distance - b.distance);
  return groups[random.below(Math.min(shortlist, groups.length))]?.seatIds;
}
