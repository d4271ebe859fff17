import { type Canned, type CannedServer, cannedServer, problem, type SeenRequest } from './canned-server.js';
import { cli, freshEnv, removeFolders, runningOn } from './captured-terminal.js';

afterAll(removeFolders);

const ownersKey = `boxoffice-aaaaaaaaaaaa-${'A'.repeat(43)}`;

describe('operators’ keys by a server', () => {
  let server: CannedServer;
  afterEach(() => server.close());

  const answering = async (answer: (request: SeenRequest) => Canned) => {
    server = await cannedServer((request) =>
      request.path === '/health/live' ? { status: 200, body: { live: true } } : answer(request),
    );
    return { ...runningOn(await freshEnv(), server.url), ADMIN_KEY: ownersKey };
  };
  const asked = () => server.seen.filter(({ path }) => path !== '/health/live');
  const key = (keyId: string, operator: string, role: string) => ({
    keyId,
    operator,
    role,
    issuedAt: '2026-11-22T09:00:00.000Z',
  });

  it('are issued with the owner’s key, and only the new key goes to standard output', async () => {
    const issued = { keyId: 'bbbbbbbbbbbb', operator: 'mina', role: 'door', key: 'the new key', position: 7 };
    const env = await answering(() => ({ status: 201, body: issued }));
    const run = await cli(['operators', 'issue', 'mina', '--role', 'door'], env);
    expect(run).toMatchObject({ code: 0, stdout: 'the new key\n' });
    expect(run.stderr).not.toContain('the new key');
    expect(asked()).toMatchObject([
      {
        method: 'POST',
        path: '/v1/admin/operators',
        headers: { authorization: `Bearer ${ownersKey}` },
        body: JSON.stringify({ operator: 'mina', role: 'door' }),
      },
    ]);
  });

  it('are revoked by name, an owner’s last, since it may be the one in use', async () => {
    const keys = [
      key('aaaaaaaaaaaa', 'boss', 'owner'),
      key('cccccccccccc', 'mina', 'door'),
      key('dddddddddddd', 'boss', 'auditor'),
    ];
    const env = await answering(({ method }) => ({
      status: 200,
      body:
        method === 'GET'
          ? { isEnvironmentKeyOpen: false, keys, revokedKeys: [] }
          : { keyId: 'x', position: 7 },
    }));
    const run = await cli(['operators', 'revoke', 'boss', '--reason', 'left'], env);
    expect(run).toMatchObject({ code: 0, stdout: 'revoked dddddddddddd\nrevoked aaaaaaaaaaaa\n' });
    const posts = asked().filter(({ method }) => method === 'POST');
    expect(posts.map(({ path }) => path)).toEqual([
      '/v1/admin/operators/dddddddddddd/revoke',
      '/v1/admin/operators/aaaaaaaaaaaa/revoke',
    ]);
    expect(posts[0]?.body).toBe(JSON.stringify({ reason: 'left' }));
  });

  it('are not revoked when nobody has such a key', async () => {
    const env = await answering(() => ({
      status: 200,
      body: { isEnvironmentKeyOpen: true, keys: [], revokedKeys: [] },
    }));
    const run = await cli(['operators', 'revoke', 'nobody', '--reason', 'left'], env);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody') });
  });

  it('are refused with the server’s reason', async () => {
    const env = await answering(() => problem(403, 'operator-role-missing'));
    const run = await cli(['operators', 'list'], env);
    expect(run).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('because of operator-role-missing'),
    });
  });

  it.each([
    [['issue', 'mina', '--role', 'king'], '--role: must be one of owner, box-office, door, auditor'],
    [['issue', 'Kim Mina', '--role', 'door'], 'the name must be'],
    [['issue', 'environment', '--role', 'door'], 'the name is reserved'],
    [['revoke', 'mina', '--reason', ' '], '--reason'],
    [['list', '--directly', '--server', 'http://127.0.0.1:1'], 'not both'],
  ])('need usable arguments: %j', async (args, message) => {
    const env = await answering(() => ({ status: 500, body: {} }));
    const run = await cli(['operators', ...args], env);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(asked()).toEqual([]);
  });
});
