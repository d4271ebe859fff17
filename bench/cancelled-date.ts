/**
 * The refunds of a cancelled date of which every seat is sold, by a real office that is killed in the middle and started
 * again. See bench/README.md.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { dataFiles } from '../src/app/engines.js';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.js';
import { scheduleId } from '../test/commands/theatre.js';
import { sellDate } from '../test/processes/sold-out-date.js';
import { adminKey, type BenchServer, officeEnvironment, startServer, stopServer } from './http/servers.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'data' },
    orders: { type: 'string', default: '3750' },
    /** Of each order. */
    seats: { type: 'string', default: '4' },
  },
});
const orders = Number(values.orders);
const seats = orders * Number(values.seats);
const lookEveryMs = 200;

const progressSchema = z.object({ settledAt: z.string().nullable(), seatsReserved: z.number() });

async function ask(server: BenchServer, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${server.url}/v1/admin/schedules/${scheduleId}/${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Looks until the refunds are so far. @returns the seconds it took. */
async function until(server: BenchServer, isSoFar: (progress: z.infer<typeof progressSchema>) => boolean) {
  const startedAtMs = performance.now();
  while (!isSoFar(progressSchema.parse(await ask(server, 'GET', 'cancellation')))) await delay(lookEveryMs);
  return (performance.now() - startedAtMs) / 1_000;
}

/** Position of the newest event: positions of the embedded log are 1, 2, 3, … */
async function eventCount(file: string): Promise<number> {
  const store = await openSqliteEventStore({ file, readOnly: true });
  const head = await store.head();
  await store.close();
  return head ?? 0;
}

mkdirSync(values.folder, { recursive: true });
const dataDir = mkdtempSync(join(values.folder, 'bench-cancelled-date-'));
const log = join(dataDir, dataFiles.log);
const startOffice = () => startServer('hold-server.js', officeEnvironment(dataDir));
try {
  await sellDate(log, { orders, seatsPerOrder: Number(values.seats), holders: 0 });
  const before = await eventCount(log);
  const doomed = await startOffice();
  await ask(doomed, 'POST', 'cancel', { reason: 'a measurement' });
  const firstSeconds = await until(doomed, ({ seatsReserved }) => seatsReserved <= seats / 2);
  doomed.child.kill('SIGKILL');
  await once(doomed.child, 'exit');
  const atDeath = await eventCount(log);
  const killedAtMs = performance.now();
  const successor = await startOffice();
  const restartSeconds = (performance.now() - killedAtMs) / 1_000;
  const secondSeconds = await until(successor, ({ settledAt }) => settledAt !== null);
  await stopServer(successor);
  const after = await eventCount(log);
  const seconds = firstSeconds + secondSeconds;
  const result = {
    orders,
    seats,
    firstSeconds,
    restartSeconds,
    secondSeconds,
    events: after - before,
    eventsBeforeDeath: atDeath - before,
    eventsPerSecond: (after - before) / seconds,
    ordersPerSecond: orders / seconds,
  };
  if (values.json) console.log(JSON.stringify(result));
  else console.table(Object.fromEntries(Object.entries(result).map(([name, of]) => [name, rounded(of)])));
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
