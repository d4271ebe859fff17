import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventStoredCommand, findEventStored } from '../../scripts/stack/eventstored.mjs';
import { addressOf, clusterMembers, targetOf } from '../../src/event-store/eventstoredb/connection.js';
import { grantReading } from '../../src/event-store/eventstoredb/grant.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import { freePort } from './free-port.js';
import { GuardedServer } from './guarded-server.js';
import { waitUntil } from './wait-until.js';

const run = promisify(execFile);
/** A node that ends more often in one start is not going to run. */
const maxSpawns = 3;
const adminPassword = 'an admin of tests';
const officePassword = 'an office of tests';

/** An EventStoreDB of one test or office: a real one, or the stand-in. */
export interface TestEventStore {
  /** Stays the same over restarts. */
  readonly connectionString: string;
  /** Resolves when it can be written to. */
  start(): Promise<unknown>;
  /** SIGKILL, to all of its nodes. */
  kill(): Promise<void>;
  /** Stops the leader (SIGSTOP), with its connections open; {@link kill} still works. */
  freeze(): Promise<void> | void;
  thaw(): Promise<void> | void;
}

/**
 * An EventStoreDB that has not been started: of the program EVENTSTORED names, or `eventstored` on PATH; without one,
 * the stand-in. EVENTSTORED_NODES=3 makes it a cluster; EVENTSTORED_TLS=true enables TLS and users, and the office's user
 * is not an administrator.
 * @param folder for its data; without it, data is kept in memory only.
 * @param workFolder for files other than data.
 */
export async function newEventStore({
  folder,
  workFolder,
}: {
  readonly folder?: string;
  readonly workFolder: string;
}): Promise<TestEventStore> {
  const program = findEventStored();
  if (program === undefined) return standIn(folder);
  const { EVENTSTORED_NODES = '1', EVENTSTORED_TLS = 'false' } = process.env;
  return RealEventStore.prepare(program, {
    folder: folder ?? join(workFolder, 'eventstoredb'),
    isInMemory: folder === undefined,
    nodes: Number(EVENTSTORED_NODES),
    isSecured: EVENTSTORED_TLS === 'true',
  });
}

/** The stand-in, for tests that plan faults; prints a line about it if a real server is available. */
export function newFaultyEventStore(folder?: string): ChildServer {
  if (findEventStored() !== undefined) {
    process.stderr.write(
      'planned faults use the stand-in, because a real EventStoreDB cannot be made to fail on request\n',
    );
  }
  return standIn(folder);
}

function standIn(folder: string | undefined): ChildServer {
  if (folder === undefined) return new ChildServer();
  mkdirSync(folder, { recursive: true });
  return new ChildServer({ file: join(folder, 'log'), maxAppendSize: 8 * 1024 * 1024 });
}

interface Tls {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly authorityFile: string;
  readonly authoritiesFolder: string;
}

interface Node {
  readonly folder: string;
  readonly port: number;
  readonly command: readonly string[];
  server?: GuardedServer;
}

export interface RealEventStoreOptions {
  readonly folder: string;
  readonly isInMemory?: boolean;
  readonly nodes?: number;
  readonly isSecured?: boolean;
}

/** EventStoreDB itself, on one node or several, started as `npm run stack` starts it. */
export class RealEventStore implements TestEventStore {
  private frozen: Node | undefined;
  private hasUser = false;

  private constructor(
    readonly nodes: readonly Node[],
    readonly connectionString: string,
    private readonly isSecured: boolean,
  ) {}

  /** @param program takes EventStoreDB's command line. */
  static async prepare(
    program: string,
    { folder, isInMemory = false, nodes = 1, isSecured = false }: RealEventStoreOptions,
  ): Promise<RealEventStore> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const tls = isSecured ? await makeCertificates(join(folder, 'certificates')) : undefined;
    const ports: number[] = [];
    for (let n = 0; n < 2 * nodes; n++) ports.push(await freePort());
    const nodePorts = ports.slice(0, nodes);
    const made = nodePorts.map((port, index): Node => {
      const own = join(folder, `node-${index + 1}`);
      mkdirSync(own, { recursive: true });
      const replicationPort = ports[nodes + index] ?? 0;
      const otherPorts = nodePorts.filter((other) => other !== port);
      const command = eventStoredCommand(program, {
        folder: own,
        port,
        replicationPort,
        otherPorts,
        tls,
        isInMemory,
      });
      // Only the first start of an empty database uses them.
      const passwords = ['ADMIN', 'OPS'].map(
        (name) => `EVENTSTORE_DEFAULT_${name}_PASSWORD=${adminPassword}`,
      );
      return { folder: own, port, command: isSecured ? ['/usr/bin/env', ...passwords, ...command] : command };
    });
    const hosts = nodePorts.map((port) => `127.0.0.1:${port}`).join(',');
    const url =
      tls === undefined
        ? `esdb://${hosts}?tls=false`
        : `esdb://boxoffice:${encodeURIComponent(officePassword)}@${hosts}?tlsCAFile=${encodeURIComponent(tls.authorityFile)}`;
    return new RealEventStore(made, url, isSecured);
  }

  async start(): Promise<void> {
    await this.untilServing();
    if (!this.isSecured || this.hasUser) return;
    const admin = { user: 'admin', password: adminPassword };
    await grantReading(targetOf(this.connectionString), admin, { setsPassword: false });
    this.hasUser = true;
  }

  async kill(): Promise<void> {
    await Promise.all(this.nodes.map(({ server }) => server?.kill()));
  }

  async freeze(): Promise<void> {
    this.frozen = await this.leader();
    await this.frozen.server?.pause();
  }

  async thaw(): Promise<void> {
    await this.frozen?.server?.resume();
    this.frozen = undefined;
  }

  /** SIGKILL to the leader. */
  async killLeader(): Promise<void> {
    await (await this.leader()).server?.kill();
  }

  /** SIGKILL to the leader and to as many others as make a majority. */
  async killMajority(): Promise<void> {
    const leader = await this.leader();
    const others = this.nodes.filter((node) => node !== leader);
    const majority = [leader, ...others.slice(0, Math.floor(this.nodes.length / 2))];
    await Promise.all(majority.map(({ server }) => server?.kill()));
  }

  private async leader(): Promise<Node> {
    let leader: Node | undefined;
    await waitUntil('EventStoreDB has a leader', async () => {
      leader = await this.askLeader();
      return leader !== undefined;
    });
    if (leader === undefined) throw new Error('EventStoreDB has no leader');
    return leader;
  }

  private async askLeader(): Promise<Node | undefined> {
    const members = await this.members();
    const leader = members.find(({ isAlive, role }) => isAlive && role === 'leader');
    return this.nodes.find(({ port }) => port === leader?.node.port);
  }

  private members(): ReturnType<typeof clusterMembers> {
    const target = targetOf(this.connectionString);
    const running = this.nodes.filter((node) => node.server?.isRunning && node !== this.frozen);
    // A random one, because one of them may still be starting.
    const asked = running[Math.floor(Math.random() * running.length)];
    if (asked === undefined) throw new Error('no node of EventStoreDB is running');
    return clusterMembers({ ...target, gossipTimeoutMs: 2_000 }, { host: '127.0.0.1', port: asked.port });
  }

  /** Waits until all nodes serve. One that ends is started again: an old leader ends to truncate events that only it has. */
  private async untilServing(): Promise<void> {
    let spawned = 0;
    await waitUntil(
      `EventStoreDB at ${this.nodes.map(({ port }) => addressOf({ host: '127.0.0.1', port }))} is ready`,
      async () => {
        for (const node of this.nodes.filter(({ server }) => !server?.isRunning)) {
          if (++spawned > maxSpawns * this.nodes.length) return true;
          node.server = await GuardedServer.spawn(node.folder, { command: node.command });
        }
        const serving = (await this.members()).filter(
          ({ isAlive, role }) => isAlive && (role === 'leader' || role === 'follower'),
        );
        return serving.length === this.nodes.length && serving.some(({ role }) => role === 'leader');
      },
    );
    const ended = this.nodes.find(({ server }) => !server?.isRunning);
    if (ended !== undefined) throw new Error(`EventStoreDB ended: ${ended.server?.output().slice(-2_000)}`);
  }
}

/** An authority, and one certificate for all nodes: they are on one machine. */
async function makeCertificates(folder: string): Promise<Tls> {
  const file = (name: string) => join(folder, name);
  mkdirSync(file('authorities'), { recursive: true, mode: 0o700 });
  const authorityFile = file('authorities/ca.crt');
  const extensions =
    'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n';
  writeFileSync(file('extensions'), extensions);
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  const openssl = (...args: string[]) => run('openssl', args);
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    authorityFile,
    '-days',
    '30',
    '-subj',
    '/CN=authority of tests',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  );
  await openssl(
    'req',
    ...key,
    '-keyout',
    file('node.key'),
    '-out',
    file('node.csr'),
    '-subj',
    '/CN=eventstoredb-node',
  );
  await openssl(
    'x509',
    '-req',
    '-in',
    file('node.csr'),
    '-CA',
    authorityFile,
    '-CAkey',
    file('ca.key'),
    '-CAcreateserial',
    '-days',
    '30',
    '-extfile',
    file('extensions'),
    '-out',
    file('node.crt'),
  );
  return {
    certificateFile: file('node.crt'),
    keyFile: file('node.key'),
    authorityFile,
    authoritiesFolder: file('authorities'),
  };
}
