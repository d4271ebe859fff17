import type { Instant } from '../../../src/events/ids.js';
import { Fan } from './fan.js';
import { at, type DataOf, id, LogUnderAudit, scheduleId, seat } from './log-under-audit.js';

const inAnHour = at(3_600_000);

/** A fan whose turn it is, inside. */
function inside(): { log: LogUnderAudit; ann: Fan } {
  const log = new LogUnderAudit().catalog();
  const ann = new Fan(log, 'ann').charge().queue();
  log.open().admit(0, 1);
  ann.enter(0);
  return { log, ann };
}

describe('the audit finds in the turns', () => {
  it('a turn that ends twice, or is entered after its end', () => {
    const twice = inside();
    twice.ann.leave().leave();
    expect(twice.log.codes()).toEqual(['token-transition']);

    const after = new LogUnderAudit().catalog();
    const bob = new Fan(after, 'bob').queue();
    after.open().admit(0, 1);
    const admittedAt = at(after.ms);
    bob.leave().enter(0, { admittedAt });
    expect(after.codes()).toEqual(['token-transition']);
  });

  it('a turn that ends for somebody else, or at another performance', () => {
    const fan = inside();
    fan.ann.leave({ userId: id('bob') });
    expect(fan.log.codes()).toEqual(['token-transition']);

    const performance = inside();
    performance.ann.leave({ performanceId: id('elsewhere') });
    expect(performance.log.codes()).toEqual(['token-transition']);
  });

  it('a turn requested twice', () => {
    const { log, ann } = inside();
    ann.request();
    expect(log.codes()).toEqual(['token-transition']);
  });

  it('a second live turn of one fan', () => {
    const { log, ann } = inside();
    ann.tokenId = id('second token');
    ann.request({ entry: 1 });
    expect(log.codes()).toEqual(['token-single-live']);
  });

  it('a turn that ends before its time', () => {
    const entered = inside();
    entered.ann.expire('time-used-up', at(entered.log.ms));
    expect(entered.log.codes()).toEqual(['turn-not-early']);

    const claimed = new LogUnderAudit().catalog();
    const bob = new Fan(claimed, 'bob').queue();
    claimed.open().admit(0, 1);
    bob.expire('claim-lapsed', at(claimed.ms));
    expect(claimed.codes()).toEqual(['turn-not-early']);

    const waiting = new LogUnderAudit().catalog();
    new Fan(waiting, 'bob').queue().expire('claim-lapsed', inAnHour);
    expect(waiting.codes()).toEqual(['turn-not-early']);
  });

  it('seats requested before entering, after the turn, or for longer than the turn', () => {
    const early = new LogUnderAudit().catalog();
    new Fan(early, 'ann').queue().ask(['A-1']);
    expect(early.codes()).toEqual(['request-in-turn']);

    const late = inside();
    late.ann.leave().ask(['A-1']);
    expect(late.log.codes()).toEqual(['request-in-turn']);

    const long = inside();
    long.ann.ask(['A-1'], { expiresAt: inAnHour });
    expect(long.log.codes()).toEqual(['request-in-turn']);
  });

  it('seats requested of another performance', () => {
    const { log, ann } = inside();
    ann.ask(['A-1'], { scheduleId: id('elsewhere') });
    expect(log.codes()).toEqual(['request-in-turn']);
  });

  it('a hold that no turn requested, or for another seat, fan or deadline', () => {
    const unasked = inside();
    unasked.ann.take(['A-1'], { expiresAt: inAnHour });
    expect(unasked.log.codes()).toEqual(['hold-requested']);

    for (const change of [
      { seatId: seat('A-2') },
      { userId: id<Fan['userId']>('bob') },
      { expiresAt: at(400_000) },
    ]) {
      const other = inside();
      const ask = other.ann.ask(['A-1']);
      ask.take([change.seatId ?? 'A-1'], change);
      expect(other.log.codes()).toEqual(['hold-requested']);
    }
  });

  it('a seat taken after the turn had ended, unless it is let go again', () => {
    const late = (steps: (ann: Fan) => Fan): LogUnderAudit => {
      const { log, ann } = inside();
      steps(ann);
      return log;
    };
    const completed = (ann: Fan) => ann.ask(['A-1']).complete().take(['A-1']);
    const kept = late(completed);
    expect(kept.codes()).toEqual([]);
    expect(kept.codes(at(kept.ms + 90_000))).toEqual(['stray-hold-ends']);
    expect(late((ann) => completed(ann).release('A-1')).codes(at(90_000))).toEqual([]);
    const sold = late((ann) => completed(ann).place(['A-1']).spend(100).reserve('A-1').paid(100));
    expect(sold.codes()).toContain('stray-hold-ends');
  });

  it('a seat taken after it was given back', () => {
    const { log, ann } = inside();
    ann.ask(['A-1']).giveBack(['A-1'], 'conflict').take(['A-1']);
    expect(log.codes()).toEqual(['return-is-final']);
    expect(log.codes(at(log.ms + 90_000))).toEqual(['return-is-final', 'stray-hold-ends']);
    ann.place(['A-1']).spend(100).reserve('A-1').paid(100);
    expect(log.codes()).toEqual(['return-is-final', 'stray-hold-ends']);
  });

  it('a seat that stops counting while its hold has it, or may get it yet', () => {
    const crossed = inside();
    crossed.ann.hold('A-1').giveBack(['A-1'], 'conflict');
    expect(crossed.log.codes()).toEqual(['return-after-end']);
    expect(crossed.log.codes(at(crossed.log.ms + 90_000))).toEqual(['return-after-end', 'stray-hold-ends']);

    for (const reason of ['released', 'expired', 'order-failed'] as const) {
      const open = inside();
      open.ann.ask(['A-1', 'A-2']).take(['A-1']).release('A-1').giveBack(['A-1', 'A-2'], reason);
      expect(open.log.codes()).toEqual(['return-after-end']);
      const barred = inside();
      barred.ann.ask(['A-1', 'A-2']).take(['A-1']).release('A-1').bar('A-2').giveBack(['A-1', 'A-2'], reason);
      expect(barred.log.codes()).toEqual([]);
    }
  });

  it('a seat of a request that runs twice and loses another, unless it bars the hold', () => {
    const alone = inside();
    alone.ann.ask(['A-1', 'A-2']).giveBack(['A-1', 'A-2'], 'conflict');
    expect(alone.log.codes()).toEqual([]);
    const twice = inside();
    twice.ann.ask(['A-1', 'A-2']).askAgain().bar('A-1').giveBack(['A-1', 'A-2'], 'conflict');
    expect(twice.log.codes()).toEqual(['return-after-end']);
    const barred = inside();
    barred.ann.ask(['A-1', 'A-2']).askAgain().bar('A-1').bar('A-2').giveBack(['A-1', 'A-2'], 'conflict');
    expect(barred.log.codes()).toEqual([]);
  });

  it('a request that goes on twice, for no hold, for somebody else, or after seats went back', () => {
    const broken: ((ann: Fan) => Fan)[] = [
      (ann) => ann.ask(['A-1']).askAgain().askAgain(),
      (ann) => ann.askAgain(),
      (ann) => ann.ask(['A-1']).askAgain({ userId: id('bob') }),
      (ann) => ann.ask(['A-1', 'A-2']).giveBack(['A-1'], 'conflict').askAgain(),
    ];
    for (const steps of broken) {
      const { log, ann } = inside();
      steps(ann);
      expect(log.codes()).toEqual(['request-repeated']);
    }
    const { log, ann } = inside();
    ann.ask(['A-1']).askAgain().take(['A-1']);
    expect(log.codes()).toEqual([]);
  });

  it('seats that stop counting while they are sold, or never counted', () => {
    const sold = inside();
    sold.ann.hold('A-1').pay('A-1').giveBack(['A-1']);
    expect(sold.log.codes()).toEqual(['return-after-free']);

    const twice = inside();
    twice.ann.hold('A-1').release('A-1').giveBack(['A-1']).giveBack(['A-1']);
    expect(twice.log.codes()).toEqual(['return-after-free']);
  });

  it('more seats in a turn than its limit', () => {
    const { log, ann } = inside();
    ann.ask(['A-1', 'A-2', 'A-3']);
    expect(log.codes()).toEqual(['seat-limit-turn']);
  });

  it('more seats of a fan than allowed, over several turns', () => {
    const { log, ann } = inside();
    ann.hold('A-1', 'A-2').pay('A-1', 'A-2');
    ann.tokenId = id('second token');
    ann.holdId = id('second hold');
    // This turn should have been refused: the limit was bought already.
    ann.request({ entry: 1 }).number();
    log.admit(1, 2);
    ann.enter(1).hold('A-3');
    expect(log.codes()).toEqual(['seat-limit-user']);
    expect(log.audit().findings).toHaveLength(1);
    expect(log.audit().findings[0]?.events[0]?.stream).toBe(`seat-${scheduleId}.A-3`);
  });
});

describe('the audit finds in the turns of fans who do not pay', () => {
  /** A fan inside, whose turn has these terms. */
  const under = (terms: DataOf<'TokenEntered'>['terms'], idleUntil?: Instant) => {
    const log = new LogUnderAudit().catalog();
    const ann = new Fan(log, 'ann').charge().queue();
    log.open().admit(0, 1);
    ann.enter(0, { terms, ...(idleUntil === undefined ? {} : { idleUntil }) });
    return { log, ann };
  };
  const lapse = (ann: Fan) => ann.hold('A-1').lapse('A-1').giveBack(['A-1'], 'expired');

  it('a request, or a turn that goes on, after more holds than allowed', () => {
    const ended = under({ maxLapsedHolds: 1 });
    lapse(ended.ann).expire('unpaid-holds', at(ended.log.ms));
    expect(ended.log.codes()).toEqual([]);

    const goesOn = under({ maxLapsedHolds: 1 });
    lapse(goesOn.ann);
    expect(goesOn.log.codes()).toEqual(['turn-ends-unpaid']);

    const asks = under({ maxReleasedHolds: 1 });
    asks.ann.hold('A-1').release('A-1').giveBack(['A-1']);
    asks.ann.holdId = id('second hold');
    asks.ann.ask(['A-2']).giveBack(['A-2'], 'conflict').expire('unpaid-holds', at(asks.log.ms));
    expect(asks.log.codes()).toEqual(['turn-ends-unpaid']);
  });

  it('a turn that ends for holds although it may have more, or has seats', () => {
    const few = under({ maxLapsedHolds: 2 });
    lapse(few.ann).expire('unpaid-holds', at(few.log.ms));
    expect(few.log.codes()).toEqual(['turn-not-early']);

    const holding = under({ maxLapsedHolds: 1 });
    lapse(holding.ann);
    holding.ann.holdId = id('second hold');
    holding.ann.ask(['A-2']).expire('unpaid-holds', at(holding.log.ms));
    expect(holding.log.codes()).toEqual(['turn-ends-unpaid', 'turn-not-early']);
  });

  it('a turn that ends as idle too early, or asks for seats after that', () => {
    const early = under({ idleWindowMs: 60_000 }, at(60_000));
    early.ann.expire('idle', at(59_999));
    expect(early.log.codes()).toEqual(['turn-not-early']);

    const late = under({ idleWindowMs: 60_000 }, at(60_000));
    late.ann.ask(['A-1'], {}, at(60_000)).giveBack(['A-1'], 'conflict');
    expect(late.log.codes(at(60_000))).toEqual(['turn-ends-idle']);
  });

  it('a seat asked for again while it cools down, or a turn that is not told that it does', () => {
    const until = at(60_000);
    const again = under({ seatCoolDownMs: 50_000 });
    again.ann.hold('A-1').release('A-1').giveBack(['A-1'], 'released', { coolUntil: until });
    again.ann.holdId = id('second hold');
    again.ann.ask(['A-1'], {}, at(59_999));
    expect(again.log.codes()).toEqual(['seat-cools-down']);

    const next = (cooling: DataOf<'TokenRequested'>['cooling'], when: number) => {
      const { log, ann } = under({ seatCoolDownMs: 50_000 });
      ann.hold('A-1').release('A-1').giveBack(['A-1'], 'released', { coolUntil: until }).leave();
      ann.tokenId = id('second token');
      log.ms = when - 1_000;
      ann.request({ entry: 1, ...(cooling === undefined ? {} : { cooling }) });
      return log.codes();
    };
    const told = [{ scheduleId, seatId: seat('A-1'), until }];
    expect(next(undefined, 59_000)).toEqual(['seat-cools-down']);
    expect(next(told, 59_000)).toEqual([]);
    expect(next(undefined, 60_000)).toEqual([]);
  });
});
