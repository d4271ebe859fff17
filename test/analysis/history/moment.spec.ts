import { asOf, type LogPosition, upTo } from '../../../src/analysis/history/past-events.js';
import type { Position } from '../../../src/event-store/port.js';
import type { Instant } from '../../../src/events/ids.js';

const place = (position: number, second: number): LogPosition => ({
  position: position as Position,
  at: `2026-11-22T09:00:0${second}.000Z` as Instant,
});

describe('a stream as of a time', () => {
  // The third event was decided by a process whose clock was behind.
  const events = [place(1, 1), place(2, 5), place(3, 3), place(4, 6)];

  it('is its beginning, not a selection', () => {
    expect(upTo(events, { kind: 'time', at: place(0, 4).at })).toEqual(events.slice(0, 1));
    expect(upTo(events, { kind: 'time', at: place(0, 5).at })).toEqual(events.slice(0, 3));
    expect(upTo(events, { kind: 'position', position: 3 as Position })).toEqual(events.slice(0, 3));
  });

  it('is named by its last position, and by the latest clock when asked for by position', () => {
    const moment = { kind: 'position', position: 3 as Position } as const;
    expect(asOf(moment, upTo(events, moment))).toEqual({ position: 3, at: place(0, 5).at });
  });
});
