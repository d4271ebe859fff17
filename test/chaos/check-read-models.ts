import { call, times } from '../e2e/fan.js';
import type { SmallHall } from '../e2e/small-hall.js';
import type { ChaosOffice } from './chaos-office.js';
import type { LedgerFan } from './ledger-fan.js';
import type { LogFacts } from './log-facts.js';

const fansAtOnce = 8;

/** Whether the tables show of a hall what the log says, and no hold. */
export async function hallAgrees(office: ChaosOffice, hall: SmallHall, facts: LogFacts): Promise<boolean> {
  const headers = { 'x-wait-for-position': String(facts.lastPosition) };
  const path = `/v1/schedules/${hall.scheduleId}/availability`;
  const { status, body } = await call(office.url, 'GET', path, { headers });
  const reserved = facts.sold.get(hall.scheduleId)?.size ?? 0;
  return status === 200 && body.held === 0 && body.reserved === reserved;
}

/** What the tables show each fan, against the log. */
export async function checkReadModels(
  office: ChaosOffice,
  hall: SmallHall,
  fans: readonly LedgerFan[],
  facts: LogFacts,
): Promise<string[]> {
  const known = fans.filter(({ userId }) => userId !== '');
  const findings = await times(known.length, fansAtOnce, async (index) => {
    const fan = known[index];
    return fan ? checkFan(fan, facts) : [];
  });
  const agrees = await hallAgrees(office, hall, facts);
  return [
    ...findings.flat(),
    ...(agrees ? [] : [`the tables show other seats of ${hall.scheduleId} than the log`]),
  ];
}

async function checkFan(fan: LedgerFan, facts: LogFacts): Promise<string[]> {
  const { userId } = fan;
  const findings = fan.serverErrors.map((error) => `fan ${userId} saw a server error: ${error}`);
  const expect = (what: string, shown: unknown, logged: unknown) => {
    const [left, right] = [JSON.stringify(shown), JSON.stringify(logged)];
    if (left !== right) findings.push(`the tables show ${what} of ${userId} as ${left}, the log as ${right}`);
  };
  const wallet = await fan.shown('/v1/wallet', facts.lastPosition);
  expect('the balance', wallet.body.balance, facts.balances.get(userId));
  expect('the holds', await fan.list('/v1/holds', facts.lastPosition), []);
  const orders = (await fan.list('/v1/orders', facts.lastPosition)) as ShownOrder[]; // the API's own replies
  expect('the orders', orders.map(shownOrder).sort(), loggedOrders(userId, facts));
  return findings;
}

interface ShownOrder {
  readonly orderId: string;
  readonly orderStatus: string;
  readonly items: readonly { readonly seatId: string }[];
}

function shownOrder({ orderId, orderStatus, items }: ShownOrder): string {
  return `${orderId} ${orderStatus} ${items.map(({ seatId }) => seatId).sort()}`;
}

function loggedOrders(userId: string, facts: LogFacts): string[] {
  return [...facts.orders]
    .filter(([, order]) => order.userId === userId)
    .map(([orderId, order]) => {
      const undone = order.failed > 0 ? 'failed' : 'refunded';
      return `${orderId} ${order.refunded > 0 ? undone : 'paid'} ${[...order.seatIds].sort()}`;
    })
    .sort();
}
