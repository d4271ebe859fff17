import { ChildOffice } from './child-office.js';
import { call, eventually, Fan } from './fan.js';
import { importDocument, smallHallDocument } from './small-hall.js';

/** The server is killed at the moment, started again, and everything must agree. */
const chargeMoments = [
  ['the request is recorded', 'after:ChargeRequested'],
  ['the money is taken but the answer is not recorded', 'before:ChargeApproved'],
  ['the approval is recorded', 'after:ChargeApproved'],
  ['the points are credited but the reply is not sent', 'after:PointsCharged'],
] as const;

const checkoutMoments = [
  ['the order is placed', 'after:OrderPlaced'],
  ['the points are spent', 'after:PointsSpent'],
  ['the first of two seats is reserved', 'after:SeatReserved'],
  ['every seat is reserved but the order is not marked paid', 'before:OrderPaid'],
  ['the order is paid but the turn is not completed', 'after:OrderPaid'],
] as const;

describe('a server killed in the middle', () => {
  let office: ChildOffice;
  beforeEach(() => {
    office = new ChildOffice();
  });
  afterEach(() => office.close());

  it.each(chargeMoments)(
    'of a charge, when %s (%s), credits it exactly once',
    async (_, moment) => {
      await office.start(moment);
      const fan = await new Fan(office).arrive();
      await expect(fan.charge(700, 'a charge')).rejects.toThrow();
      expect(await office.death()).toBe('SIGKILL');

      await office.start();
      await eventually(async () => (await fan.balance()) === 700);
      const retried = await fan.charge(700, 'a charge');
      expect(retried).toMatchObject({ status: 201, body: { status: 'credited', amount: 700 } });
      expect(await fan.balance()).toBe(700);
      await expectCleanAudit(office);
    },
    60_000,
  );

  it.each(checkoutMoments)(
    'of a checkout, when %s (%s), ends the order with money and seats in agreement',
    async (_, moment) => {
      await office.start(moment);
      const report = await importDocument(office, smallHallDocument({ rows: 1, seatsPerRow: 4 }));
      const idOf = (kind: string) =>
        report.records.find((record: { kind: string }) => record.kind === kind).id;
      const fan = await new Fan(office).arrive();
      await fan.charge(1000);
      await fan.queue(idOf('performance'), 2);
      const held = await fan.hold(idOf('schedule'), ['R1-2', 'R1-3']);
      expect(held.status).toBe(201);
      await expect(fan.pay([held.body.holdId], 'a payment')).rejects.toThrow();
      expect(await office.death()).toBe('SIGKILL');

      await office.start();
      await eventually(async () => {
        const { body } = await fan.call('GET', '/v1/orders');
        return body.items.length === 1 && body.items[0].orderStatus === 'paid';
      });
      await eventually(async () => {
        const turn = await fan.call('GET', `/v1/performances/${idOf('performance')}/queue-token`);
        return turn.body.status === 'completed';
      });
      const retried = await fan.pay([held.body.holdId], 'a payment');
      expect(retried).toMatchObject({ status: 201, body: { orderStatus: 'paid', totalAmount: 200 } });
      expect(await fan.balance()).toBe(800);
      const { body } = await fan.call('GET', `/v1/schedules/${idOf('schedule')}/availability`);
      expect(body).toMatchObject({ reserved: 2, held: 0, available: 2 });
      await expectCleanAudit(office);
    },
    60_000,
  );
});

async function expectCleanAudit(office: ChildOffice): Promise<void> {
  const audit = await call(office.url, 'GET', '/v1/admin/audit', {
    headers: { authorization: `Bearer ${office.config.ADMIN_KEY}` },
  });
  expect(audit).toMatchObject({ status: 200, body: { findings: [] } });
}
