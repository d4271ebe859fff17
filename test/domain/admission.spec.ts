import { admissionDecider, admissionOf, paceLeft } from '../../src/domain/admission.js';
import { hashSeed } from '../../src/domain/shuffle.js';
import { performanceIdSchema } from '../../src/events/ids.js';
import type { AdmissionEvent } from '../../src/events/queue-events.js';
import { at, given, named } from './given.js';

const performanceId = named(performanceIdSchema, 'p');
const seed = 'ab'.repeat(32);
const claimWindowMs = 5_000;
const opened: AdmissionEvent = { type: 'QueueOpened', data: { performanceId, seed, shuffledCount: 3 } };
const admitted = (from: number, to: number, ms = 0): AdmissionEvent => ({
  type: 'TokensAdmitted',
  data: { performanceId, from, to, admittedAt: at(ms), expiresAt: at(ms + claimWindowMs) },
});
const open = {
  kind: 'open',
  performanceId,
  seed,
  seedHash: hashSeed(seed),
  opensAt: null,
  shuffledCount: 3,
} as const;
const admit = (from: number, to: number, change: object = {}) =>
  ({
    kind: 'admit',
    performanceId,
    from,
    to,
    waitingInRange: to - from,
    active: 0,
    maxActive: 10,
    admitPerSecond: 10,
    claimWindowMs,
    ...change,
  }) as const;
const past = (...history: AdmissionEvent[]) => given(admissionDecider, history);

describe('opening a queue', () => {
  it('reveals the seed once', () => {
    expect(past().when(open)).toEqual([opened]);
    expect(past(opened).when({ ...open, seed: 'cd'.repeat(32) })).toEqual([]);
    expect(past().state).toEqual({ opening: undefined, admittedUpTo: 0, recent: [] });
    expect(past(opened).state.opening).toEqual({ seed, shuffledCount: 3 });
  });

  it('waits for its time, to the millisecond', () => {
    expect(past().when({ ...open, opensAt: at(1_000) }, at(999))).toBe('queue-not-open');
    expect(past().when({ ...open, opensAt: at(1_000) }, at(1_000))).toEqual([opened]);
    expect(past().factsOf({ ...open, opensAt: at(1_000) }, at(999))).toEqual({ opensAt: at(1_000) });
  });

  it('refuses a seed whose hash was not published', () =>
    expect(past().when({ ...open, seed: 'cd'.repeat(32) })).toBe('seed-mismatch'));
});

describe('admitting', () => {
  it('needs an open queue', () => expect(past().when(admit(0, 1))).toBe('queue-not-open'));

  it('lets contiguous ranges in and nothing else', () => {
    expect(past(opened).when(admit(0, 4))).toEqual([admitted(0, 4)]);
    expect(past(opened, admitted(0, 4)).when(admit(4, 6))).toEqual([admitted(4, 6)]);
    for (const [from, to] of [
      [0, 4],
      [3, 6],
      [5, 6],
      [4, 4],
      [4, 3],
    ] as const) {
      expect(past(opened, admitted(0, 4)).when(admit(from, to))).toBe('places-out-of-order');
    }
  });

  it('keeps at most maxActive inside', () => {
    expect(past(opened).when(admit(0, 4, { active: 6 }))).toHaveLength(1);
    expect(past(opened).when(admit(0, 4, { active: 7 }))).toBe('places-out-of-order');
    expect(past(opened).when(admit(0, 4, { active: 7, waitingInRange: 3 }))).toHaveLength(1);
  });

  it('keeps the pace within a sliding second', () => {
    const eight = past(opened, admitted(0, 8, 0));
    expect(eight.when(admit(8, 10), at(999))).toHaveLength(1);
    expect(eight.when(admit(8, 11), at(999))).toBe('places-out-of-order');
    expect(eight.when(admit(8, 18), at(1_000))).toHaveLength(1);
    expect(eight.when(admit(8, 19, { maxActive: 100 }), at(1_000))).toBe('places-out-of-order');
  });

  it('gives each range its own time to enter', () => {
    const [event] = past(opened).when(admit(0, 1), at(700));
    expect(event).toEqual(admitted(0, 1, 700));
  });
});

describe('paceLeft', () => {
  it('lets one fan in every ten seconds at the slowest pace', () => {
    const { state } = past(opened, admitted(0, 1, 0));
    expect(paceLeft(state, 0.1, at(9_999))).toBe(0);
    expect(paceLeft(state, 0.1, at(10_000))).toBe(1);
  });

  it('remembers ranges that count for the pace even when their time to enter is over', () => {
    const lapsedAtOnce = [0, 500].map(
      (ms, place): AdmissionEvent => ({
        type: 'TokensAdmitted',
        data: { performanceId, from: place, to: place + 1, admittedAt: at(ms), expiresAt: at(0) },
      }),
    );
    const { state } = past(opened, ...lapsedAtOnce);
    expect(paceLeft(state, 2, at(999))).toBe(0);
    expect(paceLeft(state, 2, at(1_000))).toBe(1);
  });
});

describe('paceLeft, for any pace', () => {
  it('is one fan at least, even where rounding makes a window a little too short', () => {
    for (const pace of [0.1, 0.3, 0.7, 0.9, 1]) expect(paceLeft(past(opened).state, pace, at(0))).toBe(1);
    expect(paceLeft(past(opened).state, 2.5, at(0))).toBe(2);
  });

  it('is never negative, also when the pace was lowered', () => {
    const { state } = past(opened, admitted(0, 8), admitted(8, 10, 500));
    expect([2, 9, 10, 11].map((pace) => paceLeft(state, pace, at(999)))).toEqual([0, 0, 0, 1]);
  });
});

describe('admissionOf', () => {
  it('knows who was admitted as long as they may enter, and forgets them some time after', () => {
    const { state } = past(opened, admitted(0, 4), admitted(4, 6, 4_999));
    expect(admissionOf(state, 3)).toMatchObject({ from: 0, to: 4 });
    expect(admissionOf(state, 4)).toMatchObject({ from: 4, to: 6 });
    expect(admissionOf(state, 6)).toBeUndefined();
    expect(admissionOf({ ...state, recent: state.recent.slice(1) }, 3)).toBeUndefined();
    expect(past(opened, admitted(0, 4), admitted(4, 6, 60_000)).state.recent).toHaveLength(1);
    const stillInTime = past(
      opened,
      {
        type: 'TokensAdmitted',
        data: { performanceId, from: 0, to: 4, admittedAt: at(0), expiresAt: at(60_001) },
      },
      admitted(4, 6, 60_000),
    );
    expect(admissionOf(stillInTime.state, 3)).toMatchObject({ from: 0 });
  });

  it('forgets a range once it is lapsed and too old for the slowest pace, to the millisecond', () => {
    const first = (expiresAt: number): AdmissionEvent => ({
      type: 'TokensAdmitted',
      data: { performanceId, from: 0, to: 1, admittedAt: at(0), expiresAt: at(expiresAt) },
    });
    const remembered = (expiresAt: number, ms: number) =>
      past(opened, first(expiresAt), admitted(1, 2, ms)).state.recent.length;
    expect([remembered(0, 9_999), remembered(0, 10_000)]).toEqual([2, 1]);
    expect([remembered(20_001, 20_000), remembered(20_000, 20_000)]).toEqual([2, 1]);
  });
});
