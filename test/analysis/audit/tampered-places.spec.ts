import type { PlanSeat } from '../../../src/events/catalog-events.js';
import { Fan } from './fan.js';
import {
  at,
  type DataOf,
  id,
  LogUnderAudit,
  performanceId,
  scheduleId,
  seat,
  venueId,
} from './log-under-audit.js';

const annex = id<DataOf<'VenuePublished'>['venueId']>('annex');

/** A catalog on sale with two fans inside, both with points; more than the tolerance of a minute after its publication. */
function onSale(): { log: LogUnderAudit; ann: Fan; bob: Fan } {
  const log = new LogUnderAudit().catalog();
  log.ms += 61_000;
  const ann = new Fan(log, 'ann').charge().queue();
  const bob = new Fan(log, 'bob').charge().queue();
  log.open().admit(0, 2);
  const admittedAt = at(log.ms);
  ann.enter(0, { admittedAt });
  bob.enter(1, { admittedAt });
  return { log, ann, bob };
}

/** Publishes the only section of a hall: numbers by seat id. */
function plan(
  log: LogUnderAudit,
  numbers: Readonly<Record<string, string>>,
  { hall = venueId, category = 'R' } = {},
): void {
  const seats: PlanSeat[] = Object.entries(numbers).map(([seatId, number], x) => ({
    seatId: seat(seatId),
    number,
    category,
    x,
    y: 0,
  }));
  log.add(`venue-${hall}`, {
    type: 'SectionPublished',
    data: { venueId: hall, sectionId: 'a', name: 'a', rows: [{ label: '1', seats }] },
  });
}

function moveTo(log: LogUnderAudit, hall: typeof venueId): void {
  log.add(`schedule-${scheduleId}`, {
    type: 'SchedulePublished',
    data: {
      scheduleId,
      performanceId,
      venueId: hall,
      startsAt: at(86_400_000),
      timeZone: 'Asia/Seoul',
      status: 'scheduled',
    },
  });
}

function openAnnex(log: LogUnderAudit, category = 'R'): void {
  log.add(`venue-${annex}`, {
    type: 'VenuePublished',
    data: { venueId: annex, name: 'Annex', location: 'Seoul', timeZone: 'Asia/Seoul', capacity: 2 },
  });
  plan(log, { 'A-1': '1', 'A-2': '2' }, { hall: annex, category });
}

describe('the audit of places', () => {
  it('goes by the words of a ticket, not by a plan that was published after the order', () => {
    const { log, ann, bob } = onSale();
    ann.hold('A-1');
    const sold = {
      performanceName: 'Concert',
      venueId,
      venueName: 'Hall',
      startsAt: at(86_400_000),
      timeZone: 'Asia/Seoul',
      sectionName: 'a',
      row: '1',
      number: 'A-1',
      category: 'R',
    };
    const item = { scheduleId, seatId: seat('A-1'), holdId: ann.holdId, price: 100, sold };
    ann.place(['A-1'], { items: [item] }).spend(100);
    plan(log, { 'A-1': 'other', 'new-1': 'A-1' });
    ann.reserve('A-1').paid(100).complete();
    expect(log.codes()).toEqual([]);
    bob.hold('new-1').pay('new-1');
    expect(log.codes()).toEqual(['place-sold-once']);
  });

  it('finds nothing when a place is sold again after its ticket was given back', () => {
    const { log, ann, bob } = onSale();
    ann
      .hold('A-1')
      .pay('A-1')
      .cancel()
      .refund(100)
      .unreserve('A-1')
      .giveBack(['A-1'], 'order-cancelled')
      .close(100);
    plan(log, { 'new-1': 'A-1' });
    bob.hold('new-1').pay('new-1');
    expect(log.codes()).toEqual([]);
  });

  it('goes by the present hall of a date that came back to it', () => {
    const { log, ann, bob } = onSale();
    openAnnex(log);
    moveTo(log, annex);
    moveTo(log, venueId);
    ann.hold('A-1').pay('A-1');
    plan(log, { 'A-1': 'other', 'new-1': 'A-1' });
    bob.hold('new-1').pay('new-1');
    expect(log.codes()).toEqual(['place-sold-once']);
  });

  it('accepts the price of the hall that a date has just left', () => {
    const { log, ann } = onSale();
    log.add(`performance-${performanceId}`, {
      type: 'PerformancePublished',
      data: {
        ...(log.events.findLast(({ type }) => type === 'PerformancePublished')
          ?.data as DataOf<'PerformancePublished'>), // what catalog() published
        prices: [
          { category: 'R', price: 100 },
          { category: 'S', price: 50 },
        ],
      },
    });
    openAnnex(log, 'S');
    log.ms += 61_000;
    ann.ask(['A-1']);
    moveTo(log, annex);
    ann.take(['A-1']);
    expect(log.codes()).toEqual([]);
  });
});

describe('the audit of cancelled dates', () => {
  const settled = (log: LogUnderAudit) =>
    log
      .add(`schedule-${scheduleId}`, {
        type: 'ScheduleCancelled',
        data: { scheduleId, performanceId, reason: 'the singer is ill' },
      })
      .add(`schedule-${scheduleId}`, {
        type: 'ScheduleCancellationSettled',
        data: { scheduleId, performanceId },
      });

  it('finds a seat that stays sold, a minute after the refunds have run', () => {
    const { log, ann } = onSale();
    ann.hold('A-1').pay('A-1');
    log.ms += 120_000;
    settled(log);
    expect(log.codes(at(log.ms + 60_000))).toEqual([]);
    expect(log.codes(at(log.ms + 61_000))).toEqual(['cancelled-date-refunded']);
    ann.cancel().refund(100).unreserve('A-1').giveBack(['A-1'], 'order-cancelled').close(100);
    expect(log.codes(at(log.ms + 61_000))).toEqual([]);
  });

  it('gives an order that was paid after that a minute, too', () => {
    const { log, ann } = onSale();
    settled(log);
    log.ms += 120_000;
    ann.hold('A-1').pay('A-1');
    const paidAt = log.ms;
    expect(log.codes()).toEqual([]);
    expect(log.codes(at(paidAt + 120_000))).toEqual(['cancelled-date-refunded']);
  });
});
