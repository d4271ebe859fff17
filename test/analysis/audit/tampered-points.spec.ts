import { Fan } from './fan.js';
import { at, id, LogUnderAudit, seat } from './log-under-audit.js';

/** A fan inside, with 1000 points, holding the seats for 100 each. */
function buying(): { log: LogUnderAudit; ann: Fan } {
  const log = new LogUnderAudit().catalog();
  const ann = new Fan(log, 'ann').charge().queue();
  log.open().admit(0, 1);
  ann.enter(0).hold('A-1', 'A-2');
  return { log, ann };
}

const twoMinutesLater = (log: LogUnderAudit) => at(log.ms + 120_000);

describe('the audit finds in the orders', () => {
  it('an order paid twice, cancelled before it was paid, or unknown', () => {
    const twice = buying();
    twice.ann.pay('A-1', 'A-2').paid(200);
    expect(twice.log.codes()).toEqual(['order-transition']);

    const unpaid = buying();
    unpaid.ann.place(['A-1', 'A-2']).cancel();
    expect(unpaid.log.codes()).toEqual(['order-transition']);

    const unknown = buying();
    unknown.ann.fail();
    expect(unknown.log.codes()).toEqual(['order-transition']);
  });

  it('a total that is not the sum of the items, and a seat ordered twice', () => {
    const sum = buying();
    sum.ann.place(['A-1', 'A-2'], { total: 150 });
    expect(sum.log.codes()).toEqual(['order-total']);

    const twice = buying();
    twice.ann.place(['A-1', 'A-1']);
    expect(twice.log.codes()).toEqual(['order-total']);
  });

  it('an order left open for more than a minute', () => {
    const { log, ann } = buying();
    ann.place(['A-1', 'A-2']);
    expect(log.codes()).toEqual([]);
    expect(log.codes(twoMinutesLater(log))).toEqual(['order-overdue']);
  });

  it('a cancelled order not refunded for more than a minute', () => {
    const { log, ann } = buying();
    ann.pay('A-1', 'A-2').cancel();
    expect(log.codes(twoMinutesLater(log))).toEqual(['order-overdue']);
  });
});

describe('the audit finds in the wallets', () => {
  it('points credited to or spent from the wallet of an erased user', () => {
    const credited = new LogUnderAudit();
    new Fan(credited, 'ann').requestCharge().approve().closeWallet().credit();
    expect(credited.codes()).toEqual(['wallet-closed']);

    const { log, ann } = buying();
    ann.closeWallet().place(['A-1', 'A-2']).spend(200);
    expect(log.codes()).toEqual(['wallet-closed']);

    const other = new LogUnderAudit();
    new Fan(other, 'ann').charge().closeWallet({ balance: 999 });
    expect(other.codes()).toEqual(['wallet-balance']);
  });

  it('a balance that is not the sum', () => {
    const { log, ann } = buying();
    ann.place(['A-1', 'A-2']).spend(200, { balance: 900 });
    expect(log.codes()).toEqual(['wallet-balance']);
  });

  it('points spent that were not there', () => {
    const log = new LogUnderAudit().catalog();
    const ann = new Fan(log, 'ann').queue();
    log.open().admit(0, 1);
    ann.enter(0).hold('A-1').place(['A-1']).spend(100, { balance: 0 });
    expect(log.codes()).toEqual(['wallet-not-negative']);
  });

  it('an order that spends twice, or another amount than its total', () => {
    const twice = buying();
    twice.ann.place(['A-1', 'A-2']).spend(200).spend(200);
    expect(twice.log.codes()).toEqual(['order-spent-once']);

    const more = buying();
    more.ann.place(['A-1', 'A-2']).spend(300);
    expect(more.log.codes()).toEqual(['order-spent-once']);
  });

  it('an order refunded twice, too much, or without having ended', () => {
    const twice = buying();
    twice.ann.place(['A-1', 'A-2']).spend(200).fail().refund(200).refund(200);
    expect(twice.log.codes()).toEqual(['order-refunded-once']);

    const unspent = buying();
    unspent.ann.place(['A-1', 'A-2']).fail().refund(200);
    expect(unspent.log.codes()).toEqual(['order-refunded-once']);

    const paid = buying();
    paid.ann.pay('A-1', 'A-2').refund(200);
    expect(paid.log.codes()).toEqual(['order-refunded-once']);
  });

  it('an order paid without its points, or refunded another amount than the wallet got', () => {
    const unpaid = buying();
    unpaid.ann.place(['A-1', 'A-2']).reserve('A-1').reserve('A-2').paid(200);
    expect(unpaid.log.codes()).toEqual(['order-points-agree']);

    const other = buying();
    other.ann.place(['A-1', 'A-2']).spend(200).fail().refund(200).close(100);
    expect(other.log.codes()).toEqual(['order-points-agree']);
  });
});

describe('the audit finds in the charges', () => {
  it('points credited without an approval, twice, or more than approved', () => {
    const unapproved = new LogUnderAudit();
    new Fan(unapproved, 'ann').requestCharge().credit();
    expect(unapproved.codes()).toEqual(['charge-credited-once']);

    const twice = new LogUnderAudit();
    new Fan(twice, 'ann').charge().credit();
    expect(twice.codes()).toEqual(['charge-credited-once']);

    const more = new LogUnderAudit();
    new Fan(more, 'ann').requestCharge().approve().credit({ amount: 2_000 });
    expect(more.codes()).toEqual(['charge-credited-once']);
  });

  it('a charge approved twice, for another amount, or never requested', () => {
    const twice = new LogUnderAudit();
    new Fan(twice, 'ann').requestCharge().approve().approve();
    expect(twice.codes()).toEqual(['charge-outcome']);

    const other = new LogUnderAudit();
    new Fan(other, 'ann').requestCharge().approve({ amount: 999 });
    expect(other.codes()).toEqual(['charge-outcome']);

    const unknown = new LogUnderAudit();
    new Fan(unknown, 'ann').approve();
    expect(unknown.codes()).toEqual(['charge-outcome']);
  });

  it('a charge settled without needing it, and one credited although an operator rejected it', () => {
    const needless = new LogUnderAudit();
    new Fan(needless, 'ann').requestCharge().settle('credited');
    expect(needless.codes()).toEqual(['charge-outcome']);

    const decided = new LogUnderAudit();
    new Fan(decided, 'ann').charge().needAttention();
    expect(decided.codes()).toEqual(['charge-outcome']);

    const rejected = new LogUnderAudit();
    new Fan(rejected, 'ann').requestCharge().needAttention().settle('rejected').credit();
    expect(rejected.codes()).toEqual(['charge-credited-once']);
  });

  it('nothing in charges that an operator settled, or that wait for one', () => {
    const log = new LogUnderAudit();
    new Fan(log, 'ann').requestCharge().needAttention().settle('credited').credit();
    new Fan(log, 'bob').requestCharge().needAttention().settle('rejected');
    new Fan(log, 'cat').requestCharge().needAttention().approve().credit();
    new Fan(log, 'dan').requestCharge().approve().needAttention('wallet-closed');
    expect(log.codes(twoMinutesLater(log))).toEqual([]);
  });

  it('an approved charge that is not credited for more than a minute', () => {
    const log = new LogUnderAudit();
    new Fan(log, 'ann').requestCharge().approve();
    expect(log.codes()).toEqual([]);
    expect(log.codes(twoMinutesLater(log))).toEqual(['charge-overdue']);
  });
});

describe('the audit finds in the log itself', () => {
  it('a gap in a stream', () => {
    const log = new LogUnderAudit().catalog();
    const revision = log.events.at(-1)?.revision ?? 0;
    expect(log.tamper({ revision: revision + 1 }).codes()).toEqual(['stream-revision']);
  });

  it('positions that do not grow', () => {
    const log = new LogUnderAudit().catalog();
    expect(log.tamper({ position: log.events[0]?.position ?? 0 } as object).codes()).toEqual([
      'position-order',
    ]);
  });

  it('data and metadata that do not fit, and types it does not know', () => {
    const data = new LogUnderAudit();
    new Fan(data, 'ann').requestCharge();
    expect(data.tamper({ data: { amount: -1 } }).codes()).toEqual(['event-valid']);

    const metadata = new LogUnderAudit();
    new Fan(metadata, 'ann').requestCharge();
    expect(metadata.tamper({ metadata: { schemaVersion: 2 } }).codes()).toEqual(['event-valid']);

    const type = new LogUnderAudit();
    new Fan(type, 'ann').requestCharge();
    expect(type.tamper({ type: 'SeatStolen' }).codes()).toEqual(['event-valid']);
  });

  it('an event id that occurs twice', () => {
    const log = new LogUnderAudit().catalog();
    expect(log.tamper({ id: log.events[0]?.id ?? '' }).codes()).toEqual(['event-id-unique']);
  });

  it('an event in the stream of something else', () => {
    const log = new LogUnderAudit();
    const userId = new Fan(log, 'ann').userId;
    log.add(`session-${userId}`, { type: 'UserErased', data: { userId } });
    log.add(`user-${id('other')}`, { type: 'UserErased', data: { userId } });
    log.add(`seat-${id('schedule')}.A-2`, {
      type: 'SeatHoldReleased',
      data: {
        scheduleId: id('schedule'),
        seatId: seat('A-1'),
        holdId: id('hold'),
        userId,
        reason: 'released',
      },
    });
    const found = log.audit().findings.filter((finding) => finding.code === 'stream-identity');
    expect(found).toHaveLength(3);
  });
});
