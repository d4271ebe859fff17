// A worker process that takes deadlines and never finishes one: it tells which it has begun.
import { systemClock } from '../../../dist/platform/clock.js';
import { RedisLink } from '../../../dist/platform/redis.js';
import { BullTimers } from '../../../dist/processes/redis/bull-timers.js';

const [url, prefix] = process.argv.slice(2);
const log = { info() {}, warn() {}, error() {} };
const timers = new BullTimers(new RedisLink(url, log, { prefix }), systemClock, log, {
  concurrency: 1,
  lockMs: 1_000,
  stalledCheckMs: 500,
});
await timers.start((deadline) => {
  console.log(JSON.stringify({ begun: deadline.holdId }));
  return new Promise((resolve) => {
    process.stdin.once('data', resolve);
  });
});
console.log(JSON.stringify({ ready: true }));
