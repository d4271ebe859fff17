import type { AuditReport } from '../../../src/analysis/audit/checks.js';
import { eventually } from '../../services/wait-until.js';
import type { ClusterOffice } from '../cluster-office.js';
import { call, times } from '../fan.js';
import type { Crowd } from './crowd.js';
import { type AcknowledgedOrder, type PatientFan, stormLimitMs } from './patient-fan.js';

const auditEveryMs = 500;
const seatPrice = 100;

/** Waits until nothing is left to do, then compares the log, the read models and the fans' receipts. */
export async function expectAgreement(office: ClusterOffice, crowds: readonly Crowd[]): Promise<void> {
  let audit = await auditOf(office);
  const isSettled = async () => {
    audit = await auditOf(office);
    return audit.openOrders.count === 0 && audit.liveHolds.count === 0 && (await isAllFree(office, crowds));
  };
  await eventually(isSettled, { everyMs: auditEveryMs, limitMs: stormLimitMs });
  expect(audit.findings).toEqual([]);

  const fans = crowds.flatMap((crowd) => crowd.fans);
  const orders = fans.flatMap((fan) => [...fan.orders.values()]);
  const paid = orders.filter((order) => order.status === 'paid');
  const charged = sum(fans.flatMap((fan) => [...fan.charges.values()]));
  expect(audit.points.charged).toBe(charged);
  expect(await office.pointsBought()).toBe(charged);
  expect(audit.ordersPaid).toBe(paid.length);
  expect(audit.seatsReserved).toBe(seatsOf(paid).length);

  const at = { 'x-wait-for-position': String(audit.lastPosition) };
  for (const crowd of crowds.slice(-1)) {
    await times(crowd.fans.length, 8, async (index) => {
      const fan = crowd.fans[index];
      if (fan) await expectReceipts(fan, at);
    });
    await expectSeatsSoldOnce(office, crowd, at);
  }
}

/** Every receipt is in the books once, and nothing is in them without a receipt. */
async function expectReceipts(fan: PatientFan, at: Record<string, string>): Promise<void> {
  expect(fan.defects).toEqual([]);
  const history = await fan.list('/v1/wallet/history', at);
  const entries = (kind: string, id: string) =>
    history.filter((entry) => entry.kind === kind).map((entry) => `${entry[id]} ${entry.amount}`);
  const receipts = [...fan.orders.values()];
  const amounts = (orders: readonly AcknowledgedOrder[]) =>
    orders.map(({ orderId, seatIds }) => `${orderId} ${seatIds.length * seatPrice}`).sort();
  const refunded = receipts.filter((order) => order.status === 'refunded');
  const paid = receipts.filter((order) => order.status === 'paid');
  expect(entries('charged', 'chargeId').sort()).toEqual(
    [...fan.charges].map(([chargeId, amount]) => `${chargeId} ${amount}`).sort(),
  );
  expect(entries('spent', 'orderId').sort()).toEqual(amounts(receipts));
  expect(entries('refunded', 'orderId').sort()).toEqual(amounts(refunded));
  const wallet = await fan.persist('GET', '/v1/wallet', { headers: at });
  expect(wallet.body.balance).toBe(sum([...fan.charges.values()]) - seatsOf(paid).length * seatPrice);

  const shown = (await fan.list('/v1/orders', at)).map((order) => ({
    orderId: order.orderId,
    status: order.orderStatus,
    seatIds: order.items.map((item: { seatId: string }) => item.seatId).sort(),
  }));
  const known = receipts.map((order) => ({ ...order, seatIds: [...order.seatIds].sort() }));
  expect(shown.sort(byId)).toEqual(known.sort(byId));
  const confirmed = (await fan.list('/v1/reservations', at)).filter(
    (reservation) => reservation.reservationStatus === 'confirmed',
  );
  expect(confirmed.map((reservation) => reservation.seatId).sort()).toEqual(seatsOf(paid).sort());
}

async function expectSeatsSoldOnce(
  office: ClusterOffice,
  crowd: Crowd,
  headers: Record<string, string>,
): Promise<void> {
  const sold = seatsOf(crowd.fans.flatMap((fan) => [...fan.orders.values()]).filter(isPaid));
  expect(new Set(sold).size).toBe(sold.length);
  const { scheduleId, seatIds } = crowd.hall;
  const shown = await call(office.url, 'GET', `/v1/schedules/${scheduleId}/availability`, { headers });
  expect(shown.body).toMatchObject({
    reserved: sold.length,
    held: 0,
    available: seatIds.length - sold.length,
  });
}

/** Whether the read models show no hold any more. */
async function isAllFree(office: ClusterOffice, crowds: readonly Crowd[]): Promise<boolean> {
  for (const { dreamHall } of crowds.slice(-1)) {
    const path = `/v1/schedules/${dreamHall.scheduleId}/availability`;
    const shown = await call(office.url, 'GET', path);
    if (shown.body.available !== dreamHall.seatIds.length) return false;
  }
  return true;
}

async function auditOf(office: ClusterOffice): Promise<AuditReport> {
  const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
  const { status, body } = await call(office.url, 'GET', '/v1/admin/audit', { headers });
  expect(status).toBe(200);
  return body;
}

function isPaid(order: AcknowledgedOrder): boolean {
  return order.status === 'paid';
}

function seatsOf(orders: readonly AcknowledgedOrder[]): string[] {
  return orders.flatMap((order) => [...order.seatIds]);
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

function byId(a: { readonly orderId: string }, b: { readonly orderId: string }): number {
  return a.orderId < b.orderId ? -1 : 1;
}
