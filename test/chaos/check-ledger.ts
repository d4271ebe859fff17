import type { Ledger } from './ledger.js';
import type { HoldFacts, LogFacts, OrderFacts } from './log-facts.js';

/** Every acknowledgement is in the log, once, and nothing is in the log that nobody was told of. */
export function checkLedger(ledger: Ledger, facts: LogFacts): string[] {
  return [
    ...ledger.defects,
    ...checkCharges(ledger, facts),
    ...checkTokens(ledger, facts),
    ...checkHolds(ledger, facts),
    ...checkOrders(ledger, facts),
    ...checkBalances(ledger, facts),
  ];
}

function checkCharges(ledger: Ledger, facts: LogFacts): string[] {
  const findings: string[] = [];
  const told = new Set(ledger.of('charged').map(({ chargeId }) => chargeId));
  const silent = unknownUsers(ledger);
  for (const { chargeId, amount, userId } of ledger.of('charged')) {
    const charge = facts.charges.get(chargeId);
    if (charge?.approved === 1 && charge.credited.length === 1 && charge.credited[0] === amount) continue;
    findings.push(`charge ${chargeId} of ${amount} was told to ${userId}; the log has ${show(charge)}`);
  }
  for (const [chargeId, charge] of facts.charges) {
    if (told.has(chargeId) || charge.credited.length === 0 || silent.mayHave(charge.userId)) continue;
    findings.push(`charge ${chargeId} was credited to ${charge.userId}, who was never told`);
  }
  return findings;
}

function checkTokens(ledger: Ledger, facts: LogFacts): string[] {
  return ledger
    .of('token')
    .filter(({ tokenId, number }) => facts.tokens.get(tokenId) !== number)
    .map(({ tokenId, number, userId }) => {
      return `token ${tokenId} with number ${number} was told to ${userId}; the log has ${facts.tokens.get(tokenId)}`;
    });
}

function checkHolds(ledger: Ledger, facts: LogFacts): string[] {
  const findings: string[] = [];
  const told = new Set<string>();
  for (const held of ledger.of('held')) {
    told.add(held.holdId);
    const hold = facts.holds.get(held.holdId);
    const isWhole = hold && isSameSet([...hold.seats.keys()], held.seatIds);
    const hasDeadline = hold?.expiresAtMs === Date.parse(held.expiresAt);
    if (isWhole && hasDeadline) continue;
    findings.push(`hold ${held.holdId} of ${held.seatIds} was told; the log has ${show(hold)}`);
  }
  const released = new Set(ledger.of('released').map(({ holdId }) => holdId));
  // Whose answer came when the hold was over.
  const late = new Set(
    ledger.of('refused').flatMap(({ code, userId }) => (code === 'hold-ended' ? userId : [])),
  );
  const silent = unknownUsers(ledger);
  for (const [holdId, hold] of facts.holds) {
    const isConflict = [...hold.seats.values()].every((ends) => ends[0]?.end === 'conflict');
    const isKnown = told.has(holdId) || isConflict || late.has(hold.userId) || silent.mayHave(hold.userId);
    findings.push(...endsOf(ledger, holdId, hold, released.has(holdId)));
    if (!isKnown) findings.push(`hold ${holdId} is in the log; ${hold.userId} was never told`);
  }
  return findings;
}

function endsOf(ledger: Ledger, holdId: string, hold: HoldFacts, wasReleased: boolean): string[] {
  const findings: string[] = [];
  for (const [seatId, ends] of hold.seats) {
    if (ends.length > 1) findings.push(`hold ${holdId} of ${seatId} ended twice: ${show(ends)}`);
    const [end] = ends;
    if (end?.end === 'expired' && end.atMs < hold.expiresAtMs - ledger.clockShiftAt(end.atMs)) {
      findings.push(`hold ${holdId} of ${seatId} expired ${hold.expiresAtMs - end.atMs} ms early`);
    }
    if (wasReleased && end?.end === 'reserved') {
      findings.push(`hold ${holdId} was released, ${seatId} was sold by it all the same`);
    }
  }
  return findings;
}

function checkOrders(ledger: Ledger, facts: LogFacts): string[] {
  const findings: string[] = [];
  const told = new Set<string>();
  const refunded = new Set(ledger.of('refunded').map(({ orderId }) => orderId));
  const silent = unknownUsers(ledger);
  for (const paid of ledger.of('paid')) {
    told.add(paid.orderId);
    const order = facts.orders.get(paid.orderId);
    const isRight =
      order !== undefined &&
      order.total === paid.amount &&
      isSameSet(order.seatIds, paid.seatIds) &&
      isPaidOnce(order) &&
      (refunded.has(paid.orderId) ? isUndoneOnce(order) : isKept(order) || silent.mayHave(paid.userId));
    if (isRight) continue;
    const what = refunded.has(paid.orderId) ? 'paid, then refunded' : 'paid';
    findings.push(`order ${paid.orderId} of ${paid.seatIds} was told as ${what}; the log has ${show(order)}`);
  }
  for (const [orderId, order] of facts.orders) {
    if (told.has(orderId) || order.paid === 0 || silent.mayHave(order.userId)) continue;
    findings.push(`order ${orderId} was paid by ${order.userId}, who was never told`);
  }
  return findings;
}

function isPaidOnce(order: OrderFacts): boolean {
  const isSpentOnce = order.spent.length === 1 && order.spent[0] === order.total;
  return order.paid === 1 && order.failed === 0 && isSpentOnce && isSameSet(order.reserved, order.seatIds);
}

function isKept(order: OrderFacts): boolean {
  return order.cancelled === 0 && order.refunded === 0 && order.freed.length === 0;
}

function isUndoneOnce(order: OrderFacts): boolean {
  const isGivenBackOnce = order.givenBack.length === 1 && order.givenBack[0] === order.total;
  const isClosed = order.cancelled === 1 && order.refunded === 1;
  return isClosed && isGivenBackOnce && isSameSet(order.freed, order.seatIds);
}

function checkBalances(ledger: Ledger, facts: LogFacts): string[] {
  const silent = unknownUsers(ledger);
  return [...receiptBalances(ledger)]
    .filter(([userId, balance]) => !silent.mayHave(userId) && facts.balances.get(userId) !== balance)
    .map(([userId, balance]) => {
      return `wallet ${userId} has ${facts.balances.get(userId)} points in the log, ${balance} by the receipts`;
    });
}

/** What each fan's receipts leave in the wallet. */
export function receiptBalances(ledger: Ledger): Map<string, number> {
  const balances = new Map<string, number>();
  const add = (userId: string, amount: number) => balances.set(userId, (balances.get(userId) ?? 0) + amount);
  for (const { userId, amount } of ledger.of('charged')) add(userId, amount);
  const amounts = new Map<string, number>();
  for (const { userId, orderId, amount } of ledger.of('paid')) {
    add(userId, -amount);
    amounts.set(orderId, amount);
  }
  for (const { userId, orderId } of ledger.of('refunded')) add(userId, amounts.get(orderId) ?? 0);
  return balances;
}

/** Fans who got no answer at all: what they asked for may or may not be there. */
export function unknownUsers(ledger: Ledger) {
  const users = new Set(ledger.of('unknown').map(({ userId }) => userId));
  return { hasAny: users.size > 0, mayHave: (userId: string) => users.has(userId) };
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return [...one].sort().join() === [...other].sort().join();
}

function show(facts: unknown): string {
  const withLists = (_: string, value: unknown) => (value instanceof Map ? [...value] : value);
  return facts === undefined ? 'nothing' : JSON.stringify(facts, withLists);
}
