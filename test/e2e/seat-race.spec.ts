import { bySize } from '../services/test-size.js';
import { Fan, times } from './fan.js';
import { type AnyOffice, modes, openTimeoutMs } from './modes.js';
import { openSmallHall } from './small-hall.js';

// At full size on a machine with much else to do.
jest.setTimeout(900_000);

const rivals = bySize(200, 1_000);
const buyers = bySize(120, 500);

describe.each(modes)('a race for seats, $mode', ({ open }) => {
  let office: AnyOffice;
  beforeAll(async () => {
    office = await open();
  }, openTimeoutMs);
  afterAll(() => office.close());

  it(`gives one seat to exactly one of ${rivals} fans who ask at the same time`, async () => {
    const hall = await openSmallHall(office, { id: 'one seat', rows: 1, seatsPerRow: 4 });
    const fans = await times(rivals, 50, async () =>
      (await new Fan(office).arrive()).queue(hall.performanceId),
    );
    const answers = await Promise.all(fans.map((fan) => fan.hold(hall.scheduleId, ['R1-1'])));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    const refused = answers.filter((answer) => answer.status !== 201);
    expect(refused.filter((answer) => answer.status === 409)).toHaveLength(rivals - 1);
    expect(new Set(refused.map((answer) => answer.body.code))).toEqual(new Set(['seat-held']));
    expect(refused.every((answer) => answer.body.detail.length > 0)).toBe(true);
  });

  it(`sells 100 seats to ${buyers} fans in groups without a seat owned twice or a group torn apart`, async () => {
    const hall = await openSmallHall(office, { id: 'groups', rows: 10, seatsPerRow: 10 });
    const fans = await times(buyers, 50, async (index) => {
      const fan = await new Fan(office).arrive();
      await fan.charge(400);
      return { fan: await fan.queue(hall.performanceId, 4), groupSize: 1 + (index % 4) };
    });
    const outcomes = await Promise.all(
      fans.map(async ({ fan, groupSize }, index) => {
        const first = (index * 7) % (hall.seatIds.length - groupSize);
        const wanted = hall.seatIds.slice(first, first + groupSize);
        const held = await fan.hold(hall.scheduleId, wanted);
        if (held.status !== 201) return { fan, wanted: [], status: held.status };
        const paid = await fan.pay();
        return { fan, wanted, status: paid.status };
      }),
    );
    expect(new Set(outcomes.map((outcome) => outcome.status))).toEqual(new Set([201, 409]));
    const owned = await times(outcomes.length, 50, async (index) => {
      const { fan, wanted } = outcomes[index] ?? { fan: new Fan(office), wanted: [] };
      const { body } = await fan.call('GET', '/v1/reservations?limit=100');
      const seats: string[] = body.items.map((item: { seatId: string }) => item.seatId);
      expect([...seats].sort()).toEqual([...wanted].sort());
      expect((await fan.call('GET', '/v1/holds')).body.items).toEqual([]);
      expect(await fan.balance()).toBe(400 - 100 * seats.length);
      return seats;
    });
    const all = owned.flat();
    expect(new Set(all).size).toBe(all.length);
    const [first] = fans;
    const { body } = (await first?.fan.call('GET', `/v1/schedules/${hall.scheduleId}/availability`)) ?? {};
    expect(body).toMatchObject({ reserved: all.length, held: 0, available: 100 - all.length });
  });
});
