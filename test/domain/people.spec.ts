import { refreshLeewayMs, sessionDecider } from '../../src/domain/session.js';
import { loginDecider, sessionHasEnded, userDecider } from '../../src/domain/user.js';
import { sessionIdSchema, userIdSchema } from '../../src/events/ids.js';
import type { SessionEvent, UserEvent } from '../../src/events/user-events.js';
import { at, given, named } from './given.js';

const [userId, jun] = [named(userIdSchema, 'mina'), named(userIdSchema, 'jun')];
const sessionId = named(sessionIdSchema, 's');

describe('an account', () => {
  const person = { userId, loginId: 'mina', username: 'Mina', name: 'Kim Mina', passwordHash: 'hash' };
  const registered: UserEvent = { type: 'UserRegistered', data: person };
  const changed: UserEvent = { type: 'PasswordChanged', data: { userId, passwordHash: 'new' } };
  const erased: UserEvent = { type: 'UserErased', data: { userId } };
  const register = { kind: 'register', ...person } as const;
  const own = named(sessionIdSchema, 'own');
  const other = named(sessionIdSchema, 'other');
  const newest = named(sessionIdSchema, 'newest');
  const session = { sessionId: own, epoch: 0 };
  const change = { kind: 'change-password', passwordHash: 'new', verifiedHash: 'hash', session } as const;
  const endOthers = (by = session, seenEpoch = 0) =>
    ({ kind: 'end-other-sessions', session: by, seenEpoch }) as const;
  const ended = (
    epoch: number,
    keptSessionId = own,
    reason: 'password-changed' | 'ended-elsewhere' = 'ended-elsewhere',
  ): UserEvent => ({ type: 'SessionsEnded', data: { userId, epoch, keptSessionId, reason } });
  const erase = { kind: 'erase' } as const;
  const past = (...history: UserEvent[]) => given(userDecider, history);

  it('is registered once, also after it was erased', () => {
    expect(past().when(register)).toEqual([registered]);
    expect(past(registered).when(register)).toBe('login-id-taken');
    expect(past(registered, erased).when(register)).toBe('login-id-taken');
  });

  it('changes its password and is erased only while it exists', () => {
    expect(past(registered).when(change)).toEqual([changed, ended(1, own, 'password-changed')]);
    expect(past(registered, changed).state).toMatchObject({ passwordHash: 'new' });
    expect(past(registered, changed).when(change)).toEqual([]);
    expect(past(registered).when(erase)).toEqual([erased]);
    for (const history of [[], [registered, erased]]) {
      expect(past(...history).when(change)).toBe('user-unknown');
      expect(past(...history).when(erase)).toBe('user-unknown');
      expect(past(...history).when(endOthers())).toBe('user-unknown');
    }
  });

  it('keeps a password that was changed after the current one was checked', () => {
    const late = { ...change, passwordHash: 'newer' };
    expect(past(registered, changed).when(late)).toBe('invalid-credentials');
    expect(past(registered, changed).when({ ...late, verifiedHash: 'new' })).toHaveLength(2);
  });

  it('ends all sessions but the one that asks, each time it is asked', () => {
    expect(past(registered).when(endOthers())).toEqual([ended(1)]);
    expect(past(registered, ended(1)).when(endOthers(session, 1))).toEqual([ended(2)]);
    const begunSince = { sessionId: newest, epoch: 1 };
    expect(past(registered, ended(1)).when(endOthers(begunSince, 1))).toEqual([ended(2, newest)]);
  });

  it('ends nothing more when the same is asked again', () => {
    expect(past(registered, ended(1)).when(endOthers(session, 0))).toEqual([]);
  });

  it('lets no session end others that was ended with others itself', () => {
    const late = { sessionId: other, epoch: 0 };
    expect(past(registered, ended(1)).when(endOthers(late))).toBe('session-ended');
    expect(past(registered, ended(1)).when({ ...change, session: late })).toBe('session-ended');
    const begunSince = { sessionId: newest, epoch: 1 };
    expect(past(registered, ended(1), ended(2, newest)).when(endOthers(session, 2))).toBe('session-ended');
    expect(past(registered, ended(1), ended(2, newest)).when(endOthers(begunSince, 2))).toHaveLength(1);
  });

  it('knows which sessions were ended together', () => {
    const sessions = { epoch: 2, keptSessionId: own };
    expect(sessionHasEnded(sessions, { sessionId: other, epoch: 1 })).toBe(true);
    expect(sessionHasEnded(sessions, { sessionId: other, epoch: 2 })).toBe(false);
    expect(sessionHasEnded(sessions, { sessionId: own, epoch: 0 })).toBe(false);
    expect(sessionHasEnded({ epoch: 0, keptSessionId: undefined }, { sessionId: other, epoch: 0 })).toBe(
      false,
    );
  });

  it('keeps nothing personal once erased', () => {
    expect(past(registered, erased).state).toEqual({ kind: 'erased' });
    expect(past(registered, erased, changed, ended(1)).state).toEqual({ kind: 'erased' });
  });
});

describe('a login id', () => {
  const claimed = { type: 'LoginClaimed', data: { userId } } as const;

  it('belongs to the first who claims it', () => {
    expect(given(loginDecider).when({ userId })).toEqual([claimed]);
    expect(given(loginDecider, [claimed]).when({ userId })).toEqual([]);
    expect(given(loginDecider, [claimed]).when({ userId: jun })).toBe('login-id-taken');
  });
});

describe('a session', () => {
  const expiry = at(100_000);
  /** Greater than any other time here. */
  const endsAt = at(1_000_000);
  const session = { sessionId, userId };
  const started: SessionEvent = {
    type: 'SessionStarted',
    data: { ...session, epoch: 3, expiresAt: expiry, endsAt },
  };
  const refreshed = (generation: number, refreshedAt = at(0), expiresAt = expiry): SessionEvent => ({
    type: 'SessionRefreshed',
    data: { ...session, generation, refreshedAt, expiresAt, endsAt },
  });
  const ended = (reason: 'logout' | 'reuse' | 'ended-elsewhere'): SessionEvent => ({
    type: 'SessionEnded',
    data: { ...session, reason },
  });
  const start = { kind: 'start', ...session, epoch: 3, expiresAt: expiry, endsAt } as const;
  const refresh = (generation: number, expiresAt = expiry, latest = at(2_000_000)) =>
    ({ kind: 'refresh', generation, expiresAt, endsAt: latest }) as const;
  const end = { kind: 'end', reason: 'logout' } as const;
  const past = (...history: SessionEvent[]) => given(sessionDecider, history);

  it('starts once', () => {
    expect(past().when(start)).toEqual([started]);
    expect(past(started).when(start)).toEqual([]);
    expect(past(started, ended('logout')).when(start)).toEqual([]);
  });

  it('rotates through its generations and grows with each', () => {
    expect(past(started).when(refresh(0, at(200_000)), at(5))).toEqual([refreshed(1, at(5), at(200_000))]);
    const later = past(started, refreshed(1, at(5), at(200_000)));
    expect(later.when(refresh(1, at(300_000)), at(150_000))).toEqual([
      refreshed(2, at(150_000), at(300_000)),
    ]);
  });

  it('forgives a repeated refresh within the leeway, to the millisecond', () => {
    const history = [started, refreshed(1, at(0))];
    expect(past(...history).when(refresh(0), at(refreshLeewayMs - 1))).toEqual([]);
    expect(past(...history).when(refresh(0), at(refreshLeewayMs))).toEqual([ended('reuse')]);
  });

  it('closes when an older or a future generation comes back', () => {
    const history = [started, refreshed(1), refreshed(2)];
    expect(past(...history).when(refresh(0), at(1))).toEqual([ended('reuse')]);
    expect(past(...history).when(refresh(3), at(1))).toEqual([ended('reuse')]);
    expect(past(started).when(refresh(-1), at(1))).toEqual([ended('reuse')]);
  });

  it('ends exactly at its time', () => {
    expect(past(started).when(refresh(0), at(99_999))).toHaveLength(1);
    expect(past(started).when(refresh(0), expiry)).toBe('session-ended');
  });

  it('never outlives the end that was set when it started', () => {
    expect(past(started).when(refresh(0, at(3_000_000)), at(5))).toEqual([refreshed(1, at(5), endsAt)]);
    expect(past(started, refreshed(1, at(5), endsAt)).when(refresh(1), endsAt)).toBe('session-ended');
    const short = { ...start, endsAt: at(50_000) };
    expect(past().when(short)).toMatchObject([{ data: { expiresAt: at(50_000), endsAt: at(50_000) } }]);
  });

  it('gets an end by its next refresh when an earlier release has started it', () => {
    const old: SessionEvent = {
      type: 'SessionStarted',
      data: { ...session, epoch: 0, expiresAt: expiry, endsAt: null },
    };
    const latest = at(150_000);
    expect(past(old).when(refresh(0, at(200_000), latest), at(5))).toMatchObject([
      { data: { expiresAt: latest, endsAt: latest } },
    ]);
  });

  it('keeps the epoch in which it started', () => {
    expect(past(started, refreshed(1)).state).toMatchObject({ kind: 'live', epoch: 3 });
  });

  it('is ended from another session with that reason', () => {
    expect(past(started).when({ kind: 'end', reason: 'ended-elsewhere' })).toEqual([
      ended('ended-elsewhere'),
    ]);
  });

  it('ends once by log-out, and refuses everything after', () => {
    expect(past(started, ended('logout')).state).toEqual({ kind: 'ended', userId });
    expect(past(started).when(end)).toEqual([ended('logout')]);
    for (const history of [[], [started, ended('logout')], [started, ended('reuse')]]) {
      expect(past(...history).when(end)).toEqual([]);
      expect(past(...history).when(refresh(0))).toBe('session-ended');
    }
  });
});
