import type { RecordedEvent } from '../../src/event-store/port.js';
import { checkLedger } from './check-ledger.js';
import type { CycleResult } from './cycle.js';
import { Ledger } from './ledger.js';
import { LogFacts } from './log-facts.js';
import { readOptions } from './options.js';
import { ChaosRun } from './run.js';

describe('the kill harness', () => {
  it('finds nothing in an office that is killed, then frozen, and leaves nothing behind', async () => {
    const settings = { cycles: 2, from: 0, seed: 3, fans: 4, faults: ['kill', 'freeze'] };
    const lengths = {
      freezeMs: 500,
      redisAwayMs: 500,
      logAwayMs: 500,
      clockShiftMs: 500,
      convergenceMs: 120_000,
    };
    const run = new ChaosRun('embedded', { ...settings, ...lengths });
    const results: CycleResult[] = [];
    try {
      for await (const result of run.cycles()) results.push(result);
    } finally {
      await run.close({ keep: false });
    }
    expect(results.map(({ fault }) => fault).sort()).toEqual(['freeze', 'kill']);
    expect(results.flatMap(({ findings }) => findings)).toEqual([]);
    expect(results.every(({ acknowledged, unknown }) => acknowledged > 0 && unknown === 0)).toBe(true);
    expect(run.folder).toBeUndefined();
  });

  it.each([
    ['--speed', /--speed/],
    ['--cycles=many', /--cycles/],
    ['--mode=cloud', /--mode/],
    ['--faults=earthquake', /earthquake/],
  ])('refuses %s, naming it', (option, message) => {
    expect(() => readOptions([option])).toThrow(message);
  });
});

/** When every event here was written. */
const writtenAt = '2030-01-01T00:00:05.000Z';

describe('its ledger', () => {
  const told = () => {
    const ledger = new Ledger('/dev/null');
    ledger.write('fan', { kind: 'charged', chargeId: 'c', amount: 300 });
    ledger.write('fan', { kind: 'token', tokenId: 't', number: 0 });
    const expiresAt = '2030-01-01T00:00:06.000Z';
    ledger.write('fan', { kind: 'held', holdId: 'h', scheduleId: 's', seatIds: ['A'], expiresAt });
    ledger.write('fan', { kind: 'paid', orderId: 'o', holdId: 'h', seatIds: ['A'], amount: 100 });
    return ledger;
  };
  const seat = { scheduleId: 's', seatId: 'A', holdId: 'h', userId: 'fan' };
  const events: readonly (readonly [type: string, data: object])[] = [
    ['ChargeRequested', { chargeId: 'c', userId: 'fan', amount: 300 }],
    ['ChargeApproved', { chargeId: 'c', userId: 'fan', amount: 300 }],
    ['PointsCharged', { chargeId: 'c', userId: 'fan', amount: 300 }],
    ['TokenIssued', { tokenId: 't' }],
    ['SeatHeld', { ...seat, expiresAt: '2030-01-01T00:00:06.000Z' }],
    ['OrderPlaced', { orderId: 'o', userId: 'fan', total: 100, items: [{ seatId: 'A' }] }],
    ['PointsSpent', { orderId: 'o', userId: 'fan', amount: 100 }],
    ['SeatReserved', { ...seat, orderId: 'o' }],
    ['OrderPaid', { orderId: 'o', userId: 'fan', total: 100 }],
  ];
  const findings = (log: typeof events, ledger = told()) => {
    const facts = new LogFacts();
    for (const [type, data] of log) facts.apply(eventOf(type, data));
    return checkLedger(ledger, facts);
  };

  it('agrees with a log that has every receipt once', () => {
    expect(findings(events)).toEqual([]);
  });

  it.each(events.map(([type]) => type).filter((type) => type !== 'OrderPlaced'))(
    'misses a %s that is gone',
    (gone) => {
      expect(findings(events.filter(([type]) => type !== gone))).not.toEqual([]);
    },
  );

  it('excuses an early end only where a clock was wrong at the time', () => {
    const early: typeof events = [
      ['TokenIssued', { tokenId: 't' }],
      ['SeatHeld', { ...seat, expiresAt: new Date(Date.parse(writtenAt) + 1_500).toISOString() }],
      ['SeatHoldExpired', { ...seat }],
    ];
    const isEarly = (ledger: Ledger) => findings(early, ledger).some((finding) => finding.includes('early'));
    const writtenMs = Date.parse(writtenAt);
    const wrong = (fromMs: number, shiftMs: number): Ledger => {
      const ledger = told();
      ledger.clockFaults.push({ fromMs, toMs: fromMs + 100, shiftMs });
      return ledger;
    };
    expect(isEarly(told())).toBe(true);
    expect(isEarly(wrong(writtenMs, 2_000))).toBe(false);
    expect(isEarly(wrong(writtenMs, 1_000))).toBe(true);
    expect(isEarly(wrong(writtenMs - 60_000, 2_000))).toBe(true);
  });

  it.each(['PointsCharged', 'PointsSpent', 'SeatReserved', 'OrderPaid'])('sees a %s too many', (type) => {
    expect(findings(events.flatMap((event) => (event[0] === type ? [event, event] : [event])))).not.toEqual(
      [],
    );
  });

  it('sees an order, a charge and a hold nobody was told of, but for who got no answer', () => {
    const silent = new Ledger('/dev/null');
    expect(findings(events, silent)).toHaveLength(3);
    silent.write('fan', { kind: 'unknown', what: 'pay' });
    expect(findings(events, silent)).toEqual([]);
  });

  it('sees a hold that expired before its deadline', () => {
    const early = [...events.slice(0, 5), ['SeatHoldExpired', seat] as const];
    expect(findings(early).join()).toContain('1000 ms early');
  });
});

/** Written one second before the deadline of the hold above. */
function eventOf(type: string, data: object): RecordedEvent {
  const at = { stream: 's', revision: 0, position: 0 as RecordedEvent['position'] }; // nobody compares it here
  return { id: 'e', type, data, metadata: {}, ...at, recordedAtMs: Date.parse(writtenAt) };
}
