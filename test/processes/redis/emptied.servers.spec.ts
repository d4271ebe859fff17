import type { Command } from '@nestjs/cqrs';
import { ExpireHold } from '../../../src/commands/seats/end-hold.js';
import { InMemoryEventStore } from '../../../src/event-store/in-memory-event-store.js';
import { scheduleIdSchema, seatIdSchema } from '../../../src/events/ids.js';
import { systemClock } from '../../../src/platform/clock.js';
import { deriveId } from '../../../src/platform/derive-id.js';
import { Expiry } from '../../../src/processes/expiry.js';
import type { Commands } from '../../../src/processes/periodic-task.js';
import { RedisRoundLease } from '../../../src/processes/redis/round-lease.js';
import type { Deadline } from '../../../src/processes/timers.js';
import type { DeadlineQueries } from '../../../src/queries/deadlines.js';
import { startRedis, type TestRedis } from '../../services/redis.js';
import { eventually } from '../../services/wait-until.js';
import { holdDeadline, Installation, timesActedOn } from './several-processes.js';

let redis: TestRedis;
let office: Installation;
beforeEach(async () => {
  redis = await startRedis();
  office = new Installation(redis.url);
});
afterEach(async () => {
  await office.end();
  await redis.stop();
});

/** Read models that know these deadlines, and how often they were asked. */
function readModels(deadlines: readonly Deadline[]) {
  const asked = { times: 0 };
  const pageSize = 100;
  return {
    asked,
    async *live() {
      asked.times++;
      for (let first = 0; first < deadlines.length; first += pageSize) {
        yield deadlines.slice(first, first + pageSize);
      }
    },
  };
}

describe('Redis that is emptied', () => {
  it('costs no deadline: a thousand timers are set again, and what was due meanwhile is swept', async () => {
    const ended = new Set<string>();
    const commands: Commands = {
      async execute<Result>(command: Command<Result>): Promise<Result> {
        if (command instanceof ExpireHold) ended.add(command.holdId);
        return undefined as Result; // expiry looks at no result
      },
    };
    const place = { scheduleId: scheduleIdSchema.parse(deriveId('date')), seatId: seatIdSchema.parse('A-1') };
    const holds = Array.from({ length: 1_000 }, (_, n) => {
      const { tokenId, holdId, dueAt } = holdDeadline(n, 500 + 2 * n);
      return { ...place, tokenId, holdId, expiresAt: dueAt };
    });
    const deadlines: DeadlineQueries = {
      liveHolds: async (after, limit) =>
        holds
          .slice(after ? holds.findIndex(({ holdId }) => holdId === after.holdId) + 1 : 0)
          .filter(({ holdId }) => !ended.has(holdId))
          .slice(0, limit),
      liveTokens: async () => [],
      lapsedHolds: async (now, after, limit) =>
        holds
          .slice(after ? holds.findIndex(({ holdId }) => holdId === after.holdId) + 1 : 0)
          .filter(({ holdId, expiresAt }) => expiresAt <= now && !ended.has(holdId))
          .slice(0, limit),
      lapsedTokens: async () => [],
      waitingAfterSale: async () => [],
    };
    const { timers, link, log } = office.prepare();
    await link.waitUntilReady(5_000);
    const lease = new RedisRoundLease(link);
    const store = new InMemoryEventStore();
    const expiry = new Expiry(store, commands, timers, deadlines, systemClock, log, 100, lease);
    await expiry.start();
    await redis.flushAll();
    await eventually(
      () => log.lines.filter(({ message }) => message.includes('complete in Redis')).length === 2,
    );
    await eventually(() => ended.size === 1_000);
    await expiry.stop();
  });

  it('is filled again by one of the processes', async () => {
    const [a, b] = [await office.join(), await office.join()];
    const { asked, live } = readModels(Array.from({ length: 250 }, (_, n) => holdDeadline(n, 60_000)));
    await a.timers.restore(live);
    await redis.flushAll();
    await Promise.all([a.timers.restore(live), b.timers.restore(live)]);
    expect(asked.times).toBe(2);
  });

  it('is not filled again while its timers are complete', async () => {
    const [a, b] = [await office.join(), await office.join()];
    const { asked, live } = readModels([holdDeadline('one', 60_000)]);
    await a.timers.restore(live);
    await b.timers.restore(live);
    await a.timers.restore(live);
    expect(asked.times).toBe(1);
  });

  it('is filled again when it is emptied in the middle of that', async () => {
    const { timers, due } = await office.join();
    let isEmptied = false;
    const live = async function* () {
      yield [holdDeadline('one', 500)];
      if (!isEmptied) await redis.flushAll();
      isEmptied = true;
      yield [holdDeadline('two', 500)];
    };
    await timers.restore(live);
    await timers.restore(live);
    await eventually(() => timesActedOn(due).size === 2);
  });

  it('is left without what is due already: that is for the sweeper', async () => {
    const { timers, due } = await office.join();
    const ahead = holdDeadline('ahead', 1_000);
    await timers.restore(readModels([holdDeadline('past', -1), ahead]).live);
    await eventually(() => due.length === 1);
    expect(due).toEqual([ahead]);
  });
});
