import { type ChargeState, chargeDecider } from '../../src/domain/charge.js';
import type { Decider } from '../../src/domain/decider.js';
import { type OrderState, orderDecider, remainingItems } from '../../src/domain/order.js';
import { type SeatState, seatDecider } from '../../src/domain/seat.js';
import { type TokenState, tokenDecider } from '../../src/domain/token.js';
import { type WalletState, walletDecider } from '../../src/domain/wallet.js';
import { type EventStore, maxReadCount, type RecordedEvent } from '../../src/event-store/port.js';
import { type OrderId, type UserId, userIdSchema } from '../../src/events/ids.js';
import { type DomainEvent, verifyEvent } from '../../src/events/registry.js';

/** The state of every stream of the categories that money and seats go through, by stream name. */
export interface Books {
  readonly seats: ReadonlyMap<string, SeatState>;
  readonly tokens: ReadonlyMap<string, TokenState>;
  readonly orders: ReadonlyMap<string, OrderState>;
  readonly wallets: ReadonlyMap<string, WalletState>;
  readonly charges: ReadonlyMap<string, ChargeState>;
}

/** Everything in the log. */
export async function wholeLog(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const last = events.at(-1);
    const page = await store.readAll(last ? { from: last.position } : {});
    events.push(...page.filter((event) => !last || event.position > last.position));
    if (page.length < maxReadCount) return events;
  }
}

/** Folds the whole log, checking every event against its schema on the way. */
export async function readBooks(store: EventStore): Promise<Books> {
  const log = await wholeLog(store);
  return {
    seats: foldCategory(log, 'seat', seatDecider),
    tokens: foldCategory(log, 'token', tokenDecider),
    orders: foldCategory(log, 'order', orderDecider),
    wallets: foldCategory(log, 'wallet', walletDecider),
    charges: foldCategory(log, 'charge', chargeDecider),
  };
}

/**
 * Every contradiction in the log, as sentences; none when money and seats agree. Expects that no command is
 * under way: every order has ended, and whatever a hold has of seats its token knows of.
 */
export async function contradictions(store: EventStore): Promise<string[]> {
  const books = await readBooks(store);
  return [...openOrders(books), ...wrongSeats(books), ...wrongMoney(books), ...wrongLimits(books)];
}

/** The ids of all seats that some hold has, lapsed or not, in the order they were first held. */
export async function heldSeats(store: EventStore): Promise<string[]> {
  const { seats } = await readBooks(store);
  return [...seats].flatMap(([stream, { kind }]) =>
    kind === 'held' ? [stream.split('.')[1] ?? stream] : [],
  );
}

function foldCategory<State, Event extends DomainEvent>(
  log: readonly RecordedEvent[],
  category: string,
  { initialState, evolve }: Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>,
): Map<string, State> {
  const states = new Map<string, State>();
  for (const recorded of log) {
    if (!recorded.stream.startsWith(`${category}-`)) continue;
    const event = verifyEvent(recorded) as Event; // a category holds only its own decider's events
    states.set(recorded.stream, evolve(states.get(recorded.stream) ?? initialState, event));
  }
  return states;
}

function openOrders({ orders }: Books): string[] {
  return [...orders]
    .filter(([, { kind }]) => kind !== 'paid' && kind !== 'closed')
    .map(([stream, { kind }]) => `${stream} is left ${kind}`);
}

/** Reserved ⇔ item of exactly one paid order, at the hold and price recorded. */
function wrongSeats({ seats, orders }: Books): string[] {
  const owners = new Map<string, OrderId[]>();
  for (const order of orders.values()) {
    if (order.kind !== 'paid') continue;
    for (const { scheduleId, seatId } of remainingItems(order)) {
      const stream = `seat-${scheduleId}.${seatId}`;
      owners.set(stream, [...(owners.get(stream) ?? []), order.orderId]);
    }
  }
  const problems: string[] = [];
  for (const stream of new Set([...seats.keys(), ...owners.keys()])) {
    const state = seats.get(stream);
    const reservedBy = state?.kind === 'reserved' ? [state.orderId] : [];
    const paidBy = owners.get(stream) ?? [];
    if (String(reservedBy) !== String(paidBy)) {
      problems.push(`${stream} is reserved by [${reservedBy}] and paid by [${paidBy}]`);
    }
  }
  return problems;
}

/** Points given back so far. */
function refundedPoints(state: Exclude<OrderState, { kind: 'none' | 'placed' }>): number {
  const done = state.refunds.filter((refund) => refund.isDone);
  const ofItems = done.reduce((sum, { amount }) => sum + amount, 0);
  return state.kind === 'closed' ? ofItems + state.refunded : ofItems;
}

/** Charged = spent − refunded + balance in each wallet; each order took its total or gave it back. */
function wrongMoney({ wallets, orders, charges }: Books): string[] {
  const problems: string[] = [];
  const charged = new Map<UserId, number>();
  for (const charge of charges.values()) {
    if (charge.kind === 'approved')
      charged.set(charge.userId, (charged.get(charge.userId) ?? 0) + charge.amount);
  }
  for (const [stream, wallet] of wallets) {
    const userId = userIdSchema.parse(stream.slice('wallet-'.length));
    const spent = [...wallet.orders.values()].reduce((sum, o) => sum + o.spent - o.refunded, 0);
    const expected = (charged.get(userId) ?? 0) - spent;
    if (wallet.balance !== expected || wallet.balance < 0) {
      problems.push(`${stream} has ${wallet.balance} points and should have ${expected}`);
    }
  }
  for (const [stream, order] of orders) {
    if (order.kind === 'none') continue;
    const taken = wallets.get(`wallet-${order.userId}`)?.orders.get(order.orderId);
    const kept = taken ? taken.spent - taken.refunded : 0;
    const due = order.kind === 'paid' ? order.total - refundedPoints(order) : 0;
    if (kept !== due) problems.push(`${stream} is ${order.kind} and keeps ${kept} points`);
  }
  return problems;
}

/** A seat's holder is always counted by the token, and the token counts no seat it has lost. */
function wrongLimits({ seats, tokens }: Books): string[] {
  const problems: string[] = [];
  const known = new Set<string>();
  for (const [stream, token] of tokens) {
    if (token.kind === 'none') continue;
    let count = 0;
    for (const [holdId, hold] of token.holds) {
      for (const seatId of hold.outstanding) {
        count++;
        const seat = `seat-${hold.scheduleId}.${seatId}`;
        const state = seats.get(seat);
        known.add(`${seat} ${holdId}`);
        const isTheirs = state !== undefined && state.kind !== 'free' && state.holdId === holdId;
        if (!isTheirs) problems.push(`${stream} counts ${seat}, which is ${state?.kind ?? 'untouched'}`);
      }
    }
    if (count > token.seatLimit) problems.push(`${stream} has ${count} seats of ${token.seatLimit}`);
  }
  for (const [seat, state] of seats) {
    if (state.kind !== 'free' && !known.has(`${seat} ${state.holdId}`)) {
      problems.push(`${seat} is ${state.kind} by hold ${state.holdId}, which no token counts`);
    }
  }
  return problems;
}
