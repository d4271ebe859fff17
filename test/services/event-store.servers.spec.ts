import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventStoredCommand, findEventStored } from '../../scripts/stack/eventstored.mjs';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import { newEvents, streamIn } from '../event-store/new-event.js';
import { newEventStore, RealEventStore } from './event-store.js';

/** Takes EventStoreDB's command line, as a real server would be found. */
const program = fileURLToPath(new URL('../eventstoredb-server/eventstored', import.meta.url));

describe('an EventStoreDB named by EVENTSTORED', () => {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-eventstored-'));
  const before = process.env.EVENTSTORED;
  beforeEach(() => {
    process.env.EVENTSTORED = program;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    delete process.env.EVENTSTORED;
    if (before !== undefined) process.env.EVENTSTORED = before;
  });

  it.each([
    ['in plain text', false],
    ['with TLS, users and a user of the office', true],
  ])('is what tests get, %s, and keeps its log when it is killed', async (_, isSecured) => {
    if (isSecured) process.env.EVENTSTORED_TLS = 'true';
    const eventStore = await newEventStore({ folder: join(folder, String(isSecured)), workFolder: folder });
    delete process.env.EVENTSTORED_TLS;
    expect(eventStore).toBeInstanceOf(RealEventStore);
    expect(eventStore.connectionString.includes('tls=false')).toBe(!isSecured);
    await eventStore.start();
    const store = openEventStoreDb({ connectionString: eventStore.connectionString });
    try {
      const stream = streamIn('note');
      await store.append(stream, 'none', newEvents(2));
      await eventStore.kill();
      await eventStore.start();
      await eventStore.freeze();
      await eventStore.thaw();
      expect(await store.readStream(stream)).toHaveLength(2);
    } finally {
      await store.close();
      await eventStore.kill();
    }
  });

  it('is refused when it cannot be run', () => {
    expect(() => findEventStored({ EVENTSTORED: join(folder, 'nothing') })).toThrow('EVENTSTORED');
    expect(findEventStored({ EVENTSTORED: program })).toBe(program);
  });

  it('is started only with options that the stand-in shares with EventStoreDB', () => {
    const node = { folder, port: 1, replicationPort: 2 };
    const command = eventStoredCommand(program, node);
    expect(command.slice(command.indexOf(program))).toEqual([
      program,
      '--insecure',
      `--db=${join(folder, 'db')}`,
      `--log=${join(folder, 'log')}`,
      '--node-ip=127.0.0.1',
      '--node-port=1',
      '--replication-ip=127.0.0.1',
      '--replication-port=2',
      '--max-append-size=8388608',
      '--run-projections=None',
    ]);
    const unknown = spawnSync(program, ['--insecure', '--http-port=1'], { encoding: 'utf8' });
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('--http-port');
    const clustered = eventStoredCommand(program, { ...node, otherPorts: [3, 5] });
    expect(clustered).toEqual(
      expect.arrayContaining(['--cluster-size=3', '--gossip-seed=127.0.0.1:3,127.0.0.1:5']),
    );
  });

  it('is started without settings of the office, which EventStoreDB would take for its own', () => {
    const [first = '', ...command] = eventStoredCommand(program, { folder, port: 1, replicationPort: 2 });
    const args = command.slice(0, command.indexOf(program));
    const env = {
      EVENTSTORE_URL: 'esdb://127.0.0.1:2113',
      EVENTSTORE_ADMIN_PASSWORD: 'a',
      EVENTSTORE_OPS_PASSWORD: 'b',
      EVENTSTORE_CERTIFICATES: 'c',
      EVENTSTORE_DEFAULT_ADMIN_PASSWORD: 'd',
    };
    const { stdout } = spawnSync(first, [...args, '/usr/bin/env'], { env, encoding: 'utf8' });
    expect(stdout).toBe('EVENTSTORE_DEFAULT_ADMIN_PASSWORD=d\n');
  });
});
