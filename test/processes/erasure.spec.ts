import { randomUUID } from 'node:crypto';
import { EraseUser } from '../../src/commands/account/erase-user.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { toInstant, type UserId, userIdSchema } from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { streams } from '../../src/events/streams.js';
import { type Clock, systemClock } from '../../src/platform/clock.js';
import { Erasure } from '../../src/processes/erasure.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import { newUserId } from '../personal-data/new-user.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

let store: InMemoryEventStore;
let log: RecordedLog;
/** How far the process's clock is ahead of the log's, ms. */
let aheadMs: number;
/** What the process asked the command side for. */
const finished: EraseUser[] = [];
let refusals: number;
const destroyed: UserId[] = [];
const cleaned: number[] = [];
let failures: number;
let isStuck: (userId: UserId) => boolean;
const running: Erasure[] = [];

beforeEach(() => {
  store = new InMemoryEventStore();
  log = new RecordedLog();
  aheadMs = 0;
  finished.length = 0;
  refusals = 0;
  failures = 0;
  isStuck = () => false;
  destroyed.length = 0;
  cleaned.length = 0;
});
afterEach(async () => {
  for (const erasure of running.splice(0)) await erasure.stop();
});

const shiftedClock: Clock = {
  now: () => toInstant(shiftedClock.nowMs()),
  nowMs: () => systemClock.nowMs() + aheadMs,
};

function start(): void {
  const fail = () => {
    if (failures-- > 0) throw new Error('the database is away');
  };
  const forgetting = {
    async destroyKey(userId: UserId) {
      fail();
      if (isStuck(userId)) throw new Error('the key store does not answer');
      destroyed.push(userId);
    },
    async cleanReadModels(position: number) {
      fail();
      cleaned.push(position);
    },
  };
  const commands: Commands = {
    async execute(command) {
      if (!(command instanceof EraseUser)) throw new Error('the process knows one command');
      if (refusals-- > 0) throw new Error('the account has an open order');
      finished.push(command);
      await erase(userIdSchema.parse(command.input.user));
      return undefined as never; // the process uses no result
    },
  };
  const erasure = new Erasure(store, commands, forgetting, shiftedClock, log, 1);
  running.push(erasure);
  erasure.start();
}

async function append(stream: string, event: DomainEvent): Promise<void> {
  const metadata = {
    commandId: randomUUID(),
    correlationId: 'test',
    causationId: 'test',
    actor: { kind: 'admin' },
    occurredAt: '2026-11-22T09:00:00.000Z',
  } as unknown as Parameters<typeof encodeEvent>[1]; // a literal instant
  await store.append(stream, 'any', [{ id: randomUUID(), ...encodeEvent(event, metadata) }]);
}

async function erase(userId = newUserId()): Promise<UserId> {
  await append(streams.user(userId), { type: 'UserErased', data: { userId } });
  return userId;
}

/** The first step of an erasure. */
async function closeWallet(userId = newUserId()): Promise<UserId> {
  await append(streams.wallet(userId), { type: 'WalletClosed', data: { userId, balance: 5 } });
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
  await eventually(() => new Set(destroyed).size === people.length);
  await eventually(() => cleaned.length > 0);
  expect(new Set(destroyed)).toEqual(new Set(people));
  // One line for each person whose key could not be destroyed.
  expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(Math.min(count, people.length));
  await eventually(() => log.lines.some(({ message }) => message.includes('works again')));
});

it('destroys the keys of all others while one cannot be destroyed, and that one when it can be', async () => {
  const [stuck, second] = [await erase(), await erase()];
  isStuck = (userId) => userId === stuck;
  start();
  await eventually(() => cleaned.length === 1);
  const third = await erase();
  await eventually(() => cleaned.length === 2);
  expect(destroyed).toEqual([second, third]);
  expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([{ details: { item: stuck } }]);
  isStuck = () => false;
  await eventually(() => cleaned.length === 3);
  expect(destroyed).toEqual([second, third, stuck]);
});

it('goes on when its subscription has ended by an error', async () => {
  let breaks = 2;
  const subscribe = store.subscribe.bind(store);
  store.subscribe = (options, handler) =>
    subscribe(options, async (batch) => {
      if (breaks-- > 0) throw new Error('the connection was lost');
      await handler(batch);
    });
  const people = [await erase(), await erase()];
  start();
  await eventually(() => cleaned.length === 1);
  expect(destroyed).toEqual(people);
});

it('leaves the files of the read models alone when nobody was erased', async () => {
  start();
  const note = { id: randomUUID(), type: 'PasswordChanged', data: {}, metadata: {} };
  await store.append(streams.user(newUserId()), 'none', [note]);
  const person = await erase();
  await eventually(() => cleaned.length > 0);
  expect([destroyed, cleaned]).toEqual([[person], [2]]);
});

describe('An erasure that a crash stopped after it had closed the wallet', () => {
  const minuteMs = 60_000;

  it('is finished after a minute, and the key is destroyed', async () => {
    const [left, done] = [await closeWallet(), await closeWallet()];
    await erase(done);
    start();
    await eventually(() => destroyed.includes(done));
    expect(finished).toEqual([]);
    aheadMs += minuteMs;
    await eventually(() => destroyed.includes(left));
    expect(finished.map(({ input }) => input)).toEqual([{ user: left, forfeit: true }]);
    expect(finished[0]?.context.actor).toEqual({ kind: 'process', name: 'erasure' });
  });

  it('is left to its command for a minute, and keeps nobody waiting while it is refused', async () => {
    start();
    const slow = await closeWallet();
    const second = await closeWallet();
    await erase(slow);
    await eventually(() => destroyed.includes(slow));
    expect(finished).toEqual([]);
    refusals = 2;
    aheadMs += minuteMs;
    await eventually(() => refusals < 1);
    const other = await erase();
    await eventually(() => destroyed.includes(other));
    aheadMs += minuteMs;
    await eventually(() => destroyed.includes(second));
    expect(finished).toHaveLength(1);
  });
});
