import { PersonalKeysRefused } from '../../src/personal-data/key-file.js';
import { PersonalKeyDestroyed, PersonalKeys } from '../../src/personal-data/personal-keys.js';
import type { RotatingSecret } from '../../src/platform/rotating-secret.js';
import { InMemoryKeyTable, keysInMemory, newUserId, secret } from './new-user.js';

const open = (
  table: InMemoryKeyTable,
  options: { secret?: RotatingSecret; beforeFirstUse?: () => Promise<void>; isLossAccepted?: boolean } = {},
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
    const wrong = open(table, { secret: { current: 'another secret of thirty-two characters' } });
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

  describe('whose secret is replaced', () => {
    const next = { current: 'the next secret of the office, of these tests', previous: secret.current };
    const [mina, jun] = [newUserId(), newUserId()];

    it('are read and made under both, and need the new one alone once they are wrapped anew', async () => {
      const table = new InMemoryKeyTable();
      const before = await open(table);
      const key = await before.keyFor(mina);
      const rotated = await open(table, { secret: next });
      expect((await rotated.keysOf([mina])).get(mina)).toEqual(key);
      const newer = await rotated.keyFor(jun);
      // A process that was not restarted yet, but accepts the next one.
      const old = await open(table, { secret: { current: secret.current, previous: next.current } });
      expect((await old.keysOf([jun])).get(jun)).toEqual(newer);

      await expect(open(table, { secret: { current: next.current } })).rejects.toThrow('another SECRET');
      expect(await rotated.rewrap()).toBe(2);
      expect(await rotated.rewrap()).toBe(0);
      const after = await open(table, { secret: { current: next.current } });
      expect(await after.keysOf([mina, jun])).toEqual(
        new Map([
          [mina, key],
          [jun, newer],
        ]),
      );
      await expect(open(table)).rejects.toThrow('another SECRET');
    });

    it('are not brought back when they are destroyed while they are wrapped anew', async () => {
      const table = new InMemoryKeyTable();
      await (await open(table)).keyFor(mina);
      const rotated = await open(table, { secret: next });
      const page = table.page.bind(table);
      table.page = async (after, limit) => {
        const found = await page(after, limit);
        await table.destroy(mina);
        return found;
      };
      await rotated.rewrap();
      expect((await rotated.keysOf([mina])).size).toBe(0);
    });

    it('are reported when another process goes on wrapping with the old secret', async () => {
      const table = new InMemoryKeyTable();
      const old = await open(table);
      const rotated = await open(table, { secret: next });
      const page = table.page.bind(table);
      table.page = async (after, limit) => {
        await old.keyFor(newUserId());
        return page(after, limit);
      };
      await expect(rotated.rewrap()).rejects.toThrow('another process goes on wrapping');
      // The secret is still needed, and that shows at the start.
      await expect(open(table, { secret: { current: next.current } })).rejects.toThrow(PersonalKeysRefused);
    });
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
