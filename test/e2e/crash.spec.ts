import { eventually } from '../services/wait-until.js';
import { type Answer, call, Fan, times } from './fan.js';
import { openTimeoutMs, type ProcessOffice, processModes } from './modes.js';
import { openSmallHall, type SmallHall } from './small-hall.js';

/** The process is killed when one request stands still at each of these moments; then everything must agree. */
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

describe.each(processModes)('a process killed in the middle, of an office $mode,', ({ open }) => {
  let office: ProcessOffice;
  let hall: SmallHall;
  let fans: ReadonlyMap<string, Caught>;

  beforeAll(async () => {
    office = await open();
    hall = await openSmallHall(office, { rows: checkoutMoments.length, seatsPerRow: 4 });
    fans = await catchInTheMiddle(office, hall);
  }, openTimeoutMs);
  afterAll(() => office?.close());

  const caughtAt = (moment: string): Caught => {
    const caught = fans.get(moment);
    if (!caught) throw new Error(`nobody was caught at ${moment}`);
    return caught;
  };

  it.each(chargeMoments)('when %s (%s), credits the charge exactly once', async (_, moment) => {
    const { fan, request, outcome } = caughtAt(moment);
    expect(outcome).toBe('lost');
    await eventually(async () => (await fan.balance()) === 700);
    const retried = await answered(request);
    expect(retried).toMatchObject({ status: 201, body: { status: 'credited', amount: 700 } });
    expect(await fan.balance()).toBe(700);
  });

  it.each(checkoutMoments)('when %s (%s), pays for the order exactly once', async (_, moment) => {
    const { fan, request, outcome } = caughtAt(moment);
    expect(outcome).toBe('lost');
    await eventually(async () => {
      const { body } = await fan.call('GET', '/v1/orders');
      return body.items.length === 1 && body.items[0].orderStatus === 'paid';
    });
    await eventually(async () => {
      const turn = await fan.call('GET', `/v1/performances/${hall.performanceId}/queue-token`);
      return turn.body.status === 'completed';
    });
    const retried = await answered(request);
    expect(retried).toMatchObject({ status: 201, body: { orderStatus: 'paid', totalAmount: 200 } });
    expect(await fan.balance()).toBe(800);
  });

  it('leaves seats, money and log in agreement', async () => {
    const sold = 2 * checkoutMoments.length;
    const { body } = await call(office.url, 'GET', `/v1/schedules/${hall.scheduleId}/availability`);
    expect(body).toMatchObject({ reserved: sold, held: 0, available: hall.seatIds.length - sold });
    const headers = { authorization: `Bearer ${office.config.ADMIN_KEY}` };
    const audit = await call(office.url, 'GET', '/v1/admin/audit', { headers });
    expect(audit).toMatchObject({ status: 200, body: { findings: [], openOrders: { count: 0 } } });
    const boards = await call(office.url, 'GET', '/v1/admin/boards', { headers });
    const same = { kind: 'seats', id: hall.scheduleId, outcome: 'same', differences: [] };
    expect(boards.body.items).toContainEqual(same);
    expect(boards.body.items.filter(({ outcome }: { outcome: string }) => outcome === 'different')).toEqual(
      [],
    );
  });
});

/** A fan whose request its process did not survive. */
interface Caught {
  readonly fan: Fan;
  /** The same again, with the same key. */
  readonly request: () => Promise<Answer>;
  readonly outcome: 'answered' | 'lost';
}

/** Makes each fan's request halt at a moment of its own, kills the process, and lets the office recover. */
async function catchInTheMiddle(office: ProcessOffice, hall: SmallHall): Promise<Map<string, Caught>> {
  let door: { readonly url: string } = office;
  const throughDoor = {
    get url() {
      return door.url;
    },
  };
  const chargers = await times(chargeMoments.length, chargeMoments.length, async (index) => {
    const fan = await new Fan(throughDoor).arrive();
    const [, moment] = chargeMoments[index] ?? [];
    return { moment, fan, request: () => fan.charge(700, 'a charge') };
  });
  const buyers = await times(checkoutMoments.length, checkoutMoments.length, async (index) => {
    const fan = await new Fan(throughDoor).arrive();
    await fan.charge(1000);
    await fan.queue(hall.performanceId, 2);
    const held = await fan.hold(hall.scheduleId, [`R${index + 1}-2`, `R${index + 1}-3`]);
    expect(held.status).toBe(201);
    const [, moment] = checkoutMoments[index] ?? [];
    return { moment, fan, request: () => fan.pay([held.body.holdId], 'a payment') };
  });

  const caught = [...chargers, ...buyers];
  const doomed = await office.startHalting(caught.flatMap(({ moment }) => moment ?? []));
  door = doomed;
  const outcomes: Promise<'answered' | 'lost'>[] = [];
  for (const { request } of caught) {
    outcomes.push(
      request().then(
        () => 'answered',
        () => 'lost',
      ),
    );
    await doomed.halted(outcomes.length);
  }
  await doomed.kill();
  const known = await Promise.all(outcomes);
  await office.recover();
  door = office;
  return new Map(
    caught.map(({ moment = '', fan, request }, index) => [
      moment,
      { fan, request, outcome: known[index] ?? 'answered' },
    ]),
  );
}

/** The answer once the killed process's claim to the key has lapsed. */
async function answered(request: () => Promise<Answer>): Promise<Answer> {
  let answer = await request();
  await eventually(async () => {
    if (answer.body.code !== 'idempotency-key-in-flight') return true;
    expect(answer.headers.get('retry-after')).toBe('1');
    answer = await request();
    return false;
  });
  return answer;
}
