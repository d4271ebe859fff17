import { randomBytes } from 'node:crypto';
import type { KeyTable } from '../../src/personal-data/key-tables.js';
import { wrappedKeyBytes } from '../../src/personal-data/sealing.js';
import { newUserId } from './new-user.js';

const newKey = () => randomBytes(wrappedKeyBytes);

/** Every promise of src/personal-data/key-tables.ts. `reopened` is the same table in another process. */
export function keyTableContract(table: () => KeyTable, reopened: () => Promise<KeyTable>): void {
  it('keeps the first key of a user and gives it to everybody who adds one', async () => {
    const [userId, key] = [newUserId(), newKey()];
    expect(await table().add(userId, key)).toEqual(key);
    expect(await table().add(userId, newKey())).toEqual(key);
    expect(await (await reopened()).find([userId])).toEqual(new Map([[userId, key]]));
  });

  it('agrees on one key when many add one at once', async () => {
    const userId = newUserId();
    const other = await reopened();
    const added = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 ? table() : other).add(userId, newKey())),
    );
    expect(new Set(added.map((key) => key?.toString('hex'))).size).toBe(1);
  });

  it('finds the keys of many users, and nothing for those who have none', async () => {
    const userIds = Array.from({ length: 2_500 }, newUserId);
    const kept = new Map(userIds.slice(0, 5).map((userId) => [userId, newKey()]));
    for (const [userId, key] of kept) await table().add(userId, key);
    expect(await table().find(userIds)).toEqual(kept);
    expect(await table().find([])).toEqual(new Map());
  });

  it('destroys a key for good: it is not found any more and is never replaced', async () => {
    const [userId, neighbour, key] = [newUserId(), newUserId(), newKey()];
    await table().add(userId, newKey());
    await table().add(neighbour, key);
    await table().destroy(userId);
    await table().destroy(userId);
    const other = await reopened();
    expect(await other.find([userId, neighbour])).toEqual(new Map([[neighbour, key]]));
    expect(await other.add(userId, newKey())).toBeUndefined();
    expect(await other.find([userId])).toEqual(new Map());
  });

  it('gives all keys page by page, in the order of user ids, without destroyed ones', async () => {
    const userIds = Array.from({ length: 7 }, newUserId);
    for (const userId of userIds) await table().add(userId, newKey());
    await table().destroy(userIds[3] ?? newUserId());
    const found: string[] = [];
    const other = await reopened();
    let page = await other.page(undefined, 3);
    while (page.size > 0) {
      expect(page.size).toBeLessThanOrEqual(3);
      found.push(...page.keys());
      page = await other.page([...page.keys()].at(-1), 3);
    }
    expect(found).toEqual(found.toSorted());
    expect(found.filter((userId) => userIds.some((one) => one === userId))).toEqual(
      userIds.filter((_, index) => index !== 3).toSorted(),
    );
  });

  it('replaces a key while it is the expected one, and never a destroyed one', async () => {
    const [userId, erased, first, second] = [newUserId(), newUserId(), newKey(), newKey()];
    await table().add(userId, first);
    await table().replace(userId, second, newKey());
    expect((await table().find([userId])).get(userId)).toEqual(first);
    await table().replace(userId, first, second);
    expect((await (await reopened()).find([userId])).get(userId)).toEqual(second);
    await table().add(erased, first);
    await table().destroy(erased);
    await table().replace(erased, first, second);
    expect(await (await reopened()).find([erased])).toEqual(new Map());
  });

  it('distinguishes users whose key was destroyed from those who never had one', async () => {
    const [live, erased, neverSeen] = [newUserId(), newUserId(), newUserId()];
    await table().add(live, newKey());
    await table().destroy(erased);
    expect(await (await reopened()).known([live, erased, neverSeen])).toEqual(new Set([live, erased]));
  });

  it('gives no key to a user who was erased before having one', async () => {
    const userId = newUserId();
    await table().destroy(userId);
    expect(await table().add(userId, newKey())).toBeUndefined();
  });
}
