import { randomUUID } from 'node:crypto';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import type { UserId } from '../../src/events/ids.js';
import { encodeEvent } from '../../src/events/registry.js';
import { streams } from '../../src/events/streams.js';
import { systemClock } from '../../src/platform/clock.js';
import { Erasure } from '../../src/processes/erasure.js';
import { newUserId } from '../personal-data/new-user.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

let store: InMemoryEventStore;
let log: RecordedLog;
const destroyed: UserId[] = [];
const cleaned: number[] = [];
let failures: number;
const running: Erasure[] = [];

beforeEach(() => {
  store = new InMemoryEventStore();
  log = new RecordedLog();
  failures = 0;
  destroyed.length = 0;
  cleaned.length = 0;
});
afterEach(async () => {
  for (const erasure of running.splice(0)) await erasure.stop();
});

function start(): void {
  const fail = () => {
    if (failures-- > 0) throw new Error('the database is away');
  };
  const forgetting = {
    async destroyKey(userId: UserId) {
      fail();
      destroyed.push(userId);
    },
    async cleanReadModels(position: number) {
      fail();
      cleaned.push(position);
    },
  };
  const erasure = new Erasure(store, forgetting, systemClock, log, 1);
  running.push(erasure);
  erasure.start();
}

async function erase(userId = newUserId()): Promise<UserId> {
  const metadata = {
    commandId: randomUUID(),
    correlationId: 'test',
    causationId: 'test',
    actor: { kind: 'admin' },
    occurredAt: '2026-11-22T09:00:00.000Z',
  } as unknown as Parameters<typeof encodeEvent>[1]; // a literal instant
  const event = encodeEvent({ type: 'UserErased', data: { userId } }, metadata);
  await store.append(streams.user(userId), 'any', [{ id: randomUUID(), ...event }]);
  return userId;
}

it('makes sure at its start that the keys of all erased people are gone, and goes on with new ones', async () => {
  const before = [await erase(), await erase()];
  start();
  await eventually(() => cleaned.length === 1);
  expect(destroyed).toEqual(before);
  const after = await erase();
  await eventually(() => cleaned.length === 2);
  expect(destroyed).toEqual([...before, after]);
  expect(cleaned).toEqual([2, 3]);
});

it.each([1, 2, 3])('forgets everybody although %d attempts fail', async (count) => {
  const people = [await erase(), await erase()];
  failures = count;
  start();
  await eventually(() => cleaned.length > 0);
  expect(new Set(destroyed)).toEqual(new Set(people));
  expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  await eventually(() => log.lines.some(({ message }) => message.includes('works again')));
});

it('leaves the files of the read models alone when nobody was erased', async () => {
  start();
  const note = { id: randomUUID(), type: 'PasswordChanged', data: {}, metadata: {} };
  await store.append(streams.user(newUserId()), 'none', [note]);
  const person = await erase();
  await eventually(() => cleaned.length > 0);
  expect([destroyed, cleaned]).toEqual([[person], [2]]);
});
