import { join } from 'node:path';
import Database from 'better-sqlite3';
import { dataFiles } from '../../src/engines.js';
import type { EventStore } from '../../src/event-store/port.js';
import { StreamClient, until } from '../api/stream-client.js';
import { call, Fan } from './fan.js';
import { Office } from './office.js';

jest.setTimeout(60_000);

/** Rebuilds read the log page by page, the office follows it: while this is set, rebuilds wait. */
let gate: Promise<void> | undefined;

function gated(store: EventStore): EventStore {
  return new Proxy(store, {
    get(target, property) {
      if (property === 'readAll') {
        return async (options: Parameters<EventStore['readAll']>[0]) => {
          await gate;
          return target.readAll(options);
        };
      }
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

let office: Office;
beforeAll(async () => {
  office = await Office.open({}, { wrapStore: gated });
});
afterAll(() => office.close());

const rebuilds = '/v1/ops/projections/rebuilds';
const headersOf = () => ({ authorization: `Bearer ${office.config.ADMIN_KEY}` });
const ops = (method: string, path: string, body?: unknown) =>
  call(office.url, method, `${rebuilds}${path}`, { headers: headersOf(), body });

it('a rebuild heals the tables of the office that runs it, in sight of whoever follows it', async () => {
  const fan = await new Fan(office).arrive();
  await fan.charge(500);
  // Reading waits for the charge to be in the tables: what it would overwrite proves nothing.
  expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(500);
  const file = new Database(join(office.dataDir, dataFiles.readModels));
  file.exec('UPDATE points SET remain_point = 999');
  file.close();
  const { status, body } = await ops('POST', '', {});
  expect(status).toBe(202);
  const watcher = await StreamClient.open(`${office.url}${rebuilds}/${body.rebuildId}/events`, headersOf());
  await until(() => watcher.ended);
  expect(watcher.messages('rebuild').at(-1)).toMatchObject({
    status: 'completed',
    report: {
      differenceCount: 1,
      differences: [{ table: 'points', cells: [{ expected: 500, found: 999 }] }],
    },
  });
  expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(500);
  // The projector of the same process writes the new tables from here on.
  await fan.charge(250);
  expect((await fan.call('GET', '/v1/wallet')).body.balance).toBe(750);
});

it('a rebuild that is cancelled changes nothing, and the next one takes its place', async () => {
  await ops('POST', '', {});
  while ((await ops('GET', '/current')).body.status !== 'completed');
  let open = () => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const { rebuildId } = (await ops('POST', '', {})).body;
  while ((await ops('GET', `/${rebuildId}`)).body.status !== 'running');
  expect((await ops('POST', '', {})).body).toMatchObject({ code: 'rebuild-running', rebuildId });
  expect((await ops('POST', '/current/cancel')).body.status).toBe('cancelling');
  gate = undefined;
  open();
  const watcher = await StreamClient.open(`${office.url}${rebuilds}/${rebuildId}/events`, headersOf());
  await until(() => watcher.ended);
  expect(watcher.messages('rebuild').at(-1)).toMatchObject({ status: 'cancelled', report: null });
  const next = (await ops('POST', '', {})).body.rebuildId;
  while ((await ops('GET', `/${next}`)).body.status !== 'completed');
  expect((await call(office.url, 'GET', '/health/ready')).status).toBe(200);
});
