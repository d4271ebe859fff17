import { eventually } from '../services/wait-until.js';
import { type Answer, call, Fan, times } from './fan.js';
import { openTimeoutMs, type ProcessOffice, processModes } from './modes.js';
import { readLog } from './office-log.js';
import { openSmallHall } from './small-hall.js';

const dreamers = 10;
const chargers = 10;

describe.each(processModes)('a restart in good order, of an office $mode,', ({ open }) => {
  let office: ProcessOffice;
  let statuses: (number | null)[];
  let owner: Fan;
  let buyer: Fan;
  let heldByBuyer: string;
  let dreamSchedule: string;
  let answers: Answer[];

  beforeAll(async () => {
    office = await open();
    const hall = await openSmallHall(office, { id: 'hall', rows: 1, seatsPerRow: 4 });
    // Longer than the restart takes, on most machines.
    const sales = { holdTtlMs: 5_000 };
    const dreams = await openSmallHall(office, { id: 'dreams', rows: 2, seatsPerRow: 5, sales });
    const holder = async (seatId: string) => {
      const fan = await new Fan(office).arrive();
      await fan.charge(300);
      await fan.queue(hall.performanceId);
      return { fan, holdId: (await fan.hold(hall.scheduleId, [seatId])).body.holdId };
    };
    const [first, second] = [await holder('R1-1'), await holder('R1-3')];
    expect((await first.fan.pay([first.holdId])).status).toBe(201);
    owner = first.fan;
    buyer = second.fan;
    heldByBuyer = second.holdId;
    const slow = await times(chargers, chargers, () => new Fan(office).arrive());
    dreamSchedule = dreams.scheduleId;
    await times(dreamers, dreamers, async (index) => {
      const fan = await (await new Fan(office).arrive()).queue(dreams.performanceId);
      // On a slow machine a hold may end before its answer is given: then there is another.
      const hold = () => fan.hold(dreams.scheduleId, [dreams.seatIds[index] ?? '']);
      await eventually(async () => (await hold()).status === 201);
    });
    // The payment system takes its time, so that all of these are under way when the signal comes.
    const underWay = Promise.all(slow.map((fan) => fan.charge(100, 'slow', 'card-slow')));
    await eventually(async () => (await events('charge', 'ChargeRequested')).length === 2 + chargers);
    statuses = await office.restart();
    answers = await underWay;
  }, openTimeoutMs);
  afterAll(() => office?.close());

  const events = async (category: string, type: string) =>
    (await readLog(office.config, category)).filter((event) => event.type === type);

  it('answers every request it has accepted, and each process ends by itself', () => {
    expect(answers.map(({ status }) => status)).toEqual(Array.from(answers, () => 201));
    expect(statuses).toEqual(Array.from(statuses, () => 0));
  });

  it('keeps sessions, places in the queue, holds and paid orders', async () => {
    const paid = { orderStatus: 'paid', totalAmount: 100 };
    expect(await buyer.pay([heldByBuyer])).toMatchObject({ status: 201, body: paid });
    for (const fan of [owner, buyer]) {
      expect((await fan.call('GET', '/v1/orders')).body.items).toMatchObject([paid]);
    }
  });

  it('ends each hold that was live at its deadline and none before it', async () => {
    const held = (await events('seat', 'SeatHeld')).filter(({ data }) => data.scheduleId === dreamSchedule);
    await eventually(async () => (await events('seat', 'SeatHoldExpired')).length >= held.length);
    const ended = (await events('seat', 'SeatHoldExpired')).map(({ data, metadata }) => ({
      deadline: String(data.expiredAt),
      endedAt: String(metadata.occurredAt),
    }));
    expect(held.length).toBeGreaterThanOrEqual(dreamers);
    expect(ended.map(({ deadline }) => deadline).sort()).toEqual(
      held.map(({ data }) => String(data.expiresAt)).sort(),
    );
    expect(ended.filter(({ endedAt, deadline }) => endedAt < deadline)).toEqual([]);
  });

  it('leaves the log in agreement with itself', async () => {
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const audit = await call(office.url, 'GET', '/v1/admin/audit', { headers });
    expect(audit).toMatchObject({ status: 200, body: { findings: [] } });
  });
});
