import { auditLog } from '../../../src/analysis/audit/auditor.js';
import { InMemoryEventStore } from '../../../src/event-store/in-memory-event-store.js';
import { Fan } from './fan.js';
import { at, id, LogUnderAudit } from './log-under-audit.js';

/** Everything the service does, done right: bought, cancelled, released, lapsed, taken over, left, failed. */
function cleanLog(): LogUnderAudit {
  const log = new LogUnderAudit();
  const [ann, bob, cat, dan, eve] = ['ann', 'bob', 'cat', 'dan', 'eve'].map((name) => new Fan(log, name));
  if (!ann || !bob || !cat || !dan || !eve) throw new Error('five fans');
  log.catalog({ maxActive: 3 });
  for (const fan of [ann, bob, cat]) fan.charge().queue();
  ann.number(); // a retry: the second number is nobody's
  log.open();
  log.admit(0, 1);
  ann.enter(0).hold('A-1', 'A-2').release('A-2').giveBack(['A-2']);
  ann.pay('A-1');
  log.admit(1, 3);
  const admitted = at(log.ms);
  bob.enter(1, { admittedAt: admitted }).hold('A-2');
  cat.enter(2, { admittedAt: admitted });
  // Bob's hold lapses and Cat takes the seat in the same moment.
  log.ms += 300_000;
  bob.lapse('A-2', at(log.ms + 1_000));
  cat.hold('A-2');
  bob.giveBack(['A-2'], 'expired');
  cat.pay('A-2');
  cat.cancel().refund(100).unreserve('A-2').giveBack(['A-2'], 'order-cancelled').close(100);
  log.ms += 600_000;
  bob.expire('time-used-up', at(log.ms));
  dan.charge().queue();
  eve.queue().leave();
  log.admit(3, 6);
  dan.enter(4, { admittedAt: at(log.ms) });
  // Dan's first request runs twice, takes one of its seats, loses the other, and is given back.
  dan.holdId = id('lost hold');
  dan.ask(['A-3', 'A-1']).askAgain().take(['A-3']).release('A-3', { reason: 'conflict' }).bar('A-1');
  dan.giveBack(['A-3', 'A-1'], 'conflict');
  dan.holdId = id('hold dan');
  // Dan's order fails half way: what it took goes back.
  dan.hold('A-3', 'A-4');
  dan.place(['A-3', 'A-4']).spend(200).reserve('A-3').fail();
  dan.refund(200).unreserve('A-3').release('A-4', { reason: 'order-failed' });
  dan.giveBack(['A-3', 'A-4'], 'order-failed').close(200);
  eve.closeWallet();
  return log;
}

describe('a log the service could have written', () => {
  it('has no findings, and every check looked at something or had nothing to look at', () => {
    const report = cleanLog().audit();
    expect(report.findings).toEqual([]);
    expect(report.clean).toBe(true);
    const idle = report.checks.filter((check) => check.examined === 0).map((check) => check.code);
    expect(idle).toEqual([
      'hold-overdue',
      'order-overdue',
      'cancelled-date-refunded',
      'charge-overdue',
      'order-items-refunded-once',
      'stray-hold-ends',
    ]);
  });

  it('sums up points, seats and orders', () => {
    const report = cleanLog().audit();
    expect(report.points).toEqual({ charged: 4_000, spent: 400, refunded: 300, balance: 3_900 });
    expect(report).toMatchObject({ seatsReserved: 1, ordersPaid: 1, events: cleanLog().events.length });
  });

  it('lists holds and orders that have not ended yet', () => {
    const log = cleanLog();
    const fay = new Fan(log, 'fay');
    fay.charge().queue();
    log.admit(6, 7);
    fay.enter(6).hold('A-3', 'A-4').place(['A-3', 'A-4']);
    const report = log.audit();
    expect(report.findings).toEqual([]);
    expect(report.liveHolds.count).toBe(2);
    expect(report.liveHolds.first[0]?.at).toBe(fay.holdEnds);
    expect(report.openOrders).toEqual({
      count: 1,
      first: [{ stream: `order-${fay.orderId}`, at: at(log.ms) }],
    });
  });

  it('is read page by page up to the head, and judged at its own last moment', async () => {
    const store = new InMemoryEventStore();
    const log = cleanLog();
    const gina = new Fan(log, 'gina');
    gina.charge().queue();
    log.admit(6, 7);
    gina.enter(6);
    for (let round = 0; round < 300; round++) {
      gina.holdId = id(`hold ${round}`);
      gina.hold('A-3').release('A-3').giveBack(['A-3']);
      log.ms -= 4_000; // all in one moment, so that the turn does not run out
    }
    gina.holdId = id('last hold');
    gina.hold('A-3');
    for (const { stream, ...event } of log.events) await store.append(stream, 'any', [event]);
    const seen: number[] = [];
    const report = await auditLog(store, { onProgress: ({ events }) => seen.push(events) });
    expect(report.findings).toEqual([]);
    expect(report.events).toBe(log.events.length);
    expect(report.liveHolds.count).toBe(1);
    const moments = log.events.map((event) => (event.metadata as { occurredAt: string }).occurredAt);
    expect(report.judgedAt).toBe(moments.sort().at(-1));
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe(log.events.length);
    await store.close();
  });

  it('may be empty', async () => {
    const report = await auditLog(new InMemoryEventStore());
    expect(report).toMatchObject({ clean: true, events: 0, lastPosition: null });
  });
});
