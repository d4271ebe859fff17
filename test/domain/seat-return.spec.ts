import type { SeatEvent } from '../../src/events/seat-events.js';
import { returnMoment } from '../../src/events/seat-events.js';
import { at } from './given.js';
import {
  barrier,
  cancelled,
  deadline,
  expired,
  giveBack,
  held,
  hold,
  holdId,
  of,
  past,
  released,
  reserve,
  reserved,
  seat,
} from './seat-history.js';

const delay = { returnDelayMs: 2_300 };
/** The deadline of the holds is at 1,000 ms: 3,300, with all others at 4,000. */
const afterLapse = at(4_000);
const heldFor = (name: string, change: object = delay): SeatEvent => {
  const event = held(name);
  return { ...event, data: { ...event.data, ...change } } as SeatEvent; // the event with fields that it may have
};
const from = (event: SeatEvent, availableFrom = afterLapse): SeatEvent =>
  ({ ...event, data: { ...event.data, availableFrom } }) as SeatEvent; // as above
const late = (name: string) => hold(name, at(60_000));

describe('a seat whose hold drew a delay', () => {
  it('keeps the delay in the log with the hold', () =>
    expect(past().when({ ...hold('mina'), ...delay })).toEqual([heldFor('mina')]));

  it('comes back in a batch after its hold has lapsed, not at the deadline, for anybody', () => {
    const lapsed = past(heldFor('mina'));
    for (const fan of ['jun', 'mina again']) {
      expect(lapsed.when(late(fan), at(deadline))).toBe('seat-held');
      expect(lapsed.when(late(fan), at(3_999))).toBe('seat-held');
    }
    const [end, next] = lapsed.when(late('jun'), afterLapse);
    expect([end, next]).toEqual([from(expired('mina')), expect.objectContaining({ type: 'SeatHeld' })]);
  });

  it('comes back no sooner when the expiry is written at the deadline', () => {
    expect(
      past(heldFor('mina')).when({ kind: 'expire', ...seat, holdId: holdId('mina') }, at(deadline)),
    ).toEqual([from(expired('mina'))]);
    const ended = past(heldFor('mina'), from(expired('mina')));
    expect(ended.when(late('jun'), at(3_999))).toBe('seat-held');
    expect(ended.when(late('jun'), afterLapse)).toHaveLength(1);
  });

  it('comes back after a release in the same way, to the fan who released it too', () => {
    const release = { kind: 'release', ...seat, holdId: holdId('mina'), reason: 'released' } as const;
    // 200 + 2,300 is 2,500: at 3,000.
    expect(past(heldFor('mina')).when(release, at(200))).toEqual([from(released('mina'), at(3_000))]);
    const ended = past(heldFor('mina'), from(released('mina'), at(3_000)));
    expect(ended.when(late('mina again'), at(2_999))).toBe('seat-held');
    expect(ended.when(late('mina again'), at(3_000))).toHaveLength(1);
    expect(ended.when({ ...release, ...barrier('mina') }, at(200))).toEqual([]);
  });

  it('comes back at once when the request lost another seat, or the date or hall is another', () => {
    for (const reason of ['conflict', 'schedule-cancelled', 'hall-changed'] as const) {
      const release = { kind: 'release', ...seat, holdId: holdId('mina'), reason } as const;
      const [event] = past(heldFor('mina')).when(release, at(200));
      expect(event).toEqual({ type: 'SeatHoldReleased', data: { ...of('mina'), reason } });
    }
    expect(past(heldFor('mina'), released('mina', 'conflict')).when(late('jun'), at(200))).toHaveLength(1);
  });

  it('comes back in a batch after a cancelled or failed order', () => {
    const bought = [heldFor('mina'), reserved('mina')];
    for (const reason of ['order-cancelled', 'order-failed'] as const) {
      const back = from(cancelled('mina', reason), at(4_000));
      expect(past(...bought).when(giveBack('mina', reason), at(701))).toEqual([back]);
      expect(past(...bought, back).when(late('jun'), at(3_999))).toBe('seat-held');
      expect(past(...bought, back).when(late('jun'), at(4_000))).toHaveLength(1);
    }
    expect(past(heldFor('mina')).when(giveBack('mina'), at(700))).toEqual([
      from(released('mina', 'order-failed'), at(3_000)),
    ]);
  });

  it('cannot be paid for between the deadline and its return, and was not taken', () =>
    expect(past(heldFor('mina')).when(reserve('mina'), at(2_000))).toBe('hold-lapsed'));

  it('is free at once where the hold drew none, as in older logs', () => {
    expect(past(held('mina')).when(late('jun'), at(deadline))).toHaveLength(2);
    expect(past(held('mina'), released('mina')).when(late('jun'))).toHaveLength(1);
  });
});

describe('the moment at which a seat comes back', () => {
  it('is at a whole second, so that several seats come back together', () => {
    expect(returnMoment(at(0), 0)).toBeUndefined();
    expect(returnMoment(at(0), 1)).toBe(at(1_000));
    expect(returnMoment(at(400), 600)).toBe(at(1_000));
    expect(returnMoment(at(401), 600)).toBe(at(2_000));
  });
});
