import { refreshLeewayMs, sessionDecider } from '../../src/domain/session.js';
import { loginDecider, userDecider } from '../../src/domain/user.js';
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
  const change = { kind: 'change-password', passwordHash: 'new', verifiedHash: 'hash' } as const;
  const erase = { kind: 'erase' } as const;
  const past = (...history: UserEvent[]) => given(userDecider, history);

  it('is registered once, also after it was erased', () => {
    expect(past().when(register)).toEqual([registered]);
    expect(past(registered).when(register)).toBe('login-id-taken');
    expect(past(registered, erased).when(register)).toBe('login-id-taken');
  });

  it('changes its password and is erased only while it exists', () => {
    expect(past(registered).when(change)).toEqual([changed]);
    expect(past(registered, changed).state).toMatchObject({ passwordHash: 'new' });
    expect(past(registered, changed).when(change)).toEqual([]);
    expect(past(registered).when(erase)).toEqual([erased]);
    for (const history of [[], [registered, erased]]) {
      expect(past(...history).when(change)).toBe('user-unknown');
      expect(past(...history).when(erase)).toBe('user-unknown');
    }
  });

  it('keeps a password that was changed after the current one was checked', () => {
    const late = { ...change, passwordHash: 'newer' };
    expect(past(registered, changed).when(late)).toBe('invalid-credentials');
    expect(past(registered, changed).when({ ...late, verifiedHash: 'new' })).toHaveLength(1);
  });

  it('keeps nothing personal once erased', () => {
    expect(past(registered, erased).state).toEqual({ kind: 'erased' });
    expect(past(registered, erased, changed).state).toEqual({ kind: 'erased' });
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
  const endsAt = at(100_000);
  const session = { sessionId, userId };
  const started: SessionEvent = { type: 'SessionStarted', data: { ...session, expiresAt: endsAt } };
  const refreshed = (generation: number, refreshedAt = at(0), expiresAt = endsAt): SessionEvent => ({
    type: 'SessionRefreshed',
    data: { ...session, generation, refreshedAt, expiresAt },
  });
  const ended = (reason: 'logout' | 'reuse'): SessionEvent => ({
    type: 'SessionEnded',
    data: { ...session, reason },
  });
  const start = { kind: 'start', ...session, expiresAt: endsAt } as const;
  const refresh = (generation: number, expiresAt = endsAt) =>
    ({ kind: 'refresh', generation, expiresAt }) as const;
  const end = { kind: 'end' } as const;
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
    expect(past(started).when(refresh(0), endsAt)).toBe('session-ended');
  });

  it('ends once by log-out, and refuses everything after', () => {
    expect(past(started, ended('logout')).state).toEqual({ kind: 'ended' });
    expect(past(started).when(end)).toEqual([ended('logout')]);
    for (const history of [[], [started, ended('logout')], [started, ended('reuse')]]) {
      expect(past(...history).when(end)).toEqual([]);
      expect(past(...history).when(refresh(0))).toBe('session-ended');
    }
  });
});
