import { Fan } from './fan.js';
import { at, LogUnderAudit } from './log-under-audit.js';

const inAnHour = at(3_600_000);

describe('the audit finds in the queue', () => {
  it('a number given to a turn nobody requested', () => {
    const log = new LogUnderAudit().catalog();
    new Fan(log, 'ann').number();
    expect(log.codes()).toEqual(['queue-number']);
  });

  it('a queue that opens twice, too early, or with another seed', () => {
    expect(new LogUnderAudit().catalog().open().open().codes()).toEqual(['queue-opening']);
    expect(new LogUnderAudit().catalog({ opensAt: inAnHour }).open().codes()).toEqual(['queue-opening']);
    expect(
      new LogUnderAudit()
        .catalog()
        .open({ seed: 'cd'.repeat(32) })
        .codes(),
    ).toEqual(['queue-opening']);
  });

  it('a shuffle of more fans than had joined', () => {
    const log = new LogUnderAudit().catalog();
    new Fan(log, 'ann').queue();
    expect(log.open({ shuffledCount: 2 }).codes()).toEqual(['queue-opening']);
  });

  it('places skipped, repeated or invented, and an admission before the opening', () => {
    const queue = () => {
      const log = new LogUnderAudit().catalog({ maxActive: 10 });
      for (const name of ['a', 'b', 'c']) new Fan(log, name).queue();
      return log;
    };
    expect(queue().open().admit(0, 1).admit(1, 3).codes()).toEqual([]);
    expect(queue().open().admit(0, 1).admit(2, 3).codes()).toEqual(['admission-order']);
    expect(queue().open().admit(0, 2).admit(1, 3).codes()).toEqual(['admission-order']);
    expect(queue().open().admit(0, 4).codes()).toEqual(['admission-order']);
    expect(queue().admit(0, 1).codes()).toEqual(['admission-order']);
  });

  it('a fan who enters without having been admitted, or at somebody else’s place', () => {
    const early = new LogUnderAudit().catalog();
    const ann = new Fan(early, 'ann').queue();
    early.open();
    ann.enter(0);
    expect(early.codes()).toEqual(['entry-admitted']);

    const jumped = new LogUnderAudit().catalog();
    new Fan(jumped, 'ann').queue();
    const bob = new Fan(jumped, 'bob').queue();
    jumped.open().admit(0, 1);
    bob.enter(0);
    expect(jumped.codes()).toEqual(['entry-admitted']);
  });

  it('a fan who enters at the number and not at the shuffled place', () => {
    const queue = () => {
      const log = new LogUnderAudit().catalog({ maxActive: 10 });
      const fans = ['a', 'b', 'c'].map((name) => new Fan(log, name).queue());
      log.open({ shuffledCount: 3 }).admit(0, 3);
      return { log, fans, admittedAt: at(log.ms) };
    };
    // The order that the seed in these tests gives to three fans, computed apart from the published rule.
    const places = [1, 2, 0];
    const right = queue();
    right.fans.forEach((fan, number) => {
      fan.enter(places[number] ?? -1, { admittedAt: right.admittedAt });
    });
    const wrong = queue();
    wrong.fans.forEach((fan, number) => {
      fan.enter(number, { admittedAt: wrong.admittedAt });
    });
    expect([right.log.codes(), wrong.log.codes()]).toEqual([[], ['entry-admitted']]);
  });

  it('a fan who enters after the claim deadline', () => {
    const log = new LogUnderAudit().catalog();
    const ann = new Fan(log, 'ann').queue();
    log.open().admit(0, 1);
    ann.enter(0, {}, inAnHour);
    expect(log.codes()).toEqual(['entry-in-time']);
  });

  it('more fans inside than allowed, not counting those who left or lapsed', () => {
    const queue = () => {
      const log = new LogUnderAudit().catalog(); // two may be inside
      const fans = ['a', 'b', 'c'].map((name) => new Fan(log, name).queue());
      log.open().admit(0, 2);
      return { log, fans };
    };
    expect(queue().log.admit(2, 3).codes()).toEqual(['active-limit']);

    const left = queue();
    left.fans[0]?.leave();
    expect(left.log.admit(2, 3).codes()).toEqual([]);

    const waiting = new LogUnderAudit().catalog();
    const [first] = ['a', 'b', 'c'].map((name) => new Fan(waiting, name).queue());
    first?.leave();
    expect(waiting.open().admit(0, 3).codes()).toEqual([]);

    const lapsed = queue();
    lapsed.log.ms += 60_000;
    expect(lapsed.log.admit(2, 3).codes()).toEqual([]);
  });

  it('an admission by rules that were replaced long ago, not by those replaced a moment ago', () => {
    const queue = () => {
      const log = new LogUnderAudit().catalog();
      for (const name of ['a', 'b']) new Fan(log, name).queue();
      return log.open().performance({ maxActive: 1 });
    };
    expect(queue().admit(0, 2).codes()).toEqual([]);
    const late = queue();
    late.ms += 120_000;
    expect(late.admit(0, 2).codes()).toEqual(['active-limit']);
  });
});
