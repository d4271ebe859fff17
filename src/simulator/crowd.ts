import type { Command } from '@nestjs/cqrs';
import { RegisterUser } from '../commands/account/account.js';
import { Login, RefreshSession } from '../commands/account/sessions.js';
import type { CommandContext } from '../commands/command-context.js';
import { CancelOrder } from '../commands/orders/cancel-order.js';
import type { CheckoutResult } from '../commands/orders/checkout-process.js';
import { Pay } from '../commands/orders/pay.js';
import { EnterService, LeaveQueue } from '../commands/queue/enter-and-leave.js';
import { IssueToken } from '../commands/queue/issue-token.js';
import type { QueueToken } from '../commands/queue/queue-admission.js';
import { ReleaseHold } from '../commands/seats/end-hold.js';
import { HoldSeats, type HoldSeatsInput } from '../commands/seats/hold-seats.js';
import { ChargePoints } from '../commands/wallet/charge-points.js';
import type { HoldId, UserId } from '../events/ids.js';
import type { Clock } from '../platform/clock.js';
import { Client } from './client.js';
import { DatePromises } from './date-promises.js';
import type { Office } from './office.js';
import { Operator } from './operator.js';
import { Organiser } from './organiser.js';
import { FanPromises, type KeptPromises } from './promises.js';
import type { Random } from './random.js';
import { RefundPromises } from './refund-promises.js';
import { drawSale, type PerformanceOnSale, pickDate, type Sale } from './sale.js';
import { declinedCard } from './simulated-payments.js';
import type { World } from './world.js';

/** The clients: an organiser, an operator, and more fans than seats. */
export class Crowd {
  readonly #organiser: Organiser;
  readonly #operator: Operator;
  readonly #fans: Fan[];
  readonly #thief: Thief | undefined;
  readonly #chance: Random;

  constructor(
    private readonly world: World,
    office: Office,
    promises: KeptPromises,
  ) {
    this.#chance = world.random('crowd');
    const client = new Client(world, office);
    const sale = drawSale(world.random('sale'), world.scheduler.nowMs, world.random('unpaid rules'));
    const dates = new DatePromises(promises);
    const refunds = new RefundPromises(promises, world);
    const fanPromises = { fan: new FanPromises(promises), dates, refunds };
    this.#organiser = new Organiser(world, client, sale, dates);
    this.#operator = new Operator(world, client, office, sale, refunds);
    const names = Array.from({ length: this.#chance.between(3, 8) }, (_, index) => `fan-${index}`);
    this.#fans = names.map((name, index) => {
      // All fans but the first may also try to register the second fan's login id.
      const loginIds = index === 0 ? [name] : [name, names[1] ?? name];
      const mostCharged = this.#chance.chance(0.5) ? 6 : 2;
      const chance = world.random(`fan ${index}`);
      return new Fan(name, loginIds, mostCharged, 'buys', sale, client, fanPromises, world.clock, chance);
    });
    const others = world.random('griefers and thieves');
    for (let index = 0; index < (others.pick([0, 0, 1, 3]) ?? 0); index++) {
      const name = `griefer-${index}`;
      const chance = world.random(name);
      this.#fans.push(new Fan(name, [name], 0, 'griefs', sale, client, fanPromises, world.clock, chance));
    }
    this.#thief = others.chance(0.5)
      ? new Thief(world, this.#fans, sale, client, fanPromises, world.random('thief'))
      : undefined;
  }

  /** The organiser publishes the sale, before anything else happens. */
  publish(): Promise<void> {
    return this.#organiser.publish();
  }

  /** One step: a client starts an action, which may take a while. */
  act(): void {
    const share = this.#chance.next();
    const acting =
      share < 0.025
        ? this.#organiser.act()
        : share < 0.05
          ? this.#operator.act()
          : share < 0.1 && this.#thief
            ? this.#thief.act()
            : this.#chance.pick(this.#fans)?.act();
    acting?.catch((error: unknown) => {
      this.world.find('unexpected-error', error instanceof Error ? `${error.stack}` : String(error));
    });
  }
}

const password = 'a password';

interface ClientPromises {
  readonly fan: FanPromises;
  readonly dates: DatePromises;
  readonly refunds: RefundPromises;
}

/** One fan: acts on the replies it got, mostly sensibly, sometimes not. */
class Fan {
  #userId: UserId | undefined;
  #refreshToken: string | undefined;
  #performance: PerformanceOnSale | undefined;
  #queueToken: QueueToken | undefined;
  #hasEntered = false;
  #refusals = 0;
  readonly #holds = new Set<HoldId>();
  readonly #orders: CheckoutResult['order'][] = [];

  /**
   * @param loginIds names to register with; another fan may want the same one.
   * @param mostCharged at once, in lots of 75 points: a seat costs about 100.
   * @param conduct `griefs`: holds whatever it can, never pays, and queues again as soon as the turn is over.
   */
  constructor(
    private readonly name: string,
    private readonly loginIds: readonly string[],
    private readonly mostCharged: number,
    private readonly conduct: 'buys' | 'griefs',
    private readonly sale: Sale,
    private readonly client: Client,
    private readonly promises: ClientPromises,
    private readonly clock: Clock,
    private readonly chance: Random,
  ) {}

  /** Takes one action. Its state changes when the reply arrives. */
  async act(): Promise<void> {
    const { chance } = this;
    const userId = this.#userId;
    if (!userId) return this.#register();
    if (this.conduct === 'griefs') return this.#grief(userId);
    if (chance.chance(0.04)) return this.#logIn();
    if (chance.chance(0.1)) return this.#look();
    if (chance.chance(0.12)) return this.#charge(userId);
    if (this.#orders.length > 0 && chance.chance(0.08)) return this.#cancel(userId);
    const queueToken = this.#queueToken;
    if (!queueToken || chance.chance(0.03)) return this.#join(userId);
    if (chance.chance(0.02)) return this.#leave(queueToken);
    if (!this.#hasEntered && chance.chance(0.7)) return this.#enter(queueToken);
    const share = chance.next();
    if (this.#holds.size > 0 && share < 0.4) return this.#pay(queueToken);
    if (this.#holds.size > 0 && share < 0.5) return this.#release(queueToken);
    return this.#hold(queueToken);
  }

  /** What a thief may copy. */
  get queueToken(): QueueToken | undefined {
    return this.#queueToken;
  }

  /** Takes seats from others, and does not pay for them. */
  #grief(userId: UserId): Promise<void> {
    const queueToken = this.#queueToken;
    if (!queueToken) return this.#join(userId);
    if (!this.#hasEntered) return this.#enter(queueToken);
    if (this.#holds.size > 0 && this.chance.chance(0.15)) return this.#release(queueToken);
    return this.#hold(queueToken);
  }

  async #register(): Promise<void> {
    // A fan whose login id is taken tries another one.
    const wanted = this.chance.pick(this.loginIds) ?? this.name;
    const loginId = this.#refusals === 0 ? wanted : `${this.name}.${this.#refusals}`;
    const input = { loginId, username: this.name, name: this.name, password };
    const command = new RegisterUser(input, this.client.context({ kind: 'anonymous' }));
    const reply = await this.client.send(`${this.name} registers as ${loginId}`, command);
    if (reply.kind === 'refused') this.#refusals++;
    if (reply.kind !== 'done') return;
    this.#userId = reply.result.userId;
    this.promises.fan.registered(reply.result);
  }

  async #logIn(): Promise<void> {
    const context = this.client.context({ kind: 'anonymous' });
    const token = this.#refreshToken;
    if (token !== undefined && this.chance.chance(0.6)) {
      const reply = await this.client.send(`${this.name} refreshes`, new RefreshSession(token, context));
      this.#refreshToken = reply.kind === 'done' ? reply.result.refresh.value : undefined;
      return;
    }
    const loginId = this.chance.pick(this.loginIds) ?? this.name;
    const reply = await this.client.send(`${this.name} logs in`, new Login({ loginId, password }, context));
    if (reply.kind === 'done') this.#refreshToken = reply.result.refresh.value;
  }

  #look(): Promise<void> {
    const performance = this.#performance ?? this.chance.pick(this.sale.performances);
    if (!performance) return Promise.resolve();
    const { performanceId } = performance;
    const isOwn = this.#queueToken?.performanceId === performanceId;
    return this.client.look({
      scheduleId: pickDate(performance, this.chance),
      performanceId,
      tokenId: isOwn ? this.#queueToken?.tokenId : undefined,
    });
  }

  async #charge(userId: UserId): Promise<void> {
    const amount = this.chance.between(1, this.mostCharged) * 75;
    const paymentMethod = this.chance.chance(0.15) ? declinedCard : 'card-approve';
    const context = this.#context(userId);
    const command = new ChargePoints(userId, { amount, paymentMethod }, context);
    const reply = await this.client.send(`${this.name} charges ${amount}`, command);
    this.promises.fan.charged(userId, amount, context, reply);
  }

  async #join(userId: UserId): Promise<void> {
    const performance = this.chance.pick(this.sale.performances);
    if (!performance) return;
    const { performanceId, seatLimit } = performance;
    const tickets = this.chance.between(1, seatLimit);
    const command = new IssueToken(userId, performanceId, tickets, this.#context(userId));
    const reply = await this.client.send(`${this.name} joins the queue`, command);
    if (reply.kind !== 'done') return;
    const { tokenId, number } = reply.result;
    this.promises.fan.queued(performanceId, tokenId, number);
    if (this.#queueToken?.tokenId === tokenId) return;
    this.#performance = performance;
    this.#queueToken = { userId, performanceId, tokenId, number };
    this.#hasEntered = false;
    this.#holds.clear();
  }

  async #enter(queueToken: QueueToken): Promise<void> {
    const command = new EnterService(queueToken, this.#context(queueToken.userId));
    const reply = await this.client.send(`${this.name} enters`, command);
    if (reply.kind === 'done') {
      this.#hasEntered = true;
      this.promises.fan.entered(queueToken.tokenId);
    } else if (reply.kind === 'refused') {
      this.#forgetIfEnded(queueToken, reply.code);
    }
  }

  async #hold(queueToken: QueueToken): Promise<void> {
    const scheduleId = this.#performance && pickDate(this.#performance, this.chance);
    if (!scheduleId) return;
    const context = this.#context(queueToken.userId);
    const input = this.#wantedSeats();
    this.promises.dates.holds(context, scheduleId, this.clock.nowMs());
    const command = new HoldSeats(queueToken, scheduleId, input, context);
    const reply = await this.client.send(`${this.name} holds ${JSON.stringify(input)}`, command);
    if (reply.kind === 'done') {
      this.#holds.add(reply.result.holdId);
      this.promises.fan.held(queueToken, reply.result);
    } else if (reply.kind === 'refused') {
      if (reply.isCertain && 'seatIds' in input)
        this.promises.fan.notHeld(scheduleId, input.seatIds, context);
      this.#forgetIfEnded(queueToken, reply.code);
    }
  }

  #wantedSeats(): HoldSeatsInput {
    const { chance } = this;
    const quantity = chance.between(1, 3);
    if (chance.chance(0.3)) return { bestAvailable: { quantity } };
    const first = chance.below(this.sale.seatIds.length);
    const seatIds = this.sale.seatIds.slice(first, first + quantity);
    return { seatIds: chance.chance(0.5) ? seatIds : seatIds.reverse() };
  }

  async #release(queueToken: QueueToken): Promise<void> {
    const holdId = this.chance.pick([...this.#holds]);
    if (!holdId) return;
    this.#holds.delete(holdId);
    const command = new ReleaseHold(queueToken, holdId, this.#context(queueToken.userId));
    const reply = await this.client.send(`${this.name} releases`, command);
    if (reply.kind === 'done') this.promises.fan.released(queueToken.tokenId, holdId);
  }

  async #pay(queueToken: QueueToken): Promise<void> {
    const holds = [...this.#holds];
    if (holds.length > 1 && this.chance.chance(0.5)) {
      // Concurrently, as from several windows: the wallet may have enough for one hold only.
      await Promise.all(holds.map((holdId) => this.#payFor(queueToken, [holdId])));
      return;
    }
    const some = this.chance.chance(0.2) ? this.chance.pick(holds) : undefined;
    await this.#payFor(queueToken, some && [some]);
  }

  /** @param holdIds undefined: all holds. */
  async #payFor(queueToken: QueueToken, holdIds: readonly HoldId[] | undefined): Promise<void> {
    const context = this.#context(queueToken.userId);
    const command = new Pay(queueToken, holdIds ? { holdIds: [...holdIds] } : {}, context);
    this.promises.dates.pays(context);
    const reply = await this.client.send(`${this.name} pays`, command);
    if (reply.kind === 'done') {
      const { order } = reply.result;
      this.#orders.push(order);
      this.promises.fan.paid(queueToken.userId, order);
      this.promises.refunds.paid(order);
      if (this.#queueToken === queueToken) this.#queueToken = undefined;
    } else if (reply.kind === 'refused') {
      if (this.chance.chance(0.5)) this.#holds.clear();
      this.#forgetIfEnded(queueToken, reply.code);
    }
  }

  /** Gives an order back, or some of its seats. */
  async #cancel(userId: UserId): Promise<void> {
    const order = this.chance.pick(this.#orders);
    if (!order) return;
    const { orderId } = order;
    const some = this.chance.chance(0.7) ? this.chance.pickSome(order.items) : undefined;
    const items = some ?? order.items;
    const context = this.#context(userId);
    const sentAtMs = this.clock.nowMs();
    this.promises.refunds.asks(orderId, items);
    this.promises.refunds.byFan(orderId, context, sentAtMs);
    const names = some?.map(({ scheduleId, seatId }) => ({ scheduleId, seatId }));
    const command = new CancelOrder(userId, orderId, names, context);
    const reply = await this.client.send(`${this.name} gives back ${items.length} seats`, command);
    if (reply.kind === 'done') {
      this.promises.refunds.givenBack(userId, order, items);
    } else if (reply.kind === 'refused' && reply.details?.until !== undefined) {
      this.promises.refunds.refusedAsLate(orderId, items, sentAtMs, this.clock.nowMs());
    }
  }

  async #leave(queueToken: QueueToken): Promise<void> {
    const command = new LeaveQueue(queueToken, this.#context(queueToken.userId));
    const reply = await this.client.send(`${this.name} leaves`, command);
    if (reply.kind !== 'done') return;
    this.promises.fan.left(queueToken.tokenId);
    if (this.#queueToken === queueToken) this.#queueToken = undefined;
  }

  /** A fan whose turn has ended queues again later. */
  #forgetIfEnded(queueToken: QueueToken, code: string): void {
    if (code === 'token-ended' && this.#queueToken === queueToken && this.chance.chance(0.7))
      this.#queueToken = undefined;
  }

  #context(userId: UserId) {
    return this.client.context({ kind: 'user', userId });
  }
}

/** Has copies of other fans' tokens, old ones too, and does with them what the fan could. */
class Thief {
  readonly #stolen: QueueToken[] = [];

  constructor(
    private readonly world: World,
    private readonly victims: readonly Fan[],
    private readonly sale: Sale,
    private readonly client: Client,
    private readonly promises: ClientPromises,
    private readonly chance: Random,
  ) {}

  async act(): Promise<void> {
    const { chance } = this;
    const seen = chance.pick(this.victims)?.queueToken;
    if (seen && !this.#stolen.some(({ tokenId }) => tokenId === seen.tokenId)) this.#stolen.push(seen);
    const token = chance.pick(this.#stolen);
    if (!token) return;
    this.world.saw('token used by a thief');
    const share = chance.next();
    if (share < 0.2) return this.#send('enters', token, (context) => new EnterService(token, context));
    if (share < 0.3) return this.#send('leaves', token, (context) => new LeaveQueue(token, context));
    if (share < 0.4) return this.#pay(token);
    return this.#hold(token);
  }

  /** With the victim's points, for the victim. */
  async #pay(token: QueueToken): Promise<void> {
    const context = this.#context(token);
    this.promises.dates.pays(context);
    const reply = await this.client.send('a thief pays', new Pay(token, {}, context));
    if (reply.kind !== 'done') return;
    this.promises.fan.paid(token.userId, reply.result.order);
    this.promises.refunds.paid(reply.result.order);
  }

  async #hold(token: QueueToken): Promise<void> {
    const performance = this.sale.performances.find(
      ({ performanceId }) => performanceId === token.performanceId,
    );
    const scheduleId = performance && pickDate(performance, this.chance);
    const seatId = this.chance.pick(this.sale.seatIds);
    if (!scheduleId || !seatId) return;
    const context = this.#context(token);
    this.promises.dates.holds(context, scheduleId, this.world.clock.nowMs());
    const command = new HoldSeats(token, scheduleId, { seatIds: [seatId] }, context);
    const reply = await this.client.send('a thief holds', command);
    if (reply.kind === 'done') this.promises.fan.held(token, reply.result);
  }

  async #send<Result>(
    what: string,
    token: QueueToken,
    command: (context: CommandContext) => Command<Result>,
  ): Promise<void> {
    await this.client.send(`a thief ${what}`, command(this.#context(token)));
  }

  #context({ userId }: QueueToken): CommandContext {
    return this.client.context({ kind: 'user', userId });
  }
}
