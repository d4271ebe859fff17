import { allControllers } from '../../src/api/api.module.js';
import { ViewerGuard } from '../../src/api/guards.js';
import { reflectRoutes } from '../../src/api/openapi/routes.js';
import { EraseUser } from '../../src/commands/account/erase-user.js';
import { operatorKeysMaxAgeMs, RevokeOperatorKey } from '../../src/commands/operators/operator-keys.js';
import { type OperatorRole, operatorRoles } from '../../src/events/operator-events.js';
import { type ApiUnderTest, adminKey, startApi } from '../api/api-under-test.js';

// OWASP API5 (broken function level authorization), API2; ASVS 5.0 8.2.1, 8.3.1, 16.3: operators have keys and roles of
// their own, and what they do is recorded under their names.

const routes = reflectRoutes(allControllers);
const operatorRoutes = routes.filter(({ config }) => config.operatorsOnly !== undefined);
const sharedRoutes = routes.filter(({ config }) => config.operatorsToo !== undefined);

describe('every endpoint', () => {
  it('under the paths of operators declares which roles it admits', () => {
    const undeclared = routes
      .filter(({ path }) => /^\/(?:v1\/(?:admin|ops)|metrics|admin)(?:\/|$)/.test(path))
      .filter(({ config }) => config.operatorsOnly === undefined);
    expect(undeclared.map(({ path }) => path)).toEqual([]);
    expect(operatorRoutes.length).toBeGreaterThan(20);
  });

  it('for operators is under a path that a proxy can close', () => {
    for (const { path } of operatorRoutes) expect(path).toMatch(/^\/(?:v1\/(?:admin|ops)\/|metrics$)/);
  });

  it('that fans share with operators declares which roles it admits', () => {
    const shared = routes.filter(({ guards }) => guards.has(ViewerGuard));
    expect(shared.map(({ path }) => path)).toEqual(sharedRoutes.map(({ path }) => path));
    expect(shared.length).toBeGreaterThan(0);
  });

  it('lets auditors read only', () => {
    const changing = operatorRoutes.filter(({ method }) => method !== 'GET');
    for (const { operationId, config } of changing) {
      expect([operationId, config.operatorsOnly]).not.toEqual([
        operationId,
        expect.arrayContaining(['auditor']),
      ]);
    }
  });

  it('lets the door do nothing but look at its own key', () => {
    const forDoor = [...operatorRoutes, ...sharedRoutes].filter(({ config }) =>
      [...(config.operatorsOnly ?? []), ...(config.operatorsToo ?? [])].includes('door'),
    );
    expect(forDoor.map(({ operationId }) => operationId)).toEqual(['getOwnOperatorKey']);
  });
});

describe('each endpoint for operators', () => {
  let api: ApiUnderTest;
  const keys = new Map<OperatorRole, string>();
  beforeAll(async () => {
    api = await startApi();
    for (const role of operatorRoles) keys.set(role, (await api.issueOperatorKey(role)).key);
  });
  afterAll(() => api.app.close());

  const uuid = '33333333-3333-4333-8333-333333333333';
  const urlOf = (path: string) =>
    path
      .replace(/:(?:\w*Id|id)\b/g, (name) => (name === ':keyId' ? '0123456789ab' : uuid))
      .replace(':name', 'wallets');

  it.each(
    [...operatorRoutes, ...sharedRoutes].map((route) => [`${route.method} ${route.path}`, route] as const),
  )('%s admits the roles it declares and no other', async (_, { method, path, config }) => {
    const declared: readonly OperatorRole[] = [
      'owner',
      ...(config.operatorsOnly ?? config.operatorsToo ?? []),
    ];
    for (const role of operatorRoles) {
      const reply = await api.app.inject({
        method: method as 'GET',
        url: urlOf(path),
        headers: { authorization: `Bearer ${keys.get(role)}` },
      });
      const isRefused = reply.statusCode === 403 && reply.json().code === 'operator-role-missing';
      expect({ role, isRefused }).toEqual({ role, isRefused: !declared.includes(role) });
      expect(reply.statusCode).not.toBe(401);
    }
  });

  it.each(operatorRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s refuses everybody else: no key, a fan’s token, a guess, a key with another secret',
    async (_, { method, path }) => {
      const owner = keys.get('owner') ?? '';
      for (const authorization of [
        undefined,
        api.accessHeaders().authorization,
        'Bearer a-guess-of-the-operators-key-0123456789',
        `Bearer ${owner.slice(0, -1)}${owner.endsWith('A') ? 'B' : 'A'}`,
        `Basic ${Buffer.from(`x:${owner}`).toString('base64')}`,
      ]) {
        const headers = authorization === undefined ? {} : { authorization };
        const reply = await api.app.inject({ method: method as 'GET', url: urlOf(path), headers });
        expect([authorization, reply.statusCode]).toEqual([authorization, 401]);
        expect(reply.json().code).toBe('unauthenticated');
      }
    },
  );
});

describe('operators’ keys', () => {
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await startApi();
  });
  afterEach(() => api.app.close());

  const whoAmI = (key: string) =>
    api.app.inject({ url: '/v1/admin/operators/me', headers: { authorization: `Bearer ${key}` } });

  it('are named, so that everyone can see whose a key is', async () => {
    const { key, keyId } = await api.issueOperatorKey('box-office', 'mina');
    expect((await whoAmI(key)).json()).toEqual({ operator: 'mina', role: 'box-office', keyId });
    expect((await whoAmI(adminKey)).json()).toEqual({ operator: 'environment', role: 'owner', keyId: null });
  });

  it('take the place of the key of the environment, once one is an owner’s', async () => {
    const { key } = await api.issueOperatorKey('owner', 'boss');
    const refused = await whoAmI(adminKey);
    expect(refused.statusCode).toBe(401);
    expect(refused.json().detail).toContain('the key of the environment opens nothing any more');
    expect((await whoAmI(key)).statusCode).toBe(200);
    expect(api.securityLines).toMatchObject([
      { securityEvent: 'operator-refused', reason: 'environment-key-closed', operator: 'environment' },
    ]);
  });

  it('are listed without anything that helps to use them', async () => {
    const { key } = await api.issueOperatorKey('owner', 'boss');
    const { body } = await api.app.inject({
      url: '/v1/admin/operators',
      headers: { authorization: `Bearer ${key}` },
    });
    expect(JSON.parse(body)).toMatchObject({ isEnvironmentKeyOpen: false, keys: [{ operator: 'boss' }] });
    expect(body).not.toContain(key.slice(-43));
    expect(body).not.toMatch(/hash/i);
  });

  it('are shown once, in a reply that no cache keeps', async () => {
    api.commands.handler = () => ({ keyId: '0123456789ab', operator: 'mina', role: 'door', key: 'secret' });
    const reply = await api.app.inject({
      method: 'POST',
      url: '/v1/admin/operators',
      headers: { authorization: `Bearer ${adminKey}` },
      payload: { operator: 'mina', role: 'door' },
    });
    expect(reply.statusCode).toBe(201);
    expect(reply.headers['cache-control']).toContain('no-store');
    expect(JSON.stringify(api.securityLines)).not.toContain('secret');
  });

  it('are refused before the body is read', async () => {
    const { key } = await api.issueOperatorKey('auditor');
    const reply = await api.app.inject({
      method: 'POST',
      url: '/v1/admin/imports',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-unknown' },
      payload: '{',
    });
    expect(reply.json()).toMatchObject({ code: 'operator-role-missing', roles: ['owner', 'box-office'] });
  });

  it('are named in the context of every command, with the key that was used', async () => {
    const { key, keyId } = await api.issueOperatorKey('owner', 'boss');
    api.commands.handler = () => ({ userId: 'x', position: undefined });
    await api.app.inject({
      method: 'POST',
      url: '/v1/admin/erasures',
      headers: { authorization: `Bearer ${key}` },
      payload: { user: 'mina' },
    });
    const [command] = api.commands.received;
    if (!(command instanceof EraseUser)) throw new Error('nobody was erased');
    expect(command.context.actor).toEqual({ kind: 'admin', operator: 'boss', keyId });
  });

  it('can be revoked by an owner, with a reason', async () => {
    api.commands.handler = () => ({ keyId: '0123456789ab', position: 7 });
    const revoke = (payload: object) =>
      api.app.inject({
        method: 'POST',
        url: '/v1/admin/operators/0123456789ab/revoke',
        headers: { authorization: `Bearer ${adminKey}` },
        payload,
      });
    expect((await revoke({})).statusCode).toBe(400);
    expect((await revoke({ reason: 'left' })).json()).toEqual({ keyId: '0123456789ab', position: 7 });
    const [command] = api.commands.received;
    expect(command).toMatchObject({ keyId: '0123456789ab', input: { reason: 'left' } });
    expect(command).toBeInstanceOf(RevokeOperatorKey);
  });

  it('issued by another process are accepted after a second', async () => {
    expect((await whoAmI(`boxoffice-0123456789ab-${'A'.repeat(43)}`)).statusCode).toBe(401);
    const { key } = await api.issueOperatorKey('door');
    api.clock.ms += operatorKeysMaxAgeMs + 1;
    expect((await whoAmI(key)).statusCode).toBe(200);
  });
});

describe('the security log', () => {
  let api: ApiUnderTest;
  beforeEach(async () => {
    api = await startApi();
  });
  afterEach(() => api.app.close());

  it('has a line for whom it refused, without the key', async () => {
    const { key, keyId } = await api.issueOperatorKey('door', 'jun');
    for (const sent of [undefined, 'a-guess', key]) {
      const headers = sent === undefined ? {} : { authorization: `Bearer ${sent}` };
      await api.app.inject({ method: 'POST', url: '/v1/ops/projections/pause', headers });
    }
    const where = { securityEvent: 'operator-refused', method: 'POST', path: '/v1/ops/projections/pause' };
    expect(api.securityLines).toMatchObject([
      { ...where, reason: 'no-key' },
      { ...where, reason: 'unknown-key' },
      { ...where, reason: 'role', operator: 'jun', keyId },
    ]);
    expect(JSON.stringify(api.securityLines)).not.toContain(key.slice(-43));
    expect(JSON.stringify(api.securityLines)).not.toContain('a-guess');
  });

  it('has a line for what an operator changed, also without an event, and none for what was only read', async () => {
    const { key, keyId } = await api.issueOperatorKey('owner', 'boss');
    const headers = { authorization: `Bearer ${key}` };
    await api.app.inject({ url: '/v1/ops/projections', headers });
    await api.app.inject({ method: 'POST', url: '/v1/ops/projections/pause', headers });
    expect(api.securityLines).toMatchObject([
      {
        securityEvent: 'operator-action',
        operator: 'boss',
        keyId,
        method: 'POST',
        path: '/v1/ops/projections/pause',
        status: 200,
      },
    ]);
  });
});
