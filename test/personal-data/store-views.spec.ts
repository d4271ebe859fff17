import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { type EventStore, type RecordedEvent, StoreUnavailable } from '../../src/event-store/port.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { verifyEvent } from '../../src/events/registry.js';
import { streams } from '../../src/events/streams.js';
import { PersonalKeyDestroyed } from '../../src/personal-data/personal-keys.js';
import {
  erased,
  PersonalDataDamaged,
  revealingStore,
  sealingStore,
  withheld,
  withholdingStore,
} from '../../src/personal-data/store-views.js';
import { Collector } from '../event-store/collector.js';
import { eventStoreContract } from '../event-store/contract.js';
import { newEvents, streamIn } from '../event-store/new-event.js';
import { logFolder, type OpenStore } from '../event-store/opened-store.js';
import { InMemoryKeyTable, keysInMemory, newUserId, person, registered } from './new-user.js';

const inMemory: OpenStore = async () => {
  const store = sealingStore(new InMemoryEventStore(), await keysInMemory());
  return { store, cleanup: () => store.close() };
};
const onSqlite: OpenStore = async () => {
  const { file, remove } = logFolder();
  const keys = await keysInMemory();
  const opened: EventStore[] = [];
  const open = async () => {
    const store = revealingStore(await openSqliteEventStore({ file }), keys);
    opened.push(store);
    return store;
  };
  const cleanup = async () => {
    await Promise.all(opened.map((store) => store.close()));
    remove();
  };
  return { store: await open(), reopen: open, cleanup };
};
eventStoreContract('sealing view in memory', inMemory);
eventStoreContract('revealing view of SQLite', onSqlite);

async function begin() {
  const table = new InMemoryKeyTable();
  const keys = await keysInMemory(table);
  const raw = new InMemoryEventStore();
  return { table, keys, raw, sealing: sealingStore(raw, keys), revealing: revealingStore(raw, keys) };
}

const dataOf = (events: readonly RecordedEvent[]) => events.map(({ data }) => data);

describe('personal data in the log', () => {
  it('is sealed where it is stored, open to projections and withheld from all others', async () => {
    const { raw, sealing, revealing } = await begin();
    const userId = newUserId();
    await sealing.append(streams.user(userId), 'none', [registered(userId)]);
    const stored = JSON.stringify(await raw.readAll());
    for (const value of Object.values(person)) expect(stored).not.toContain(value);
    expect(stored).toContain(userId);
    expect(dataOf(await revealing.readAll())).toMatchObject([{ userId, ...person }]);
    const hidden = { userId, loginId: withheld, username: withheld, name: withheld };
    for (const view of [sealing, withholdingStore(raw)]) {
      expect(dataOf(await view.readStream(streams.user(userId)))).toMatchObject([hidden]);
    }
  });

  it('reads as erased, and only that of the erased person, once the key is destroyed', async () => {
    const { keys, sealing, revealing } = await begin();
    const [mina, jun] = [newUserId(), newUserId()];
    await sealing.append(streams.user(mina), 'none', [registered(mina)]);
    await sealing.append(streams.user(jun), 'none', [registered(jun, { name: 'Jun' })]);
    await keys.destroy(mina);
    const blank = { loginId: erased, username: erased, name: erased };
    expect(dataOf(await revealing.readCategory('user'))).toMatchObject([blank, { name: 'Jun' }]);
  });

  it('fits the schema of its event in every view', async () => {
    const { raw, keys, sealing, revealing } = await begin();
    const userId = newUserId();
    await sealing.append(streams.user(userId), 'none', [registered(userId)]);
    await keys.destroy(userId);
    for (const view of [sealing, revealing, withholdingStore(raw)]) {
      for (const event of await view.readAll()) expect(verifyEvent(event).type).toBe('UserRegistered');
    }
  });

  it('stays readable where it was written in plain text before, but not to those it is withheld from', async () => {
    const { raw, revealing, sealing } = await begin();
    const userId = newUserId();
    await raw.append(streams.user(userId), 'none', [registered(userId)]);
    expect(dataOf(await revealing.readAll())).toMatchObject([person]);
    expect(dataOf(await sealing.readAll())).toMatchObject([{ name: withheld }]);
  });

  it('reaches subscribers in their view, with one look-up a batch', async () => {
    const { table, sealing, revealing } = await begin();
    const users = Array.from({ length: 5 }, newUserId);
    for (const userId of users) await sealing.append(streams.user(userId), 'none', [registered(userId)]);
    table.asked.length = 0;
    const collector = new Collector(revealing, { after: 'start' });
    await collector.untilEvents(5);
    await collector.subscription.stop();
    expect(dataOf(collector.events)).toMatchObject(users.map((userId) => ({ userId, ...person })));
    expect(table.asked).toEqual([users]);
    expect(() => Object.assign(collector.events[0]?.data ?? {}, { name: 'x' })).toThrow(TypeError);
  });

  it('makes a repeated append the one it repeats, although the ciphertext differs', async () => {
    const { sealing, raw } = await begin();
    const userId = newUserId();
    const event = registered(userId);
    for (const expected of ['none', 'any'] as const) {
      await sealing.append(streams.user(userId), expected, [event]);
      const again = await sealing.append(streams.user(userId), expected, [event]);
      expect(again).toMatchObject({ revision: 0, replayed: true });
    }
    expect(await raw.readAll()).toHaveLength(1);
  });

  it('is not written for a person who was erased', async () => {
    const { keys, sealing, raw } = await begin();
    const userId = newUserId();
    await keys.destroy(userId);
    const append = sealing.append(streams.user(userId), 'none', [registered(userId)]);
    await expect(append).rejects.toThrow(PersonalKeyDestroyed);
    expect(await raw.head()).toBeUndefined();
  });

  it('is refused, not guessed, when an event was changed', async () => {
    const { keys, raw, revealing } = await begin();
    const [mina, jun] = [newUserId(), newUserId()];
    const other = new InMemoryEventStore();
    await sealingStore(other, keys).append(streams.user(mina), 'none', [registered(mina)]);
    const [event] = await other.readAll();
    if (!event) throw new Error('nothing was written');
    await keys.keyFor(jun);
    const moved = { ...event, data: { ...(event.data as object), userId: jun } };
    await raw.append(streams.user(jun), 'none', [moved]);
    await expect(revealing.readAll()).rejects.toThrow(PersonalDataDamaged);
  });

  it('waits for its keys: while they cannot be reached no personal data is written or read, and other events are not affected', async () => {
    const { table, raw, sealing, revealing } = await begin();
    const [mina, jun] = [newUserId(), newUserId()];
    await sealing.append(streams.user(mina), 'none', [registered(mina)]);
    table.failure = new Error('the database is away');
    const append = sealing.append(streams.user(jun), 'none', [registered(jun)]);
    await expect(append).rejects.toThrow(StoreUnavailable);
    await expect(revealing.readAll()).rejects.toThrow('the database is away');
    expect(await sealing.readAll()).toHaveLength(1);
    await sealing.append(streamIn('note'), 'none', newEvents(2));
    expect(await raw.readAll()).toHaveLength(3);
  });

  it('is nowhere in the files of an SQLite log', async () => {
    const { file, remove } = logFolder();
    const log = await openSqliteEventStore({ file });
    const userId = newUserId();
    await sealingStore(log, await keysInMemory()).append(streams.user(userId), 'none', [registered(userId)]);
    const folder = join(file, '..');
    const bytes = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
    expect(bytes.includes(userId)).toBe(true);
    for (const value of Object.values(person)) expect(bytes.includes(value)).toBe(false);
    await log.close();
    remove();
  });
});
