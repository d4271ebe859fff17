import { PersonalKeysRefused } from '../../src/personal-data/key-file.js';
import { PersonalKeyDestroyed, PersonalKeys } from '../../src/personal-data/personal-keys.js';
import { InMemoryKeyTable, keysInMemory, newUserId, secret } from './new-user.js';

const open = (
  table: InMemoryKeyTable,
  options: { secret?: string; beforeFirstUse?: () => Promise<void>; isLossAccepted?: boolean } = {},
) => PersonalKeys.open({ table, secret, beforeFirstUse: async () => undefined, ...options });

describe('keys of personal data', () => {
  it('are made once for each user and are the same after a restart', async () => {
    const table = new InMemoryKeyTable();
    const [first, second] = [newUserId(), newUserId()];
    const keys = await open(table);
    const key = await keys.keyFor(first);
    expect(await keys.keyFor(first)).toEqual(key);
    expect(await keys.keyFor(second)).not.toEqual(key);
    expect((await (await open(table)).keysOf([first])).get(first)).toEqual(key);
  });

  it('are nowhere in the table as they are', async () => {
    const table = new InMemoryKeyTable();
    const key = await (await open(table)).keyFor(newUserId());
    for (const wrapped of table.rows.values()) expect(wrapped?.includes(key)).toBe(false);
  });

  it('are refused with another secret, at once and with what to do', async () => {
    const table = new InMemoryKeyTable();
    await open(table);
    const wrong = open(table, { secret: 'another secret of thirty-two characters' });
    await expect(wrong).rejects.toThrow(PersonalKeysRefused);
    await expect(wrong).rejects.toThrow('another SECRET');
  });

  it('are refused when missing although they should be there, however often one tries', async () => {
    const table = new InMemoryKeyTable();
    const beforeFirstUse = () => Promise.reject(new PersonalKeysRefused('missing'));
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(open(table, { beforeFirstUse })).rejects.toThrow('missing');
    }
    await open(table);
    await open(table, { beforeFirstUse });
  });

  it('are refused when they are older than the log, unless that is accepted', async () => {
    const table = new InMemoryKeyTable();
    const [kept, erased, lost] = [newUserId(), newUserId(), newUserId()];
    const keys = await open(table);
    await keys.keyFor(kept);
    await keys.destroy(erased);
    expect([...(await keys.keysOf([kept, erased])).keys()]).toEqual([kept]);
    const reading = keys.keysOf([kept, erased, lost]);
    await expect(reading).rejects.toThrow(PersonalKeysRefused);
    await expect(reading).rejects.toThrow(`user ${lost} has no key and was not erased`);
    const accepting = await open(table, { isLossAccepted: true });
    expect([...(await accepting.keysOf([kept, erased, lost])).keys()]).toEqual([kept]);
  });

  it('cannot be made again once destroyed', async () => {
    const keys = await keysInMemory();
    const userId = newUserId();
    await keys.keyFor(userId);
    await keys.destroy(userId);
    expect((await keys.keysOf([userId])).size).toBe(0);
    await expect(keys.keyFor(userId)).rejects.toThrow(PersonalKeyDestroyed);
  });

  it('do not fit another user, so that rows cannot be swapped', async () => {
    const table = new InMemoryKeyTable();
    const keys = await open(table);
    const [mina, other] = [newUserId(), newUserId()];
    await keys.keyFor(mina);
    table.rows.set(other, table.rows.get(mina));
    await expect(keys.keyFor(other)).rejects.toThrow(PersonalKeysRefused);
  });
});
