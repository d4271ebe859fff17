import { ChangePassword, RegisterUser, registerUserSchema } from '../../src/commands/account/account.js';
import type { AccessSession } from '../../src/commands/account/session-check.js';
import {
  EndOtherSessions,
  EndSession,
  Login,
  Logout,
  RefreshSession,
} from '../../src/commands/account/sessions.js';
import { refreshLeewayMs } from '../../src/domain/session.js';
import type { UserId } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted, testSettings } from './box-office.js';
import { atEveryAppend, crashingStore, died } from './crashing-store.js';
import { contextOf, freshContext, outcomeOf } from './theatre.js';

let side: CommandSide;
beforeEach(() => {
  side = createCommandSide();
});

const password = 'correct horse battery';
const register = (on: CommandSide, loginId: string, context = freshContext()) =>
  on.execute(new RegisterUser({ loginId, username: 'Mina', name: 'Kim Mina', password }, context));
const login = (loginId: string, secret = password) =>
  side.execute(new Login({ loginId, password: secret }, freshContext()));
/** A new session, as its access token names it. */
async function sessionOf(loginId: string): Promise<AccessSession> {
  const { access } = await login(loginId);
  const claims = side.signer.access.verify(access.value);
  if (!claims) throw new Error('the log-in gave no access token');
  return { userId: claims.sub, sessionId: claims.sid, epoch: claims.ep ?? 0, issuedAtMs: undefined };
}
const refresh = (on: CommandSide, refreshToken: { value: string }) =>
  on.execute(new RefreshSession(refreshToken.value, freshContext()));

describe('RegisterUser', () => {
  it('opens an account that can log in', async () => {
    const { userId } = await register(side, 'mina');
    expect((await login('mina')).userId).toBe(userId);
  });

  it.each([
    ['the same id', 'mina', 'mina'],
    ['another case', 'mina', 'MINA'],
    ['another Unicode form', '각나다', '각나다'.normalize('NFD')],
    ['full-width letters', 'mina', 'ｍｉｎａ'],
  ])('refuses a taken login id: %s', async (_, first, second) => {
    await register(side, first);
    expect(await outcomeOf(register(restarted(side), second))).toBe('login-id-taken');
  });

  it('lets one of many who want the same id at once have it', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => outcomeOf(register(restarted(side), 'mina'))),
    );
    expect(outcomes.filter((outcome) => outcome === 'login-id-taken')).toHaveLength(4);
  });

  it('lets anyone take over an id whose registration died after the claim', async () => {
    const { store } = crashingStore(side.store, 0, 'after');
    expect(await died(register(restarted(side, { store }), 'mina', contextOf('first')))).toBe(true);
    const { userId } = await register(side, 'mina', contextOf('second'));
    expect((await login('mina')).userId).toBe(userId);
    expect(await outcomeOf(register(side, 'mina', contextOf('first')))).toBe('login-id-taken');
  });

  it('leaves one account after a crash at any append and a retry', async () => {
    await atEveryAppend(async (crashAt, when) => {
      side = createCommandSide();
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(register(restarted(side, { store }), 'mina', contextOf('once')));
      await outcomeOf(register(restarted(side), 'mina', contextOf('once')));
      const registered = (await wholeLog(side.store)).filter(({ type }) => type === 'UserRegistered');
      expect(registered).toHaveLength(1);
      await login('mina');
      return isDead;
    });
  });

  it('never writes the password down', async () => {
    await register(side, 'mina');
    expect(JSON.stringify(await wholeLog(side.store))).not.toContain(password);
  });

  it('takes names and login ids in one Unicode form, however they were typed', () => {
    const [id, name] = ['김민아é', '김민아'];
    const typed = { loginId: id, username: name, name, password };
    const onMac = {
      ...typed,
      loginId: id.normalize('NFD'),
      username: name.normalize('NFD'),
      name: name.normalize('NFD'),
    };
    expect(registerUserSchema.parse(onMac)).toEqual(typed);
  });

  it('accepts Korean login ids and refuses spaces and markup', () => {
    const input = (loginId: string) => ({ loginId, username: 'u', name: 'n', password });
    expect(registerUserSchema.safeParse(input('김민아2')).success).toBe(true);
    for (const bad of ['ab', 'a b c', '<script>', 'x'.repeat(31)]) {
      expect(registerUserSchema.safeParse(input(bad)).success).toBe(false);
    }
  });
});

describe('Login', () => {
  it('answers an unknown id and a wrong password alike', async () => {
    await register(side, 'mina');
    const wrong = await login('mina', 'wrong').catch((error: unknown) => error);
    const unknown = await login('nobody').catch((error: unknown) => error);
    expect(wrong).toMatchObject({ rejection: { code: 'invalid-credentials' } });
    expect(unknown).toEqual(wrong);
  });

  it('signs tokens that are not each other', async () => {
    await register(side, 'mina');
    const { access, refresh: refreshToken, userId } = await login('mina');
    expect(side.signer.access.verify(access.value)).toMatchObject({ sub: userId });
    expect(side.signer.access.verify(refreshToken.value)).toBeUndefined();
    expect(side.signer.refresh.verify(access.value)).toBeUndefined();
  });
});

describe('ChangePassword', () => {
  it('replaces the password only when the current one is given', async () => {
    const { userId } = await register(side, 'mina');
    const own = await sessionOf('mina');
    const change = (currentPassword: string) =>
      side.execute(
        new ChangePassword(own, { currentPassword, newPassword: 'another horse' }, freshContext()),
      );
    expect(await outcomeOf(change('a guess'))).toBe('invalid-credentials');
    expect((await login('mina')).userId).toBe(userId);
    await change(password);
    expect(await outcomeOf(login('mina'))).toBe('invalid-credentials');
    expect((await login('mina', 'another horse')).userId).toBe(userId);
  });
});

describe('two changes of one password at the same moment', () => {
  it('lets one of them through and refuses the other, whose password is not set', async () => {
    await register(side, 'mina');
    const own = await sessionOf('mina');
    const change = (on: CommandSide, newPassword: string) =>
      outcomeOf(
        on.execute(new ChangePassword(own, { currentPassword: password, newPassword }, freshContext())),
      );
    const passwords = ['the first horse', 'the other horse'];
    const outcomes = await Promise.all(passwords.map((one) => change(restarted(side), one)));
    expect(outcomes.filter((outcome) => outcome === 'invalid-credentials')).toHaveLength(1);
    const isSet = outcomes.map((outcome) => outcome !== 'invalid-credentials');
    const canLogIn = await Promise.all(passwords.map((one) => outcomeOf(login('mina', one))));
    expect(canLogIn.map((outcome) => outcome !== 'invalid-credentials')).toEqual(isSet);
  });
});

describe('RefreshSession', () => {
  const loggedIn = async () => {
    await register(side, 'mina');
    return login('mina');
  };

  it('uses each refresh token up, and forgives a lost reply for a moment', async () => {
    const first = await loggedIn();
    const second = await refresh(side, first.refresh);
    side.clock.advance(refreshLeewayMs - 1);
    const repeated = await refresh(restarted(side), first.refresh);
    expect(side.signer.refresh.verify(repeated.refresh.value)).toMatchObject({ gen: 1 });
    await refresh(side, second.refresh);
  });

  it('closes the session when a used token comes back later', async () => {
    const first = await loggedIn();
    const second = await refresh(side, first.refresh);
    side.clock.advance(refreshLeewayMs);
    expect(await outcomeOf(refresh(side, first.refresh))).toBe('session-ended');
    expect(await outcomeOf(refresh(side, second.refresh))).toBe('session-ended');
  });

  it('does not mistake the newest token for a stolen one on a process that missed the last refresh', async () => {
    const first = await loggedIn();
    const stale = restarted(side);
    const second = await refresh(stale, first.refresh);
    const third = await refresh(side, second.refresh);
    const fourth = await refresh(side, third.refresh);
    await refresh(stale, fourth.refresh);
  });

  it('ends with the log-out and with its time', async () => {
    const first = await loggedIn();
    await side.execute(new Logout(first.refresh.value, freshContext()));
    expect(await outcomeOf(refresh(side, first.refresh))).toBe('session-ended');
    await side.execute(new Logout('not a token', freshContext()));
    const other = await login('mina');
    side.clock.advance(testSettings.refreshTokenTtlMs);
    expect(await outcomeOf(refresh(side, other.refresh))).toBe('session-ended');
  });

  it('ends at its greatest age, however often it is refreshed, and no token outlives it', async () => {
    let tokens = await loggedIn();
    const endMs = side.clock.nowMs() + testSettings.sessionMaxLifeMs;
    const stepMs = testSettings.refreshTokenTtlMs - 1_000;
    while (side.clock.nowMs() + stepMs < endMs) {
      side.clock.advance(stepMs);
      tokens = await refresh(side, tokens.refresh);
    }
    expect(Date.parse(tokens.refresh.expiresAt)).toBe(endMs);
    side.clock.advance(endMs - side.clock.nowMs() - 60_000);
    tokens = await refresh(side, tokens.refresh);
    expect(Date.parse(tokens.access.expiresAt)).toBe(endMs);
    side.clock.advance(60_000);
    expect(await outcomeOf(refresh(side, tokens.refresh))).toBe('session-ended');
    expect(side.signer.access.verify(tokens.access.value)).toBeUndefined();
  });
});

describe('the sessions of a user', () => {
  it('end one by one, by their user only', async () => {
    await register(side, 'mina');
    await register(side, 'jun');
    const kept = await login('mina');
    const { userId, sessionId } = await sessionOf('mina');
    const stranger = await sessionOf('jun');
    const end = (by: UserId) => outcomeOf(side.execute(new EndSession(by, sessionId, freshContext())));
    expect(await end(stranger.userId)).toBe('session-unknown');
    await end(userId);
    expect(side.repository.cached(streams.session(sessionId))?.state).toMatchObject({ kind: 'ended' });
    expect(await end(stranger.userId)).toBe('session-unknown');
    expect(await end(userId)).not.toBe('session-unknown');
    await refresh(side, kept.refresh);
  });

  it('end together with those that start from what was known before', async () => {
    await register(side, 'mina');
    const own = await login('mina');
    const [asking, late] = [await sessionOf('mina'), await sessionOf('mina')];
    await side.execute(new EndOtherSessions(asking, freshContext()));
    expect(await outcomeOf(refresh(side, own.refresh))).toBe('session-ended');
    expect(await outcomeOf(side.execute(new EndOtherSessions(late, freshContext())))).toBe('session-ended');
    const after = await login('mina');
    await refresh(side, after.refresh);
  });
});
