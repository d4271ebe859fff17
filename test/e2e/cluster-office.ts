import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  startVirtualPaymentSystem,
  type VirtualPaymentSystem,
} from '../../src/integrations/payment/virtual/server.js';
import { ChildServer } from '../eventstoredb-server/child-server.js';
import type { TestDatabases } from '../services/mariadb.js';
import { startRedis, type TestRedis } from '../services/redis.js';
import { sharedMariaDb } from '../services/shared-mariadb.js';
import { call } from './fan.js';
import { testEnvironment } from './office.js';

type Role = 'api' | 'projector' | 'worker';
const paymentSecret = 'a payment secret for tests, long enough';

interface Member {
  readonly role: Role;
  readonly url: string;
  readonly child: ChildProcess;
}

export interface ClusterOptions {
  /** Keeps EventStoreDB's log, so that it can be killed and started again; default: in its memory. */
  readonly eventStoreFile?: string;
  /** Where the read models live; default: the server that all suites share. It stays the caller's to stop. */
  readonly mariaDb?: TestDatabases;
}

/** The office as it runs on several machines: two api processes, a projector and a worker on shared engines. */
export class ClusterOffice {
  readonly config = { ADMIN_KEY: testEnvironment.ADMIN_KEY };
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'boxoffice-cluster-'));
  readonly #members: Member[] = [];
  #next = 0;

  private constructor(
    readonly eventStore: ChildServer,
    readonly redis: TestRedis,
    private readonly payments: VirtualPaymentSystem,
    private readonly databaseUrl: string,
    private readonly env: Record<string, string>,
  ) {}

  static async open(
    env: Record<string, string> = {},
    { eventStoreFile, mariaDb: ownMariaDb }: ClusterOptions = {},
  ): Promise<ClusterOffice> {
    const eventStore = new ChildServer(eventStoreFile === undefined ? {} : { file: eventStoreFile });
    const [redis, mariaDb, payments] = await Promise.all([
      startRedis(),
      ownMariaDb ?? sharedMariaDb(),
      startVirtualPaymentSystem({
        host: '127.0.0.1',
        port: 0,
        file: ':memory:',
        apiKey: paymentSecret,
        callbackSecret: paymentSecret,
      }),
      eventStore.start(),
    ]);
    const office = new ClusterOffice(eventStore, redis, payments, await mariaDb.newDatabase(), env);
    await Promise.all((['projector', 'worker', 'api', 'api'] as const).map((role) => office.add(role)));
    return office;
  }

  /** The api processes in turn: no two requests in a row reach the same one. */
  get url(): string {
    const apis = this.#members.filter(({ role }) => role === 'api');
    const api = apis[this.#next++ % apis.length];
    if (!api) throw new Error('no api process is running');
    return api.url;
  }

  /** Where the first process of a role answers. */
  urlOf(role: Role): string {
    const member = this.#members.find((one) => one.role === role);
    if (!member) throw new Error(`no ${role} is running`);
    return member.url;
  }

  /** Starts one more process; `env` is for this one only. */
  async add(role: Role, env: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.execPath, [join(__dirname, 'office-process.mjs')], {
      env: {
        PATH: process.env.PATH,
        ...testEnvironment,
        DATA_DIR: this.#dataDir,
        ROLE: role,
        EVENTSTORE_URL: this.eventStore.connectionString,
        DATABASE_URL: this.databaseUrl,
        REDIS_URL: this.redis.url,
        PAYMENT_URL: this.payments.url,
        PAYMENT_API_KEY: paymentSecret,
        PAYMENT_CALLBACK_SECRET: paymentSecret,
        ...this.env,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
    if (typeof line !== 'string') throw new Error(`the ${role} ended before it was ready: ${String(line)}`);
    this.#members.push({ role, child, url: JSON.parse(line).url });
  }

  /** Kills the oldest process of a role; nobody learns of it. */
  async kill(role: Role): Promise<void> {
    const member = this.#oldest(role);
    this.#members.splice(this.#members.indexOf(member), 1);
    await end(member.child, 'SIGKILL');
  }

  async killAll(role: Role): Promise<void> {
    while (this.#members.some((member) => member.role === role)) await this.kill(role);
  }

  /** Freezes the oldest process of a role: its connections stay open, and it does nothing. @returns what thaws it. */
  freeze(role: Role): () => void {
    const { child } = this.#oldest(role);
    child.kill('SIGSTOP');
    return () => child.kill('SIGCONT');
  }

  /** Points that the payment system says were bought. */
  async pointsBought(): Promise<number> {
    const headers = { authorization: `Bearer ${paymentSecret}` };
    const ledger = await call(this.payments.url, 'GET', '/ledger?limit=1', { headers });
    return ledger.body.totals.approved.amount;
  }

  #oldest(role: Role): Member {
    const member = this.#members.find((candidate) => candidate.role === role);
    if (!member) throw new Error(`no ${role} is running`);
    return member;
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ child }) => end(child, 'SIGTERM')));
    await Promise.all([this.redis.stop(), this.payments.close(), this.eventStore.kill()]);
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
