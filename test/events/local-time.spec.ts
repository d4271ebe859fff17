import fc from 'fast-check';
import type { Instant } from '../../src/events/ids.js';
import { atLocalTime, isDate, isKnownTimeZone, localTimeOf } from '../../src/events/local-time.js';

const instantAt = (date: string, time: string, zone: string) => atLocalTime(date, time, zone)?.instant;

describe('local times', () => {
  it('become the moment at which the clocks of the zone show them', () => {
    expect(instantAt('2026-10-25', '01:59', 'Europe/Berlin')).toBe('2026-10-24T23:59:00.000Z');
    expect(instantAt('2026-10-25', '03:00', 'Europe/Berlin')).toBe('2026-10-25T02:00:00.000Z');
    expect(instantAt('2026-03-29', '01:59', 'Europe/Berlin')).toBe('2026-03-29T00:59:00.000Z');
    expect(instantAt('2026-03-29', '03:00:30', 'Europe/Berlin')).toBe('2026-03-29T01:00:30.000Z');
    expect(instantAt('2027-01-02', '20:00', 'US/Pacific')).toBe('2027-01-03T04:00:00.000Z');
  });

  it.each([
    // Of the same rule in every zone: the offset before the change.
    ['Europe/Berlin', '2027-03-28', '02:30', '2027-03-28T01:30:00.000Z', 'skipped'],
    ['America/New_York', '2027-03-14', '02:30', '2027-03-14T07:30:00.000Z', 'skipped'],
    ['Europe/London', '2027-03-28', '01:30', '2027-03-28T01:30:00.000Z', 'skipped'],
    ['Australia/Lord_Howe', '2027-10-03', '02:15', '2027-10-02T15:45:00.000Z', 'skipped'],
    ['Pacific/Apia', '2011-12-30', '20:00', '2011-12-31T06:00:00.000Z', 'skipped'],
    ['Europe/Berlin', '2027-10-31', '02:30', '2027-10-31T00:30:00.000Z', 'repeated'],
    ['America/New_York', '2027-11-07', '01:30', '2027-11-07T05:30:00.000Z', 'repeated'],
    ['Europe/London', '2027-10-31', '01:30', '2027-10-31T00:30:00.000Z', 'repeated'],
    ['Australia/Lord_Howe', '2027-04-04', '01:45', '2027-04-03T14:45:00.000Z', 'repeated'],
    ['America/St_Johns', '2027-11-07', '01:30', '2027-11-07T04:00:00.000Z', 'repeated'],
  ])(
    'in an hour that %s skips or repeats are read with the offset before the change: %s %s',
    (zone, date, time, instant, change) => {
      expect(atLocalTime(date, time, zone)).toEqual({ instant, change });
    },
  );

  it('are none when date, time or zone is none', () => {
    expect(atLocalTime('2026-02-29', '03:00', 'Europe/Berlin')).toBeUndefined();
    expect(atLocalTime('2026-02-28', '24:00', 'Europe/Berlin')).toBeUndefined();
    expect(atLocalTime('2026-02-28', '20:00', 'Mars/Base')).toBeUndefined();
    expect(atLocalTime('2026-02-28', '20:00', '+09:00')).toBeUndefined();
    expect([isDate('2026-12-31'), isDate('9999-12-31'), isDate('2026-1-1')]).toEqual([true, false, false]);
    expect([isKnownTimeZone('Asia/Seoul'), isKnownTimeZone('Seoul')]).toEqual([true, false]);
  });

  it('are written with their offset', () => {
    const at = (text: string) => text as Instant; // a literal of the right form
    expect(localTimeOf(at('2026-12-24T15:30:00.000Z'), 'Asia/Seoul')).toBe('2026-12-25T00:30:00+09:00');
    expect(localTimeOf(at('2026-12-24T02:30:00.000Z'), 'America/St_Johns')).toBe('2026-12-23T23:00:00-03:30');
    expect(localTimeOf(at('2026-12-24T02:30:00.000Z'), 'Nowhere')).toBe('2026-12-24T02:30:00+00:00');
  });

  it('read back what is written, unless a clock change stands between', () => {
    const zones = fc.constantFrom(
      'Asia/Seoul',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
    );
    const minutes = fc.integer({ min: 0, max: 366 * 24 * 60 });
    fc.assert(
      fc.property(zones, minutes, (zone, minute) => {
        // A literal of the right form.
        const instant = new Date(Date.UTC(2027, 0, 1) + minute * 60_000).toISOString() as Instant;
        const local = localTimeOf(instant, zone);
        expect(Date.parse(local)).toBe(Date.parse(instant));
        const read = atLocalTime(local.slice(0, 10), local.slice(11, 19), zone);
        if (read?.change === undefined) expect(read?.instant).toBe(instant);
        else expect(read.change).toBe('repeated');
      }),
    );
  });
});
