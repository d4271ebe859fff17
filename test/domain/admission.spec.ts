import { admissionDecider, admissionOf, paceLeft } from '../../src/domain/admission.js';
import { roundFor, timeOfRound } from '../../src/domain/beacon.js';
import { hashSeed } from '../../src/domain/shuffle.js';
import { performanceIdSchema } from '../../src/events/ids.js';
import type { AdmissionEvent } from '../../src/events/queue-events.js';
import { at, given, named } from './given.js';

const performanceId = named(performanceIdSchema, 'p');
const seed = 'ab'.repeat(32);
const claimWindowMs = 5_000;
const tokensDigest = 'ef'.repeat(32);
const opened: AdmissionEvent = {
  type: 'QueueOpened',
  data: { performanceId, seed, shuffledCount: 3, tokensDigest },
};
/** @param nextAtMs when the pace lets the next fan in. */
const admitted = (from: number, to: number, ms = 0, nextAtMs = ms): AdmissionEvent => ({
  type: 'TokensAdmitted',
  data: {
    performanceId,
    from,
    to,
    admittedAt: at(ms),
    expiresAt: at(ms + claimWindowMs),
    nextAt: at(nextAtMs),
  },
});
const open = {
  kind: 'open',
  performanceId,
  seed,
  seedHash: hashSeed(seed),
  opensAt: null,
  shuffledCount: 3,
  tokensDigest,
  isRoundNamed: false,
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
    expect(past().state).toEqual({
      closedDraw: undefined,
      opening: undefined,
      admittedUpTo: 0,
      recent: [],
      nextAt: undefined,
    });
    expect(past(opened).state.opening).toEqual({ seed, shuffledCount: 3, tokensDigest });
  });

  it('waits for its time, to the millisecond', () => {
    expect(past().when({ ...open, opensAt: at(1_000) }, at(999))).toBe('queue-not-open');
    expect(past().when({ ...open, opensAt: at(1_000) }, at(1_000))).toEqual([opened]);
    expect(past().factsOf({ ...open, opensAt: at(1_000) }, at(999))).toEqual({ opensAt: at(1_000) });
  });

  it('refuses a seed whose hash was not published', () =>
    expect(past().when({ ...open, seed: 'cd'.repeat(32) })).toBe('seed-mismatch'));
});

describe('opening a queue whose draw a public beacon decides', () => {
  const round = roundFor(at(0));
  const knownAt = timeOfRound(round);
  const signature = '12'.repeat(48);
  const close = {
    kind: 'close-draw',
    performanceId,
    opensAt: at(0),
    namedRound: round,
    shuffledCount: 3,
    tokensDigest,
  } as const;
  const closed: AdmissionEvent = {
    type: 'DrawClosed',
    data: { performanceId, shuffledCount: 3, tokensDigest, beacon: { chain: 'drand-quicknet', round } },
  };
  const beforeMs = (moment: string, ms: number) => at(Date.parse(moment) - Date.parse(at(0)) - ms);
  const withRound = { ...open, isRoundNamed: true, beacon: { round, signature } } as const;

  it('names the first round at least 15 seconds after the opening', () => {
    expect(Date.parse(knownAt) - Date.parse(at(0))).toBeGreaterThanOrEqual(15_000);
    expect(Date.parse(knownAt) - Date.parse(at(0))).toBeLessThan(18_000);
    // The first rounds of the chain: 23 August 2023, 15:09:27, and every three seconds.
    expect(timeOfRound(1)).toBe('2023-08-23T15:09:27.000Z');
    expect(roundFor(timeOfRound(1))).toBe(6);
    expect(roundFor(at(Date.parse('2020-01-01T00:00:00.000Z') - Date.parse(at(0))))).toBe(1);
  });

  it('closes the draw once, not before the opening time', () => {
    expect(past().when(close, at(-1))).toBe('queue-not-open');
    expect(past().when(close, at(0))).toEqual([closed]);
    expect(past(closed).when({ ...close, shuffledCount: 9 }, at(0))).toEqual([]);
    expect(past(opened).when(close, at(0))).toEqual([]);
  });

  it('closed when the named round is known already, waits for one that nobody knows', () => {
    expect(past().when(close, beforeMs(knownAt, 1))).toEqual([closed]);
    const late = past().when(close, knownAt);
    const later = { chain: 'drand-quicknet', round: roundFor(knownAt) };
    expect(late).toEqual([{ ...closed, data: { ...closed.data, beacon: later } }]);
    expect(later.round).toBeGreaterThan(round);
  });

  it('opens with the signature of the round, from its time on, for the numbers that were fixed', () => {
    expect(past(closed).when(withRound, beforeMs(knownAt, 1))).toBe('queue-not-open');
    expect(past(closed).factsOf(withRound, beforeMs(knownAt, 1))).toEqual({ opensAt: knownAt });
    const more = { ...withRound, shuffledCount: 4, tokensDigest: '00'.repeat(32) };
    const beacon = { chain: 'drand-quicknet', round, signature };
    const data = { performanceId, seed, shuffledCount: 3, tokensDigest, beacon };
    expect(past(closed).when(more, knownAt)).toEqual([{ type: 'QueueOpened', data }]);
    const { state } = past(closed, { type: 'QueueOpened', data } as AdmissionEvent);
    expect(state).toMatchObject({
      closedDraw: undefined,
      opening: { seed, shuffledCount: 3, tokensDigest, beacon: { round, signature } },
    });
  });

  it('opens in no other way: not without the round, and not with another one', () => {
    expect(past(closed).when({ ...open, isRoundNamed: true }, knownAt)).toBe('queue-not-open');
    expect(past(closed).when(open, knownAt)).toBe('queue-not-open');
    const other = { ...withRound, beacon: { round: round + 1, signature } };
    expect(past(closed).when(other, knownAt)).toBe('queue-not-open');
    expect(past().when(withRound, knownAt)).toBe('queue-not-open');
  });
});

describe('admitting', () => {
  it('needs an open queue', () => expect(past().when(admit(0, 1))).toBe('queue-not-open'));

  it('lets contiguous ranges in and nothing else', () => {
    // Of ten fans that the pace let in at once, four came: the next one may come at the same moment.
    expect(past(opened).when(admit(0, 4))).toEqual([admitted(0, 4, 0, -500)]);
    expect(past(opened, admitted(0, 4)).when(admit(4, 6))).toEqual('places-out-of-order');
    expect(past(opened, admitted(0, 4)).when(admit(4, 6), at(1_000))).toEqual([admitted(4, 6, 1_000, 300)]);
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

  it('lets in one second’s worth of fans at once, then one each time the pace allows', () => {
    const ten = past(opened, admitted(0, 10, 0, 100));
    expect(past(opened).when(admit(0, 11, { maxActive: 100 }))).toBe('places-out-of-order');
    expect(past(opened).when(admit(0, 10))).toEqual([admitted(0, 10, 0, 100)]);
    expect(ten.when(admit(10, 11), at(99))).toBe('places-out-of-order');
    expect(ten.when(admit(10, 11), at(100))).toEqual([admitted(10, 11, 100, 200)]);
  });

  it('makes up for a late admission, up to one second’s worth', () => {
    const ten = past(opened, admitted(0, 10, 0, 100));
    const late = (fans: number, ms: number) => ten.when(admit(10, 10 + fans, { maxActive: 100 }), at(ms));
    expect(late(4, 450)).toEqual([admitted(10, 14, 450, 500)]);
    expect(late(5, 450)).toBe('places-out-of-order');
    expect(late(10, 60_000)).toEqual([admitted(10, 20, 60_000, 60_100)]);
    expect(late(11, 60_000)).toBe('places-out-of-order');
  });

  it('counts fans: places of those who left take nothing from the pace', () => {
    const [event] = past(opened).when(admit(0, 500, { waitingInRange: 10 }));
    expect(event).toEqual(admitted(0, 500, 0, 100));
    expect(past(opened).when(admit(0, 500, { waitingInRange: 11, maxActive: 100 }))).toBe(
      'places-out-of-order',
    );
  });

  it('gives each range its own time to enter', () => {
    const [event] = past(opened).when(admit(0, 1), at(700));
    expect(event).toEqual(admitted(0, 1, 700, -100));
  });
});

describe('paceLeft', () => {
  it('lets one fan in every ten seconds at the slowest pace', () => {
    const { state } = past(opened, admitted(0, 1, 0, 10_000));
    expect(paceLeft(state, 0.1, at(9_999))).toBe(0);
    expect(paceLeft(state, 0.1, at(10_000))).toBe(1);
    expect(paceLeft(state, 0.1, at(60_000))).toBe(1);
  });

  it('is one fan at least after a pause', () => {
    for (const pace of [0.1, 0.3, 0.7, 0.9, 1]) expect(paceLeft(past(opened).state, pace, at(0))).toBe(1);
    expect(paceLeft(past(opened).state, 2.5, at(0))).toBe(2);
    expect(paceLeft(past(opened).state, 10_000, at(0))).toBe(10_000);
  });

  it('is never negative, also when the clock is behind the last admission', () => {
    const { state } = past(opened, admitted(0, 8, 1_000, 1_100));
    expect([2, 9, 10, 10_000].map((pace) => paceLeft(state, pace, at(999)))).toEqual([0, 0, 0, 0]);
  });

  it.each([0.1, 0.3, 2, 7, 10, 33, 1_000, 9_999])(
    'keeps %d a second however rounds fall, and never lets in more than one second’s worth beyond it',
    (admitPerSecond) => {
      let { state } = past(opened);
      let fans = 0;
      let ms = 0;
      const spanMs = 200_000;
      // Rounds of 1 … 411 ms, without a pattern that fits any pace.
      for (let round = 0; ms < spanMs; round++) {
        const now = at(ms);
        const count = paceLeft(state, admitPerSecond, now);
        if (count > 0) {
          const admission = admit(state.admittedUpTo, state.admittedUpTo + count, {
            admitPerSecond,
            maxActive: 1e9,
          });
          const decision = admissionDecider.decide(admission, state, now);
          if (decision.kind !== 'accepted') throw new Error(decision.rejection.message);
          state = decision.events.reduce(admissionDecider.evolve, state);
          fans += count;
          const atOnce = Math.max(admitPerSecond, 1 + admitPerSecond / 2);
          expect(fans).toBeLessThanOrEqual(admitPerSecond * (ms / 1_000) + atOnce + 1e-6);
        }
        ms += 1 + ((round * 137) % 411);
      }
      expect(fans).toBeGreaterThan(admitPerSecond * (spanMs / 1_000) * 0.98);
    },
  );
});

describe('admissionOf', () => {
  it('knows who was admitted as long as they may enter, and forgets them some time after', () => {
    const { state } = past(opened, admitted(0, 4), admitted(4, 6, 4_999));
    expect(admissionOf(state, 3)).toMatchObject({ from: 0, to: 4 });
    expect(admissionOf(state, 4)).toMatchObject({ from: 4, to: 6 });
    expect(admissionOf(state, 6)).toBeUndefined();
    expect(admissionOf({ ...state, recent: state.recent.slice(1) }, 3)).toBeUndefined();
    expect(past(opened, admitted(0, 4), admitted(4, 6, 60_000)).state.recent).toHaveLength(1);
  });

  it('forgets a range when its time to enter is over, to the millisecond', () => {
    const remembered = (ms: number) => past(opened, admitted(0, 1), admitted(1, 2, ms)).state.recent.length;
    expect([remembered(claimWindowMs - 1), remembered(claimWindowMs)]).toEqual([2, 1]);
  });
});
