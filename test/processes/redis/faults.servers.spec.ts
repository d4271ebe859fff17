import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Deadline } from '../../../src/processes/timers.js';
import { startRedis, type TestRedis } from '../../services/redis.js';
import { eventually } from '../../services/wait-until.js';
import { holdDeadline, Installation, timesActedOn } from './several-processes.js';

const children: ChildProcess[] = [];
let redis: TestRedis;
let office: Installation;
beforeEach(async () => {
  redis = await startRedis();
  office = new Installation(redis.url);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await office.end();
  await redis.stop();
});

function spawnChild(script: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(__dirname, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

async function nextLine({ stdout }: { readonly stdout: Readable }): Promise<unknown> {
  const [line] = await once(createInterface({ input: stdout }), 'line');
  return line;
}

function isActedOn(name: string, due: readonly Deadline[]): boolean {
  return timesActedOn(due).has(holdDeadline(name, 0).holdId);
}

describe('Redis that goes away', () => {
  it('holds up nobody who schedules; timers it missed come when it is back', async () => {
    const { timers, log, due } = await office.join();
    const before = Array.from({ length: 50 }, (_, n) => holdDeadline(`before ${n}`, 100));
    const scheduling = before.map((deadline) => timers.schedule([deadline]));
    await redis.kill();
    await Promise.all(scheduling);
    await timers.schedule([holdDeadline('meanwhile', 500)]);
    expect(timers.dropped).toBeGreaterThan(0);
    expect(log.lines.filter(({ message }) => message.includes('not scheduled'))).toHaveLength(1);

    await redis.restart();
    const live = async function* () {
      yield [holdDeadline('meanwhile', 500)];
    };
    await eventually(async () => {
      await timers.restore(live);
      return isActedOn('meanwhile', due);
    });
    await timers.schedule([holdDeadline('afterwards', 0)]);
    await eventually(() => isActedOn('afterwards', due));
  });

  it('holds up nobody either when it is there but does not answer', async () => {
    const { timers, due } = await office.join();
    redis.pause();
    await timers.schedule([holdDeadline('unheard', 0)]);
    for (let n = 0; n < 1_000; n++) await timers.schedule([holdDeadline(n, 0)]);
    expect(timers.dropped).toBe(1_001);
    redis.resume();
    await eventually(async () => {
      await timers.schedule([holdDeadline('heard', 0)]);
      return due.length > 0;
    });
  });

  it('gets the timers again that it did not take while it hung', async () => {
    const { timers, due, log } = await office.join();
    const live = async function* () {
      yield [holdDeadline('missed', 500)];
    };
    await timers.restore(async function* () {});
    redis.pause();
    await timers.schedule([holdDeadline('missed', 500)]);
    redis.resume();
    await eventually(async () => {
      await timers.restore(live);
      return log.lines.filter(({ message }) => message.includes('complete in Redis')).length === 2;
    });
    await eventually(() => isActedOn('missed', due));
  });

  it('does not keep a process from starting, nor from working once it is there', async () => {
    await redis.kill();
    const { timers, log } = office.prepare();
    const due: Deadline[] = [];
    await timers.start(async (deadline) => void due.push(deadline));
    await timers.schedule([holdDeadline('too soon', 0)]);
    expect(timers.dropped).toBe(1);
    await redis.restart();
    await eventually(async () => {
      await timers.schedule([holdDeadline('now', 0)]);
      return due.length > 0;
    });
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('does not keep a process from stopping', async () => {
    const { timers } = await office.join();
    await redis.kill();
    await timers.stop();
    const another = office.prepare();
    await another.timers.start(async () => undefined);
    await another.timers.stop();
  });

  it('does not keep a process from stopping that is acting on a deadline, nor when it only hangs', async () => {
    let begun = 0;
    const { timers } = await office.join(async () => {
      begun++;
      await new Promise(() => undefined);
    });
    await timers.schedule([holdDeadline('endless', 0)]);
    await eventually(() => begun === 1);
    redis.pause();
    await timers.stop();
    redis.resume();
  });

  it('does not keep a process alive that has stopped', async () => {
    const child = spawnChild('stopping-worker.mjs', redis.url);
    const exited = once(child, 'exit');
    expect(await nextLine(child)).toBe('started');
    await redis.kill();
    child.stdin.end('stop');
    expect(await exited).toEqual([0, null]);
  });
});

describe('a process that stops in the middle of a deadline', () => {
  it('is replaced by another; waking up, it does no harm', async () => {
    const child = spawnChild('stopped-worker.mjs', redis.url, office.prefix);
    expect(await nextLine(child)).toBe('{"ready":true}');
    const deadline = holdDeadline('taken over', 0);
    const scheduler = office.prepare();
    await scheduler.link.waitUntilReady(5_000);
    await scheduler.timers.schedule([deadline]);
    expect(await nextLine(child)).toBe(JSON.stringify({ begun: deadline.holdId }));
    child.kill('SIGSTOP');
    const other = await office.join();
    await eventually(() => other.due.length === 1);
    expect(other.due).toEqual([deadline]);

    child.kill('SIGCONT');
    child.stdin.write('finish\n');
    await scheduler.timers.schedule([holdDeadline('next', 0), holdDeadline('after next', 0)]);
    await eventually(() => other.due.length >= 2);
  });
});
