import { addMs } from '../../../src/events/ids.js';
import { Fan } from './fan.js';
import { at, id, LogUnderAudit, scheduleId, seat, venueId } from './log-under-audit.js';

/** A catalog on sale with two fans inside, both with points. */
function onSale(): { log: LogUnderAudit; ann: Fan; bob: Fan } {
  const log = new LogUnderAudit().catalog();
  const ann = new Fan(log, 'ann').charge().queue();
  const bob = new Fan(log, 'bob').charge().queue();
  log.open().admit(0, 2);
  const admittedAt = at(log.ms);
  ann.enter(0, { admittedAt });
  bob.enter(1, { admittedAt });
  return { log, ann, bob };
}

/** Later than anything here may take. */
const muchLater = at(3_600_000);

describe('the audit finds in the seats', () => {
  it('nothing as long as nobody tampers', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1', 'A-2').pay('A-1', 'A-2');
    bob.hold('A-3').release('A-3').giveBack(['A-3']);
    expect(log.codes(muchLater)).toEqual([]);
  });

  it('a seat held by two fans', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1');
    bob.hold('A-1');
    expect(log.codes()).toEqual(['seat-single-owner']);
    expect(log.audit().findings[0]?.events.map((event) => event.stream)).toEqual([
      `seat-${scheduleId}.A-1`,
      `seat-${scheduleId}.A-1`,
    ]);
  });

  it('a place sold as two seats, after a plan called a seat by a new id', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1').pay('A-1');
    const plan = (names: Readonly<Record<string, string>>) =>
      log.add(`venue-${venueId}`, {
        type: 'SectionPublished',
        data: {
          venueId,
          sectionId: 'a',
          name: 'a',
          rows: [
            {
              label: '1',
              seats: Object.entries(names).map(([seatId, number]) => ({
                seatId: seat(seatId),
                number,
                category: 'R',
                x: 0,
                y: 0,
              })),
            },
          ],
        },
      });
    plan({ 'A-1': '1', 'new-1': 'A-1' });
    bob.hold('new-1').pay('new-1');
    expect(log.codes()).toEqual(['place-sold-once']);
  });

  it('a seat held at a price that was never in force, or no longer', () => {
    const never = onSale();
    never.log.prices(80);
    never.ann.hold('A-1');
    expect(never.log.codes()).toEqual([]);
    never.log.ms += 61_000;
    never.bob.hold('A-2');
    // Both lists were in force within the last minute for ann, only the last one for bob.
    expect(never.log.codes()).toEqual(['price-in-force']);
  });

  it('a seat taken over after its deadline without the expiry being written', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1');
    log.ms += 300_000;
    bob.hold('A-1');
    expect(log.codes()).toEqual(['seat-single-owner']);
  });

  it('a sold seat held again', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1').pay('A-1');
    bob.hold('A-1');
    // The buyer no longer has what was paid for.
    expect(log.codes()).toEqual(['seat-single-owner', 'paid-seats-reserved']);
  });

  it('a seat reserved for somebody else than its holder', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1');
    bob.ask(['A-1']).place(['A-1']).spend(100).reserve('A-1').paid(100).complete();
    expect(log.codes()).toEqual(['seat-single-owner']);
  });

  it('a seat reserved by another hold of its holder, or by the right hold for somebody else', () => {
    const other = onSale();
    const holdId = id<Fan['holdId']>('another hold');
    const items = [{ scheduleId, seatId: seat('A-1'), holdId, price: 100, sold: null }];
    other.ann.hold('A-1').place(['A-1'], { items }).spend(100).reserve('A-1', { holdId });
    expect(other.log.codes()).toEqual(['seat-single-owner']);

    const stolen = onSale();
    const { userId } = stolen.bob;
    stolen.ann.hold('A-1').place(['A-1'], { userId }).reserve('A-1', { userId });
    expect(stolen.log.codes()).toEqual(['seat-single-owner']);
  });

  it('a reservation given back by an order that does not have it', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1').pay('A-1');
    bob.hold('A-2').place(['A-2']).fail().unreserve('A-1');
    expect(log.codes()).toEqual(['seat-single-owner']);
  });

  it('a hold that ends twice', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').release('A-1').release('A-1');
    expect(log.codes()).toEqual(['hold-ends-once']);
  });

  it('a hold that comes back after it ended', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').release('A-1').take(['A-1']);
    expect(log.codes()).toEqual(['hold-ends-once']);
  });

  it('a hold that comes back after others held the seat', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1').release('A-1');
    bob.hold('A-1').release('A-1');
    ann.take(['A-1']);
    expect(log.codes()).toEqual(['hold-ends-once']);
  });

  it('a hold that takes a seat which bars it', () => {
    const { log, ann, bob } = onSale();
    ann.ask(['A-1']).bar('A-1');
    bob.hold('A-1').release('A-1');
    expect(log.codes()).toEqual([]);
    ann.take(['A-1']);
    expect(log.codes()).toEqual(['barred-stays-out']);
  });

  it('a hold barred that has the seat, has bought it, is over for it, or is barred already', () => {
    const broken: ((ann: Fan) => Fan)[] = [
      (ann) => ann.hold('A-1').bar('A-1'),
      (ann) => ann.hold('A-1').pay('A-1').bar('A-1'),
      (ann) => ann.hold('A-1').release('A-1').bar('A-1'),
      (ann) => ann.ask(['A-1']).bar('A-1').bar('A-1'),
    ];
    for (const steps of broken) {
      const { log, ann } = onSale();
      steps(ann);
      expect(log.codes()).toEqual(['hold-barred']);
    }
  });

  it('nothing in a hold barred while somebody else has the seat', () => {
    const { log, ann, bob } = onSale();
    bob.hold('A-1');
    ann.ask(['A-1']).bar('A-1').giveBack(['A-1'], 'expired');
    bob.pay('A-1');
    expect(log.codes()).toEqual([]);
  });

  it('a hold that expires before its deadline, or with another deadline', () => {
    const early = onSale();
    early.ann.hold('A-1').lapse('A-1', at(early.log.ms + 1_000));
    expect(early.log.codes()).toEqual(['hold-not-early']);

    const other = onSale();
    other.ann.hold('A-1');
    other.ann.holdEnds = at(other.log.ms);
    other.ann.lapse('A-1', muchLater);
    expect(other.log.codes()).toEqual(['hold-not-early']);
  });

  it('a seat reserved after the hold’s deadline', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').place(['A-1']).spend(100).reserve('A-1', {}, muchLater).paid(100);
    expect(log.codes()).toEqual(['hold-in-time']);
  });

  it('a hold left open long after its deadline, but none before', () => {
    const { log, ann } = onSale();
    ann.hold('A-1');
    expect(log.codes(at(log.ms + 330_000))).toEqual([]);
    expect(log.codes(muchLater)).toEqual(['hold-overdue']);
  });
});

describe('the audit finds in the plan', () => {
  it('a seat that never was in it', () => {
    const { log, ann } = onSale();
    ann.hold('Z-9');
    expect(log.codes()).toEqual(['seat-in-plan']);
  });

  it('a sold seat that was dropped from it', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').pay('A-1');
    log.section('a', ['A-2', 'A-3']);
    expect(log.codes()).toEqual([]); // the plan may not be published in full yet
    expect(log.codes(muchLater)).toEqual(['seat-in-plan']);
  });

  it('a held seat that was dropped from it, as long as the hold lasts', () => {
    const { log, ann } = onSale();
    ann.hold('A-1');
    log.section('a', ['A-2', 'A-3']);
    expect(log.codes(at(log.ms + 90_000))).toEqual(['seat-in-plan']);
    expect(log.codes(at(log.ms + 310_000))).toEqual([]);
  });

  it('a seat held on a date that was not published', () => {
    const { log, ann } = onSale();
    const elsewhere = id<typeof scheduleId>('elsewhere');
    ann.ask(['A-1']).take(['A-1'], { scheduleId: elsewhere });
    expect(log.codes()).toContain('seat-in-plan');
  });

  it('a seat in two sections, once the plan has settled', () => {
    const { log } = onSale();
    log.section('b', ['A-4']);
    expect(log.codes()).toEqual([]);
    expect(log.codes(muchLater)).toEqual(['plan-seat-once']);
    expect(log.section('a', ['A-1', 'A-2', 'A-3']).codes(muchLater)).toEqual([]);
  });

  it('a date of a performance that was not published', () => {
    const { log } = onSale();
    log.add(`schedule-${id('other')}`, {
      type: 'SchedulePublished',
      data: {
        scheduleId: id('other'),
        performanceId: id('nothing'),
        venueId: id('venue'),
        startsAt: at(0),
        timeZone: 'Asia/Seoul',
        status: 'scheduled',
      },
    });
    expect(log.codes()).toEqual(['catalog-reference']);
  });
});

describe('the audit finds in the sales', () => {
  it('a seat reserved at another price than ordered', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').place(['A-1']).spend(100).reserve('A-1', { price: 90 }).paid(100);
    expect(log.codes()).toEqual(['reservation-ordered']);
  });

  it('a seat reserved that the order does not name', () => {
    const { log, ann } = onSale();
    ann.hold('A-1', 'A-2').place(['A-1']).spend(100).reserve('A-1').reserve('A-2');
    expect(log.codes()).toEqual(['reservation-ordered']);
  });

  it('a paid order without all its seats', () => {
    const { log, ann } = onSale();
    ann.hold('A-1', 'A-2').place(['A-1', 'A-2']).spend(200).reserve('A-1').paid(200);
    expect(log.codes()).toEqual(['paid-seats-reserved']);
  });

  it('a seat taken from a paid order', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').pay('A-1').unreserve('A-1');
    expect(log.codes()).toEqual(['paid-seats-reserved']);
  });

  it('a seat that nobody paid for', () => {
    const { log, ann } = onSale();
    ann.hold('A-1');
    log.add(`seat-${scheduleId}.A-1`, {
      type: 'SeatReserved',
      data: {
        scheduleId,
        seatId: seat('A-1'),
        holdId: ann.holdId,
        userId: ann.userId,
        orderId: id('no order'),
        price: 100,
      },
    });
    expect(log.codes()).toEqual(['reservation-ordered', 'reserved-seats-paid']);
  });

  it('a refunded order that keeps its seats', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').pay('A-1').cancel().refund(100).close(100);
    expect(log.codes()).toEqual(['refunded-seats-free', 'reserved-seats-paid']);
  });
});

describe('the audit finds in the seats that come back', () => {
  const rules = { seatReturnWindowMs: 5_000 };
  const drawn = { returnDelayMs: 2_500 };

  function inside(sales: Parameters<LogUnderAudit['catalog']>[0] = rules) {
    const log = new LogUnderAudit().catalog(sales);
    const ann = new Fan(log, 'ann').charge().queue();
    const bob = new Fan(log, 'bob').charge().queue();
    log.open().admit(0, 2);
    const admittedAt = at(log.ms);
    ann.enter(0, { admittedAt });
    bob.enter(1, { admittedAt });
    return { log, ann, bob };
  }

  /** Ann releases seat A-1, and Bob holds it. */
  function released(availableFrom: (endMs: number) => number | undefined, heldAfterMs: number): string[] {
    const { log, ann, bob } = inside();
    ann.ask(['A-1']).take(['A-1'], drawn);
    const endMs = log.ms + 1_000;
    const from = availableFrom(endMs);
    ann.release('A-1', from === undefined ? {} : { availableFrom: at(from) }).giveBack(['A-1']);
    bob.ask(['A-1']).take(['A-1'], {}, at(endMs + heldAfterMs));
    return log.codes();
  }

  it('a seat held before its moment, and none that is held then', () => {
    expect(released((endMs) => endMs + 3_000, 2_999)).toEqual(['seat-return-waits']);
    expect(released((endMs) => endMs + 3_000, 3_000)).toEqual([]);
  });

  it('a moment that is another one than the hold drew, or none', () => {
    for (const wrong of [undefined, 2_000, 2_600, 4_000])
      expect(released((endMs) => (wrong === undefined ? undefined : endMs + wrong), 5_000)).toEqual([
        'seat-return-moment',
      ]);
  });

  it('a moment after a lapse that does not follow from the deadline', () => {
    for (const [afterMs, codes] of [
      [3_000, []],
      [4_000, ['seat-return-moment']],
    ] as const) {
      const { log, ann } = inside();
      ann.ask(['A-1']).take(['A-1'], drawn);
      ann.lapse('A-1', ann.holdEnds, { availableFrom: addMs(ann.holdEnds, afterMs) });
      expect(log.codes()).toEqual(codes);
    }
  });

  it('a moment where the hold lost another seat, and a delay that the rules do not allow', () => {
    const { log, ann } = inside();
    ann.ask(['A-1', 'A-2']).take(['A-1'], drawn);
    ann.release('A-1', { reason: 'conflict', availableFrom: at(log.ms + 4_000) });
    ann.giveBack(['A-1', 'A-2'], 'conflict');
    expect(log.codes()).toEqual(['seat-return-moment']);

    const long = inside({ seatReturnWindowMs: 2_499 });
    long.ann.ask(['A-1']).take(['A-1'], drawn);
    expect(long.log.codes()).toEqual(['seat-return-moment']);
    const none = inside({});
    none.ann.ask(['A-1']).take(['A-1'], drawn);
    expect(none.log.codes()).toEqual(['seat-return-moment']);
  });
});
