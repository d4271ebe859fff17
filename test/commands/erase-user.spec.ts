import { randomUUID } from 'node:crypto';
import { RegisterUser } from '../../src/commands/account/account.js';
import { EraseOwnAccount, EraseUser } from '../../src/commands/account/erase-user.js';
import { Login, RefreshSession } from '../../src/commands/account/sessions.js';
import { walletDecider } from '../../src/domain/wallet.js';
import { chargeIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died } from './crashing-store.js';
import { contextOf, freshContext, outcomeOf } from './theatre.js';

let side: CommandSide;
let erasedKeys: Set<string>;
beforeEach(() => {
  erasedKeys = new Set();
  side = createCommandSide({ erasedKeys });
});

const password = 'correct horse battery';
const register = async (loginId: string) => {
  const input = { loginId, username: 'Mina', name: 'Kim Mina', password };
  return (await side.execute(new RegisterUser(input, freshContext()))).userId;
};
const login = (loginId: string) => side.execute(new Login({ loginId, password }, freshContext()));
const erase = (user: string, forfeit = false, on = side) =>
  on.execute(new EraseUser({ user, forfeit }, freshContext()));
const erasures = async () => (await wholeLog(side.store)).filter(({ type }) => type === 'UserErased');

describe('EraseUser', () => {
  it.each(['user id', 'login id'])('ends the account and destroys its key, named by its %s', async (by) => {
    const userId = await register('mina');
    await register('jun');
    expect(await erase(by === 'user id' ? userId : 'MINA')).toMatchObject({ userId });
    expect(await erasures()).toMatchObject([{ data: { userId } }]);
    expect([...erasedKeys]).toEqual([userId]);
    expect(await outcomeOf(login('mina'))).toBe('invalid-credentials');
    expect(await login('jun')).toMatchObject({ access: expect.anything() });
  });

  it('ends every session, on every process', async () => {
    const userId = await register('mina');
    const other = restarted(side);
    const sessions = [await login('mina'), await login('mina')];
    const refresh = (on: CommandSide, token: string) =>
      outcomeOf(on.execute(new RefreshSession(token, freshContext())));
    expect(await refresh(other, sessions[0]?.refresh.value ?? '')).toMatchObject({ userId });
    await erase(userId);
    for (const { refresh: token } of sessions)
      expect(await refresh(other, token.value)).toBe('session-ended');
  });

  it('never gives the login id to anybody else', async () => {
    const userId = await register('mina');
    await erase(userId);
    expect(await outcomeOf(register('Mina'))).toBe('login-id-taken');
  });

  it('refuses while something is going on, and names it', async () => {
    const userId = await register('mina');
    side.models.business = ['holds', 'orders'];
    await expect(erase(userId)).rejects.toMatchObject({
      rejection: { code: 'account-in-use', details: { open: ['holds', 'orders'] } },
    });
    expect(await outcomeOf(erase(userId, true))).toBe('account-in-use');
    side.models.isCaughtUp = false;
    expect(await outcomeOf(erase(userId, true))).toBe('busy');
    expect([await erasures(), [...erasedKeys]]).toEqual([[], []]);
  });

  it('gives up points and tickets only when told to', async () => {
    const userId = await register('mina');
    const chargeId = chargeIdSchema.parse(randomUUID());
    const credit = { kind: 'credit', userId, chargeId, amount: 5 } as const;
    await side.deciders.execute(walletDecider, streams.wallet(userId), credit, freshContext());
    side.models.business = ['tickets'];
    await expect(erase(userId)).rejects.toMatchObject({
      rejection: { details: { open: ['tickets', 'points'] } },
    });
    expect(await erase(userId, true)).toMatchObject({ userId });
  });

  it('refuses a user that does not exist', async () => {
    expect(await outcomeOf(erase('nobody'))).toBe('user-unknown');
    expect(await outcomeOf(erase('11111111-1111-4111-8111-111111111111'))).toBe('user-unknown');
    expect(erasedKeys.size).toBe(0);
  });

  it('is finished by repeating it, whatever crashed before', async () => {
    await atEveryAppend(async (crashAt, when) => {
      erasedKeys = new Set();
      side = createCommandSide({ erasedKeys });
      const userId = await register('mina');
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(erase(userId, false, restarted(side, { store, erasedKeys })));
      expect(erasedKeys.size).toBe(isDead ? 0 : 1);
      side.models.business = [];
      await erase('mina', false, restarted(side, { erasedKeys }));
      expect([...erasedKeys]).toEqual([userId]);
      expect(await erasures()).toHaveLength(1);
      return isDead;
    });
  });

  it('happens once when asked for twice at the same time', async () => {
    const userId = await register('mina');
    const outcomes = await Promise.all([
      erase(userId),
      erase(userId, false, restarted(side, { erasedKeys })),
    ]);
    expect(outcomes).toMatchObject([{ userId }, { userId }]);
    expect(await erasures()).toHaveLength(1);
  });
});

describe('EraseOwnAccount', () => {
  it('wants the password', async () => {
    const userId = await register('mina');
    const eraseMe = (secret: string) =>
      side.execute(new EraseOwnAccount(userId, { password: secret, forfeit: false }, contextOf(secret)));
    expect(await outcomeOf(eraseMe('a guess'))).toBe('invalid-credentials');
    expect(erasedKeys.size).toBe(0);
    await eraseMe(password);
    expect([...erasedKeys]).toEqual([userId]);
    expect(await outcomeOf(eraseMe(password))).toBe('invalid-credentials');
  });
});
