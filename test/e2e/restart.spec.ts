import { eventually, Fan, times } from './fan.js';
import { Office } from './office.js';
import { openSmallHall } from './small-hall.js';

describe('a restart', () => {
  it('keeps live holds, ends each at its deadline and none before it', async () => {
    const holdTtlMs = 4_000;
    const office = await Office.open();
    try {
      const hall = await openSmallHall(office, { rows: 4, seatsPerRow: 5, sales: { holdTtlMs } });
      const held = await times(10, 10, async (index) => {
        const fan = await (await new Fan(office).arrive()).queue(hall.performanceId);
        const hold = await fan.hold(hall.scheduleId, [hall.seatIds[index] ?? '']);
        return { fan, deadline: String(hold.body.expiresAt) };
      });
      await office.restart();
      const [first] = held;
      const availability = async () =>
        (await first?.fan.call('GET', `/v1/schedules/${hall.scheduleId}/availability`))?.body;
      await eventually(async () => (await availability()).available === 20);

      const endings = await holdEndings(office);
      expect(endings).toHaveLength(10);
      const deadlines = held.map(({ deadline }) => deadline).sort();
      expect(endings.map((ending) => ending.deadline).sort()).toEqual(deadlines);
      expect(endings.filter((ending) => ending.endedAt < ending.deadline)).toEqual([]);
    } finally {
      await office.close();
    }
  }, 60_000);

  it('keeps sessions, queue places and paid orders', async () => {
    const office = await Office.open();
    try {
      const hall = await openSmallHall(office, { rows: 1, seatsPerRow: 4 });
      const fan = await new Fan(office).arrive();
      await fan.charge(300);
      await fan.queue(hall.performanceId);
      const held = await fan.hold(hall.scheduleId, ['R1-1']);
      await office.restart();
      expect((await fan.pay([held.body.holdId])).status).toBe(201);
      await office.restart();
      const orders = await fan.call('GET', '/v1/orders');
      expect(orders.body.items).toMatchObject([{ orderStatus: 'paid', totalAmount: 100 }]);
    } finally {
      await office.close();
    }
  }, 60_000);
});

/** When each hold was ended, read from the log itself once every deadline has passed. */
async function holdEndings(office: Office): Promise<{ deadline: string; endedAt: string }[]> {
  const endings = async () => {
    const events = await office.readLog('seat');
    return events
      .filter((event) => event.type === 'SeatHoldExpired')
      .map((event) => ({
        deadline: String(event.data.expiredAt),
        endedAt: String(event.metadata.occurredAt),
      }));
  };
  await eventually(async () => (await endings()).length === 10);
  return endings();
}
