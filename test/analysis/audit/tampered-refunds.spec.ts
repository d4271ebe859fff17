import { Fan, refundId } from './fan.js';
import { at, id, LogUnderAudit } from './log-under-audit.js';

const otherRefundId = id<typeof refundId>('another refund');

/** A fan who has paid for two seats. */
function paidForTwo(): { log: LogUnderAudit; ann: Fan } {
  const log = new LogUnderAudit().catalog();
  const ann = new Fan(log, 'ann').charge().queue();
  log.open().admit(0, 1);
  ann
    .enter(0, { admittedAt: at(log.ms) })
    .hold('A-1', 'A-2')
    .pay('A-1', 'A-2');
  return { log, ann };
}

/** Gives the first seat back as the service does. */
const giveBackFirst = (fan: Fan) =>
  fan
    .cancelSeats(['A-1'])
    .refund(100, { refundId })
    .unreserve('A-1')
    .giveBack(['A-1'], 'order-cancelled')
    .seatsRefunded(100);

const codes = (log: LogUnderAudit) => [...new Set(log.audit().findings.map(({ code }) => code))];

describe('the audit of seats given back while the rest of the order stands', () => {
  it('finds nothing as long as each goes back once, and the rest later', () => {
    const { log, ann } = paidForTwo();
    giveBackFirst(ann);
    expect(log.audit().findings).toEqual([]);
    ann.cancel().refund(100).unreserve('A-2').giveBack(['A-2'], 'order-cancelled').close(100);
    expect(log.audit().findings).toEqual([]);
  });

  it('finds points that went back twice for one seat', () => {
    const { log, ann } = paidForTwo();
    giveBackFirst(ann).refund(100, { refundId });
    expect(codes(log)).toContain('order-refunded-once');
  });

  it('finds a closing refund that includes what went back before', () => {
    const { log, ann } = paidForTwo();
    giveBackFirst(ann);
    ann.cancel().refund(200).unreserve('A-2').giveBack(['A-2'], 'order-cancelled').close(200);
    expect(codes(log)).toContain('order-refunded-once');
  });

  it('finds a seat given back for another price, or that the order does not have', () => {
    const dear = paidForTwo();
    dear.ann.cancelSeats(['A-1'], { amount: 150 });
    expect(codes(dear.log)).toContain('order-items-refunded-once');
    const strange = paidForTwo();
    strange.ann.cancelSeats(['A-3']);
    expect(codes(strange.log)).toContain('order-items-refunded-once');
  });

  it('finds a seat given back by two refunds, or of an order that is cancelled', () => {
    const twice = paidForTwo();
    giveBackFirst(twice.ann).cancelSeats(['A-1'], { refundId: otherRefundId });
    expect(codes(twice.log)).toContain('order-items-refunded-once');
    const cancelled = paidForTwo();
    cancelled.ann.cancel().cancelSeats(['A-1']);
    expect(codes(cancelled.log)).toContain('order-items-refunded-once');
  });

  it('finds a refund with the id of another one', () => {
    const { log, ann } = paidForTwo();
    giveBackFirst(ann).cancelSeats(['A-2']);
    expect(codes(log)).toContain('order-items-refunded-once');
  });

  it('finds a refund that ends twice, or with other points than it began with', () => {
    const twice = paidForTwo();
    giveBackFirst(twice.ann).seatsRefunded(100);
    expect(codes(twice.log)).toEqual(['order-items-refunded-once']);
    const other = paidForTwo();
    other.ann.cancelSeats(['A-1']).refund(100, { refundId }).unreserve('A-1');
    other.ann.giveBack(['A-1'], 'order-cancelled').seatsRefunded(90);
    expect(codes(other.log)).toContain('order-items-refunded-once');
  });

  it('finds a refunded seat that is still reserved, and a refund that does not end', () => {
    const { log, ann } = paidForTwo();
    ann.cancelSeats(['A-1']).refund(100, { refundId }).seatsRefunded(100);
    expect(codes(log)).toContain('refunded-seats-free');
    const open = paidForTwo();
    open.ann.cancelSeats(['A-1']);
    open.log.ms += 600_000;
    expect(codes(open.log)).toContain('order-overdue');
  });

  it('finds a seat taken from an order that did not give it back', () => {
    const { log, ann } = paidForTwo();
    giveBackFirst(ann).unreserve('A-2');
    expect(codes(log)).toContain('paid-seats-reserved');
    const tooEarly = paidForTwo();
    giveBackFirst(tooEarly.ann.unreserve('A-1'));
    expect(codes(tooEarly.log)).toContain('paid-seats-reserved');
  });
});
