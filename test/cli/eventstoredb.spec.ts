import { checkEventStoreDb } from '../../src/event-store/eventstoredb/check-server.js';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import { newEvents, streamIn } from '../event-store/new-event.js';
import { WireServer } from '../eventstoredb-server/server.js';
import { trusting, wireTls } from '../eventstoredb-server/tls.js';
import { type CliRun, cli } from './captured-terminal.js';

const adminPassword = 'admin-password-of-the-test';
const password = 'password-of-the-office';

let server: WireServer;
beforeEach(async () => {
  server = await new WireServer({ tls: wireTls, adminPassword }).start();
});
afterEach(() => server.stop());

const urlOf = (word = password) => `esdb://boxoffice:${word}@localhost:${server.port}?${trusting(wireTls)}`;

async function grant(args: readonly string[] = [], env: Record<string, string> = {}): Promise<CliRun> {
  const run = await cli(['eventstoredb', 'grant', ...args], {
    EVENTSTORE_URL: urlOf(),
    EVENTSTORE_ADMIN_PASSWORD: adminPassword,
    ...env,
  });
  expect(run.stdout + run.stderr).not.toContain(adminPassword);
  expect(run.stdout + run.stderr).not.toContain(password);
  return run;
}

function metadataOfAll(): unknown {
  const last = server.context.log.stream('$$$all')?.records.at(-1);
  return last === undefined ? undefined : JSON.parse(Buffer.from(last.data).toString());
}

function setMetadataOfAll(metadata: unknown): void {
  const event = { id: crypto.randomUUID(), type: '$metadata', isJson: true, metadata: new Uint8Array() };
  server.context.log.append('$$$all', -2, [{ ...event, data: Buffer.from(JSON.stringify(metadata)) }]);
}

describe('boxoffice eventstoredb grant', () => {
  it('creates the user and lets it read $all, so that the office can work', async () => {
    await expect(checkEventStoreDb(urlOf())).rejects.toThrow('boxoffice eventstoredb grant');
    const { code, stdout } = await grant(['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      user: 'boxoffice',
      account: 'created',
      right: 'granted',
      readRoles: ['$admins', 'boxoffice'],
    });
    expect(metadataOfAll()).toEqual({ $acl: { $r: ['$admins', 'boxoffice'] } });
    await checkEventStoreDb(urlOf());
    const store = openEventStoreDb({ connectionString: urlOf() });
    await store.append(streamIn('note'), 'none', newEvents(1));
    expect(await store.readAll()).toHaveLength(1);
    await store.close();
  });

  it('changes nothing when repeated', async () => {
    await grant();
    const before = server.context.log.records.length;
    const { code, stdout } = await grant();
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'user boxoffice: exists already\nright to read $all: granted already (granted to: $admins, boxoffice)\nread $all as boxoffice: works\n',
    });
    expect(server.context.log.records).toHaveLength(before);
  });

  it('keeps the other metadata of $all', async () => {
    setMetadataOfAll({ $acl: { $r: 'reporting', $w: ['$admins'], $mw: 'ops' }, owner: 'us' });
    expect((await grant()).code).toBe(0);
    expect(metadataOfAll()).toEqual({
      $acl: { $r: ['reporting', 'boxoffice'], $w: ['$admins'], $mw: 'ops' },
      owner: 'us',
    });
    setMetadataOfAll({ $acl: { $r: ['$all'] } });
    expect((await grant()).stdout).toContain('right to read $all: granted already (granted to: $all');
    expect(metadataOfAll()).toEqual({ $acl: { $r: ['$all'] } });
  });

  it('changes the password of an existing user only with --reset-password', async () => {
    await grant([], { EVENTSTORE_URL: urlOf('an-older-password') });
    const refused = await grant();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--reset-password');
    const { code, stdout } = await grant(['--reset-password']);
    expect(code).toBe(0);
    expect(stdout).toContain('user boxoffice: password set');
  });

  it.each([
    [
      'a wrong password of the administrator',
      {},
      { EVENTSTORE_ADMIN_PASSWORD: 'wrong' },
      'does not accept the administrator admin',
    ],
    [
      'no password of the administrator',
      {},
      { EVENTSTORE_ADMIN_PASSWORD: '' },
      'EVENTSTORE_ADMIN_PASSWORD: is required',
    ],
    ['no EVENTSTORE_URL', {}, { EVENTSTORE_URL: '' }, 'EVENTSTORE_URL: is required'],
    ['no user', { user: '' }, {}, 'names no user'],
    ['no TLS', { query: '?tls=false' }, {}, 'has no users'],
    [
      'an authority that is not trusted',
      { query: '' },
      {},
      'give the file of your certificate authority as tlsCAFile',
    ],
  ])('refuses %s', async (_, change: { user?: string; query?: string }, env, message) => {
    const { user = `boxoffice:${password}@`, query = `?${trusting(wireTls)}` } = change;
    const changed = { EVENTSTORE_URL: `esdb://${user}localhost:${server.port}${query}`, ...env };
    const { code, stdout, stderr } = await grant([], changed);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(metadataOfAll()).toBeUndefined();
  });

  it('refuses a user who is not an administrator', async () => {
    await grant();
    const { code, stderr } = await grant(['--admin', 'boxoffice'], {
      EVENTSTORE_URL: urlOf().replace('boxoffice:', 'other:'),
      EVENTSTORE_ADMIN_PASSWORD: password,
    });
    expect(code).toBe(2);
    expect(stderr).toContain('the user boxoffice is not an administrator');
  });
});
