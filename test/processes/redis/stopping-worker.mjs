// A worker process that stops when it is told to; it ends when nothing keeps it alive any more.
import { once } from 'node:events';
import { systemClock } from '../../../dist/platform/clock.js';
import { RedisLink } from '../../../dist/platform/redis.js';
import { BullTimers } from '../../../dist/processes/redis/bull-timers.js';

const log = { info() {}, warn() {}, error() {} };
const link = new RedisLink(process.argv[2], log);
const timers = new BullTimers(link, systemClock, log);
await timers.start(async () => undefined);
await link.waitUntilReady(10_000);
console.log('started');
await once(process.stdin, 'data');
await timers.stop();
link.close();
