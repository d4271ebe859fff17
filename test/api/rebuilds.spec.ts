import type { ProjectionRebuilds } from '../../src/api/operations.js';
import { toInstant } from '../../src/events/ids.js';
import type { ProjectionRebuild } from '../../src/queries/replies/projections.js';
import { eventually } from '../services/wait-until.js';
import { type ApiUnderTest, adminKey, startApi } from './api-under-test.js';
import { StreamClient } from './stream-client.js';

const rebuildId = '5b1f0c7e-2d3a-4e4f-9a6b-7c8d9e0f1a2b';
const requested: ProjectionRebuild = {
  rebuildId,
  status: 'requested',
  projections: ['users'],
  compareOnly: false,
  restart: false,
  progress: null,
  report: null,
  error: null,
  requestedAt: toInstant(0),
  updatedAt: toInstant(0),
};

/** The one rebuild there is, as a test says it is. */
class ScriptedRebuilds implements ProjectionRebuilds {
  readonly names = ['users', 'orders'];
  readonly asked: unknown[] = [];
  finds = 0;
  current: ProjectionRebuild | undefined;

  request: ProjectionRebuilds['request'] = async (request) => {
    this.asked.push(request);
    if (this.current) return { running: this.current };
    this.current = requested;
    return { started: requested };
  };

  find = async (id: string) => {
    this.finds++;
    return id === 'current' || id === this.current?.rebuildId ? this.current : undefined;
  };

  cancel = async () => {
    if (this.current) this.current = { ...this.current, status: 'cancelling' };
  };
}

const headers = { authorization: `Bearer ${adminKey}` };
const path = '/v1/ops/projections/rebuilds';
let api: ApiUnderTest;
let rebuilds: ScriptedRebuilds;
beforeEach(async () => {
  rebuilds = new ScriptedRebuilds();
  api = await startApi({ rebuilds });
});
afterEach(() => api.app.close());

const post = (payload: object, url = path) => api.app.inject({ method: 'POST', url, headers, payload });
const get = (id: string) => api.app.inject({ url: `${path}/${id}`, headers });

it('a rebuild is accepted and told where it can be watched', async () => {
  const reply = await post({ names: ['users'], restart: true });
  expect(reply.statusCode).toBe(202);
  expect(reply.headers.location).toBe(`${path}/${rebuildId}`);
  expect(rebuilds.asked).toEqual([{ names: ['users'], compareOnly: false, restart: true }]);
  for (const id of [rebuildId, 'current']) expect((await get(id)).json()).toEqual(requested);
});

it('a second one is refused with the id of the first', async () => {
  await post({});
  const reply = await post({});
  expect(reply.statusCode).toBe(409);
  expect(reply.json()).toMatchObject({ code: 'rebuild-running', rebuildId });
});

it('unknown projections are refused by name, and so is what is no rebuild', async () => {
  const reply = await post({ names: ['users', 'nobody'] });
  expect(reply.json()).toMatchObject({
    code: 'validation-failed',
    errors: [{ field: 'names[1]', message: 'must be one of users, orders' }],
  });
  expect((await post({ names: [] })).json().errors).toMatchObject([{ field: 'names' }]);
  expect((await get('x')).json().errors).toMatchObject([{ field: 'rebuildId' }]);
  expect((await get(rebuildId)).json().code).toBe('not-found');
  expect((await post({}, `${path}/current/cancel`)).json().code).toBe('not-found');
  expect(rebuilds.asked).toEqual([]);
});

it('it can be cancelled', async () => {
  await post({});
  const reply = await post({}, `${path}/current/cancel`);
  expect([reply.statusCode, reply.json().status]).toEqual([202, 'cancelling']);
});

it('only operators may ask, watch and cancel', async () => {
  rebuilds.current = requested;
  const asked = [
    api.app.inject({ method: 'POST', url: path, payload: {} }),
    api.app.inject(`${path}/current`),
    api.app.inject(`${path}/current/events`),
    api.app.inject({ method: 'POST', url: `${path}/current/cancel` }),
  ];
  for (const reply of await Promise.all(asked)) expect(reply.statusCode).toBe(401);
});

it('its progress is sent once for each change until it has ended', async () => {
  rebuilds.current = requested;
  await api.app.listen(0, '127.0.0.1');
  const client = await StreamClient.open(`${await api.app.getUrl()}${path}/current/events`, headers);
  const completed: ProjectionRebuild = { ...requested, status: 'completed' };
  await eventually(() => client.messages('rebuild').length === 1);
  // Looked at again, and not sent again.
  await eventually(() => rebuilds.finds >= 3);
  rebuilds.current = completed;
  await eventually(() => client.ended);
  expect(client.messages('rebuild')).toEqual([requested, completed]);
});
