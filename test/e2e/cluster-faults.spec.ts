import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startMariaDb, type TestMariaDb } from '../services/mariadb.js';
import { ClusterOffice } from './cluster-office.js';
import { expectAgreement } from './faults/agreement.js';
import { Crowd } from './faults/crowd.js';
import { holdThenForgetAll } from './faults/forgotten-timers.js';
import { openTimeoutMs } from './modes.js';

/** Longer than a worker's lock on a deadline and the check for locks left behind, which are 10 s and 5 s. */
const frozenMs = 16_000;
/** Processes finish what they are at; each bounds that. */
const closeTimeoutMs = 90_000;
/** How long Redis stays away. */
const awayMs = 4_000;

describe('a fault in the middle of a crowd of fans leaves everything in agreement:', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-faults-'));
  let mariaDb: TestMariaDb;
  let office: ClusterOffice;
  const crowds: Crowd[] = [];

  beforeAll(async () => {
    mariaDb = await startMariaDb();
    // Left-overs are taken up after 2 s instead of 10, so that each test is through sooner.
    const env = { RESUME_AFTER_MS: '2000' };
    office = await ClusterOffice.open(env, { mariaDb, eventStoreFile: join(folder, 'events') });
  }, openTimeoutMs);
  afterAll(async () => {
    await office?.close();
    await mariaDb?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, closeTimeoutMs);

  /** A crowd books before the fault, through it and after it. */
  async function underFault(name: string, fault: (crowd: Crowd) => Promise<void>): Promise<void> {
    const crowd = await Crowd.gather(office, name);
    crowds.push(crowd);
    try {
      await crowd.books(20);
      await fault(crowd);
      await crowd.books(25);
    } finally {
      await crowd.goHome();
    }
    await expectAgreement(office, crowds);
  }

  it('an api process is killed', async () => {
    await underFault('api', async () => {
      await office.kill('api');
      await office.add('api');
    });
  }, 120_000);

  it('the projector is killed', async () => {
    await underFault('projector', async () => {
      await office.kill('projector');
      await office.add('projector');
    });
  }, 120_000);

  it('the worker is killed', async () => {
    await underFault('worker', async () => {
      await office.kill('worker');
      await office.add('worker');
    });
  }, 120_000);

  it('EventStoreDB dies after a commit, before its reply', async () => {
    await underFault('log', async () => {
      const { eventStore } = office;
      // It may die before it says that it will.
      await Promise.race([eventStore.plan({ appends: ['commit-then-kill'] }), eventStore.ended()]);
      await eventStore.ended();
      await eventStore.start();
    });
  }, 120_000);

  it('the database of the read models crashes', async () => {
    await underFault('tables', async () => {
      await mariaDb.kill();
      await mariaDb.restart();
    });
  }, 120_000);

  it('Redis is emptied', async () => {
    await underFault('emptied', () => office.redis.flushAll());
  }, 120_000);

  it('Redis is away for some seconds', async () => {
    await underFault('away', async (crowd) => {
      await office.redis.kill();
      await Promise.all([delay(awayMs), crowd.books(20)]);
      await office.redis.restart();
    });
  }, 120_000);

  it('a worker stands still for longer than its locks, then goes on', async () => {
    await underFault('frozen', async () => {
      await office.add('worker');
      const thaw = office.freeze('worker');
      await delay(frozenMs).finally(thaw);
    });
  }, 120_000);

  it('Redis forgets the timers of 1,000 held seats, which all end in time', async () => {
    await holdThenForgetAll(office);
  }, 120_000);
});
