import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildServer } from '../eventstoredb-server/child-server.js';
import { startDatabaseServer, type TestDatabaseServer } from '../services/database-server.js';
import { eventually } from '../services/wait-until.js';
import { ClusterOffice, type Role } from './cluster-office.js';
import { call } from './fan.js';
import { expectAgreement } from './faults/agreement.js';
import { Crowd } from './faults/crowd.js';
import { holdThenForgetAll } from './faults/forgotten-timers.js';
import { stormTimeoutMs } from './faults/patient-fan.js';
import { expectRowsOfLog } from './faults/rows-of-log.js';

/** Longer than a worker's lock on a deadline and the check for locks left behind, which are 10 s and 5 s. */
const frozenMs = 16_000;
/** How long Redis stays away. */
const awayMs = 4_000;

jest.setTimeout(stormTimeoutMs);

describe('a fault in the middle of a crowd of fans leaves everything in agreement:', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-faults-'));
  let database: TestDatabaseServer;
  let office: ClusterOffice<ChildServer>;
  const crowds: Crowd[] = [];

  beforeAll(async () => {
    database = await startDatabaseServer();
    // Left-overs are taken up after 2 s instead of 10, so that each test is through sooner.
    const env = { RESUME_AFTER_MS: '2000' };
    office = await ClusterOffice.openFaulty(env, { database, eventStoreFolder: join(folder, 'events') });
  });
  afterAll(async () => {
    await office?.close();
    await database?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

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

  it('the database is away while nothing happens: no process says that it is ready', async () => {
    const readiness = (role: Role) => call(office.urlOf(role), 'GET', '/health/ready');
    const roles = ['api', 'projector', 'worker'] as const;
    await database.kill();
    for (const role of roles) {
      const { status, body } = await readiness(role);
      expect({ role, status, checks: body.checks }).toMatchObject({
        status: 503,
        checks: [
          { name: 'event-store', ok: true },
          { name: 'database', ok: false },
        ],
      });
    }
    await database.restart();
    for (const role of roles) await eventually(async () => (await readiness(role)).status === 200);
  });

  it('an api process and the worker are killed', async () => {
    await underFault('killed', async (crowd) => {
      for (const role of ['api', 'worker'] as const) {
        await office.kill(role);
        await office.add(role);
        await crowd.books(3);
      }
    });
  });

  it('processes of every role are told to stop, and have finished what they were at', async () => {
    await underFault('stopped', async (crowd) => {
      for (const role of ['api', 'projector', 'worker'] as const) {
        await office.add(role);
        expect({ role, status: await office.retire(role) }).toEqual({ role, status: 0 });
        await crowd.books(3);
      }
    });
  });

  it('the projector is killed between its rows and their commit, and after a commit', async () => {
    await underFault('torn', async () => {
      for (const moment of ['before', 'after']) {
        const doomed = await office.add('projector', { DIE_AT_COMMIT: moment });
        await office.retire('projector');
        await doomed.ended();
        await office.add('projector');
      }
    });
    await expectRowsOfLog(office);
  });

  it('EventStoreDB dies after a commit, before its reply', async () => {
    await underFault('log', async () => {
      const { eventStore } = office;
      // It may die before it says that it will.
      await Promise.race([eventStore.plan({ appends: ['commit-then-kill'] }), eventStore.ended()]);
      await eventStore.ended();
      await eventStore.start();
    });
  });

  it('the database of the read models crashes', async () => {
    await underFault('tables', async () => {
      await database.kill();
      await database.restart();
    });
  });

  it('Redis is emptied, then away for some seconds', async () => {
    await underFault('away', async (crowd) => {
      await office.redis.flushAll();
      await crowd.books(20);
      await office.redis.kill();
      await Promise.all([delay(awayMs), crowd.books(20)]);
      await office.redis.restart();
    });
  });

  it('a worker stands still for longer than its locks, then goes on', async () => {
    await underFault('frozen', async () => {
      await office.add('worker');
      const thaw = office.freeze('worker');
      await delay(frozenMs).finally(thaw);
    });
  });

  it('Redis forgets the timers of 1,000 held seats, which all end in time', async () => {
    await holdThenForgetAll(office);
  });

  it('and in the end every row of the read models is what the log makes of it', async () => {
    await expectRowsOfLog(office);
  });
});
