import { findEventStored } from '../../scripts/stack/eventstored.mjs';
import type { Role } from '../e2e/cluster-office.js';
import { RealEventStore } from '../services/event-store.js';
import type { Cluster } from './cluster.js';
import { during, type Fault, lastsMs, shiftOf } from './faults.js';

const roles: readonly Role[] = ['api', 'projector', 'worker'];
const appendDelayMs = 150;

const ofRoles: readonly Fault<Cluster>[] = roles.flatMap((role) => [
  {
    name: `kill-${role}`,
    meaning: `a process of role ${role} is killed (SIGKILL), another one started`,
    async inject({ office }) {
      await office.kill(role);
      await office.add(role);
      return '';
    },
  },
  {
    name: `freeze-${role}`,
    meaning: `a process of role ${role} stands still (SIGSTOP) for --freeze-ms`,
    async inject({ office }, { freezeMs }) {
      await during(freezeMs, office.freeze(role));
      return `${freezeMs} ms`;
    },
  },
  {
    name: `clock-${role}`,
    meaning: `the clock of a process of role ${role} jumps by --clock-shift-ms, and back after 3 s`,
    async inject({ office, faults }, settings, random) {
      const clockShiftMs = shiftOf(settings, random);
      await during(lastsMs, faults.begin(office.pidOf(role), { clockShiftMs }));
      return `${clockShiftMs} ms`;
    },
  },
]);

const ofEngines: readonly Fault<Cluster>[] = [
  {
    name: 'freeze-log',
    meaning: 'EventStoreDB, or its leader, is stopped (SIGSTOP) for --freeze-ms',
    async inject({ office: { eventStore } }, { freezeMs }) {
      await eventStore.freeze();
      await during(freezeMs, () => eventStore.thaw());
      // An old leader may end to truncate events that only it has.
      if (eventStore instanceof RealEventStore) await eventStore.start();
      return `${freezeMs} ms`;
    },
  },
  {
    name: 'freeze-tables',
    meaning: 'the database server stands still (SIGSTOP) for --freeze-ms',
    async inject({ database }, { freezeMs }) {
      await database.pause();
      await during(freezeMs, () => database.resume());
      return `${freezeMs} ms`;
    },
  },
  {
    name: 'freeze-redis',
    meaning: 'Redis stands still (SIGSTOP) for --freeze-ms',
    async inject({ office: { redis } }, { freezeMs }) {
      await redis.pause();
      await during(freezeMs, () => redis.resume());
      return `${freezeMs} ms`;
    },
  },
  {
    name: 'tables-die',
    meaning: 'the database server is killed (SIGKILL) and started again',
    async inject({ database }) {
      await database.kill();
      await database.restart();
      return '';
    },
  },
  {
    name: 'redis-flush',
    meaning: 'Redis loses everything (FLUSHALL)',
    async inject({ office: { redis } }) {
      await redis.flushAll();
      return '';
    },
  },
  {
    name: 'redis-away',
    meaning: 'Redis is killed and away for --redis-away-ms, then empty',
    async inject({ office: { redis } }, { redisAwayMs }) {
      await redis.kill();
      await during(redisAwayMs, () => redis.restart());
      return `${redisAwayMs} ms`;
    },
  },
];

/** Faults that only the stand-in can be made to have. */
export const plannedFaults: readonly Fault<Cluster>[] = [
  {
    name: 'log-dies',
    meaning: 'EventStoreDB dies after a commit, before its reply, and is started again',
    async inject({ standIn }) {
      // It may die before it says that it will.
      await Promise.race([standIn.plan({ appends: ['commit-then-kill'] }), standIn.ended()]);
      await standIn.ended();
      await standIn.start();
      return '';
    },
  },
  {
    name: 'log-slow',
    meaning: `EventStoreDB takes ${appendDelayMs} ms longer for each append for 3 s`,
    async inject({ standIn }) {
      await standIn.plan({ appendDelayMs });
      await during(lastsMs, () => standIn.plan({}));
      return `${appendDelayMs} ms an append`;
    },
  },
  {
    name: 'log-refuses',
    meaning: 'EventStoreDB refuses every append for 3 s, as with a full disk',
    async inject({ standIn }, _, random) {
      const seed = random.between(1, 1_000_000);
      await standIn.plan({ storm: { seed, share: 1, kinds: ['unavailable'] } });
      await during(lastsMs, () => standIn.plan({}));
      return '';
    },
  },
  {
    name: 'log-storm',
    meaning: 'EventStoreDB writes every fifth append but loses the answer, for 3 s',
    async inject({ standIn }, _, random) {
      const seed = random.between(1, 1_000_000);
      await standIn.plan({
        storm: { seed, share: 0.2, kinds: ['commit-then-disconnect', 'commit-then-timeout', 'timeout'] },
      });
      await during(lastsMs, () => standIn.plan({}));
      return '';
    },
  },
];

const nodes = Number(process.env.EVENTSTORED_NODES ?? '1');

/** Faults of a real EventStoreDB. */
const ofServers: readonly Fault<Cluster>[] = [
  {
    name: 'kill-log',
    meaning: 'EventStoreDB, or its leader, is killed (SIGKILL), and started again after 3 s',
    async inject({ eventStoreDb }) {
      await eventStoreDb.killLeader();
      await during(lastsMs, () => eventStoreDb.start());
      return '';
    },
  },
  {
    name: 'quorum-away',
    meaning:
      'two of three nodes of EventStoreDB, one of them the leader, are killed and down for --log-away-ms',
    async inject({ eventStoreDb }, { logAwayMs }) {
      await eventStoreDb.killMajority();
      await during(logAwayMs, () => eventStoreDb.start());
      return `${logAwayMs} ms`;
    },
  },
];

/** Whether the log is a real EventStoreDB. */
export const hasRealLog = findEventStored() !== undefined;
const ofLog = hasRealLog
  ? ofServers.filter(({ name }) => nodes > 1 || name !== 'quorum-away')
  : plannedFaults;

/** What can go wrong with each role and each engine. */
export const clusterFaults: readonly Fault<Cluster>[] = [...ofRoles, ...ofEngines, ...ofLog];
