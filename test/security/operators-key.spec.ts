/** OWASP API2:2023 Broken Authentication; ASVS 5.0 V13.3 (secrets do not leak): the operators' key and the command line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDemoServer } from '../../src/cli/demo/demo.js';
import { sampleCatalog } from '../../src/integrations/feeds/sample-catalog.js';
import { announceServer } from '../../src/platform/server-file.js';
import { type Canned, type CannedServer, cannedServer, type SeenRequest } from '../cli/canned-server.js';
import { CapturedTerminal, cli, freshEnv, removeFolders, runningOn } from '../cli/captured-terminal.js';

const key = 'operators-key-that-must-not-leak-0123456789';
const folder = mkdtempSync(join(tmpdir(), 'boxoffice-keys-'));
const feed = join(folder, 'feed.json');
const keyFile = join(folder, 'key');
writeFileSync(feed, JSON.stringify(sampleCatalog(new Date())));
writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });

const servers: CannedServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(() => {
  removeFolders();
  rmSync(folder, { recursive: true });
});

/** Something that looks like a server. */
async function listening(answer: (request: SeenRequest) => Canned): Promise<CannedServer> {
  const server = await cannedServer((request) =>
    request.path === '/health/live' ? { status: 200, body: { live: true } } : answer(request),
  );
  servers.push(server);
  return server;
}

const refused: Canned = { status: 401, body: { code: 'unauthenticated', detail: 'no' } };
const keysSent = (server: CannedServer) => server.seen.flatMap(({ headers }) => headers.authorization ?? []);

/** Every command that sends the operators' key. */
const commands = [
  ['import', feed],
  ['erase-user', 'mina'],
  ['operators', 'list'],
];

describe.each(commands)('API2: boxoffice %s', (...command) => {
  it('does not send the key to what only listens at the default address', async () => {
    const impostor = await listening(() => refused);
    const env = { ...(await freshEnv()), PORT: new URL(impostor.url).port, ADMIN_KEY: key };
    const run = await cli(command, env);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('name it with --server');
    expect(keysSent(impostor)).toEqual([]);
    expect(impostor.seen.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('sends it to the server that runs on the data folder, and to one that is named', async () => {
    const server = await listening(() => refused);
    const env = { ...(await freshEnv()), ADMIN_KEY: key };
    mkdirSync(env.DATA_DIR, { recursive: true });
    const withdraw = announceServer(env.DATA_DIR, server.url);
    await cli(command, env);
    withdraw();
    await cli([...command, '--server', server.url], env);
    expect(keysSent(server)).toEqual([`Bearer ${key}`, `Bearer ${key}`]);
  });

  it('does not follow a redirect with it', async () => {
    const other = await listening(() => refused);
    const server = await listening(() => ({
      status: 307,
      body: {},
      headers: { location: `${other.url}/v1/admin/imports` },
    }));
    const run = await cli([...command, '--server', server.url], { ...(await freshEnv()), ADMIN_KEY: key });
    expect(run.stderr).toContain('redirects to another address');
    expect(keysSent(server)).toHaveLength(1);
    expect(other.seen).toEqual([]);
  });

  it('reads it from a file, and warns about a key that others can see', async () => {
    const server = await listening(() => refused);
    const env = await freshEnv();
    const named = [...command, '--server', server.url];
    const quiet = await cli([...named, '--admin-key-file', keyFile], env);
    const fromEnvironment = await cli(named, { ...env, ADMIN_KEY_FILE: keyFile });
    const seen = await cli([...named, '--admin-key', key], env);
    expect(keysSent(server)).toEqual([`Bearer ${key}`, `Bearer ${key}`, `Bearer ${key}`]);
    expect([quiet.stderr, fromEnvironment.stderr].filter((text) => text.includes('warning'))).toEqual([]);
    expect(seen.stderr).toContain('warning: a key given as an argument can be seen');
    for (const run of [quiet, fromEnvironment, seen]) expect(run.stderr + run.stdout).not.toContain(key);
  });

  it('says which file of a key cannot be used, and sends nothing', async () => {
    const server = await listening(() => refused);
    const named = [...command, '--server', server.url];
    const empty = join(folder, 'empty');
    writeFileSync(empty, '\n');
    for (const [file, reason] of [
      [join(folder, 'missing'), 'cannot be read (ENOENT)'],
      [empty, 'is empty'],
    ] as const) {
      const run = await cli([...named, '--admin-key-file', file], await freshEnv());
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(`${file} ${reason}`) });
    }
    expect(keysSent(server)).toEqual([]);
  });
});

it('API2: boxoffice demo has no key for a server that only listens at the default address', async () => {
  const server = await listening(() => refused);
  const env = { ...(await freshEnv()), PORT: new URL(server.url).port, ADMIN_KEY: key };
  const terminal = new CapturedTerminal(env);
  expect(await findDemoServer({ adminKey: key }, terminal)).toMatchObject({
    url: server.url,
    adminKey: undefined,
  });
  expect(await findDemoServer({}, new CapturedTerminal(runningOn(env, server.url)))).toMatchObject({
    adminKey: key,
  });
});
