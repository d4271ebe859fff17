import type { SeatFeatures } from '../../../src/events/seat-features.js';
import { Fan, refundId } from './fan.js';
import { at, id, LogUnderAudit, performanceId, scheduleId, seat, venueId } from './log-under-audit.js';

const features: Readonly<Record<string, SeatFeatures>> = {
  'A-1': { wheelchair: true },
  'A-2': { companionOf: seat('A-1') },
};
const words = {
  performanceName: 'Concert',
  venueId,
  venueName: 'Hall',
  startsAt: at(86_400_000),
  timeZone: 'Asia/Seoul',
  sectionName: 'a',
  row: '1',
  category: 'R',
};

/** A fan inside who holds two seats: of a hall whose plan says that A-2 is the companion's place of A-1, if asked. */
function holding(names: readonly string[], { isPlanned = true } = {}): { log: LogUnderAudit; ann: Fan } {
  const log = new LogUnderAudit().catalog();
  if (isPlanned) log.section('a', ['A-1', 'A-2', 'A-3', 'A-4'], features);
  log.ms += 61_000;
  const ann = new Fan(log, 'ann').charge().queue();
  log.open().admit(0, 1);
  ann.enter(0, { admittedAt: at(log.ms) }).hold(...names);
  return { log, ann };
}

/** Pays in an order whose words say what the plan says. */
function payInWords(ann: Fan, ...names: string[]): void {
  const items = names.map((name) => ({
    scheduleId,
    seatId: seat(name),
    holdId: ann.holdId,
    price: 100,
    sold: { ...words, number: name, ...features[name] },
  }));
  ann.place(names, { items }).spend(100 * names.length);
  for (const name of names) ann.reserve(name);
  ann.paid(100 * names.length).complete();
}

const codes = (log: LogUnderAudit) => [...new Set(log.audit().findings.map(({ code }) => code))];

describe('the audit of companion places', () => {
  it('finds nothing when they are sold with their wheelchair places, and given back first', () => {
    const { log, ann } = holding(['A-1', 'A-2']);
    payInWords(ann, 'A-1', 'A-2');
    ann.cancelSeats(['A-2']).refund(100, { refundId }).unreserve('A-2');
    ann.giveBack(['A-2'], 'order-cancelled').seatsRefunded(100);
    expect(log.audit().findings).toEqual([]);
  });

  it('finds one that was sold alone, by what its ticket says and by what the plan says', () => {
    const told = holding(['A-2', 'A-3'], { isPlanned: false });
    payInWords(told.ann, 'A-2', 'A-3');
    expect(codes(told.log)).toEqual(['companion-with-wheelchair']);
    const planned = holding(['A-2', 'A-3']);
    planned.ann.pay('A-2', 'A-3');
    expect(codes(planned.log)).toEqual(['companion-with-wheelchair']);
  });

  it('finds one that is left alone when its wheelchair place is given back', () => {
    const { log, ann } = holding(['A-1', 'A-2']);
    payInWords(ann, 'A-1', 'A-2');
    ann.cancelSeats(['A-1']).refund(100, { refundId }).unreserve('A-1');
    ann.giveBack(['A-1'], 'order-cancelled').seatsRefunded(100);
    expect(codes(log)).toEqual(['companion-with-wheelchair']);
  });

  it('goes by the plan of the hall that the ticket names, and by a plan that was published again unchanged', () => {
    const { log, ann } = holding(['A-2', 'A-3']);
    const items = ['A-2', 'A-3'].map((name) => ({
      scheduleId,
      seatId: seat(name),
      holdId: ann.holdId,
      price: 100,
      sold: { ...words, number: name },
    }));
    log.section('a', ['A-1', 'A-2', 'A-3', 'A-4'], features).add(`schedule-${scheduleId}`, {
      type: 'SchedulePublished',
      data: {
        scheduleId,
        performanceId,
        venueId: id('annex'),
        startsAt: words.startsAt,
        timeZone: words.timeZone,
        status: 'scheduled',
      },
    });
    ann.place(['A-2', 'A-3'], { items }).spend(200).reserve('A-2').reserve('A-3').paid(200);
    expect(codes(log)).toContain('companion-with-wheelchair');
  });

  it('does not judge by a plan that was published a moment before the order', () => {
    const { log, ann } = holding(['A-2', 'A-3'], { isPlanned: false });
    log.section('a', ['A-1', 'A-2', 'A-3', 'A-4'], features);
    ann.pay('A-2', 'A-3');
    expect(log.audit().findings).toEqual([]);
  });
});
