import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataFiles } from '../../src/app/engines.js';
import {
  startVirtualPaymentSystem,
  type VirtualPaymentSystem,
} from '../../src/integrations/payment/virtual/server.js';
import { type Config, readConfig } from '../../src/platform/config.js';
import type { ChildServer } from '../eventstoredb-server/child-server.js';
import type { TestDatabases } from '../services/database-server.js';
import { newEventStore, newFaultyEventStore, type TestEventStore } from '../services/event-store.js';
import { startRedis, type TestRedis } from '../services/redis.js';
import { sharedDatabaseServer } from '../services/shared-database.js';
import { call } from './fan.js';
import { OfficeProcess } from './guarded-office.js';
import { testEnvironment } from './test-environment.js';

export type Role = 'api' | 'projector' | 'worker';
const firstRoles = ['projector', 'worker', 'api', 'api'] as const;
const paymentSecret = 'a payment secret for tests, long enough';

interface Member {
  readonly role: Role;
  readonly process: OfficeProcess;
}

export interface ClusterOptions {
  /** Keeps EventStoreDB's log, so that it can be killed and started again; default: in its memory. */
  readonly eventStoreFolder?: string;
  /** Where the read models live; default: the server that all suites share. It stays the caller's to stop. */
  readonly database?: TestDatabases;
  /** Gets what the processes print, in a folder for each; default: it goes with the office. */
  readonly outputFolder?: string;
}

/** The office as it runs on several machines: two api processes, a projector and a worker on shared engines. */
export class ClusterOffice<Log extends TestEventStore = TestEventStore> {
  /** What its processes have in common, for tools beside them. */
  readonly config: Config & { readonly ADMIN_KEY: string };
  readonly #environment: Record<string, string>;
  readonly #members: Member[] = [];
  #next = 0;
  #started = 0;

  private constructor(
    private readonly dataDir: string,
    readonly eventStore: Log,
    readonly redis: TestRedis,
    private readonly payments: VirtualPaymentSystem,
    databaseUrl: string,
    env: Record<string, string>,
    private readonly outputFolder: string | undefined,
  ) {
    this.#environment = {
      DATA_DIR: this.dataDir,
      EVENTSTORE_URL: eventStore.connectionString,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      PAYMENT_URL: payments.url,
      PAYMENT_API_KEY: paymentSecret,
      PAYMENT_CALLBACK_SECRET: paymentSecret,
      ...env,
    };
    const { ADMIN_KEY } = testEnvironment;
    this.config = { ...readConfig({ ...testEnvironment, ...this.#environment }), ADMIN_KEY };
  }

  get environment(): Readonly<Record<string, string>> {
    return { ...testEnvironment, ...this.#environment };
  }

  static async open(env: Record<string, string> = {}, options: ClusterOptions = {}): Promise<ClusterOffice> {
    const dataDir = mkdtempSync(join(tmpdir(), 'boxoffice-cluster-'));
    const { eventStoreFolder: folder } = options;
    const eventStore = await newEventStore({
      workFolder: dataDir,
      ...(folder === undefined ? {} : { folder }),
    });
    return ClusterOffice.openOn(eventStore, dataDir, env, options);
  }

  /** Its EventStoreDB is the stand-in, whatever else is there: its faults can be planned. */
  static openFaulty(
    env: Record<string, string> = {},
    options: ClusterOptions = {},
  ): Promise<ClusterOffice<ChildServer>> {
    const dataDir = mkdtempSync(join(tmpdir(), 'boxoffice-cluster-'));
    return ClusterOffice.openOn(newFaultyEventStore(options.eventStoreFolder), dataDir, env, options);
  }

  private static async openOn<Log extends TestEventStore>(
    eventStore: Log,
    dataDir: string,
    env: Record<string, string>,
    { database: ownDatabase, outputFolder }: ClusterOptions,
  ): Promise<ClusterOffice<Log>> {
    const [redis, database, payments] = await Promise.all([
      startRedis(),
      ownDatabase ?? sharedDatabaseServer(),
      startVirtualPaymentSystem({
        host: '127.0.0.1',
        port: 0,
        file: join(dataDir, dataFiles.payments),
        apiKey: paymentSecret,
        callbackSecret: paymentSecret,
      }),
      eventStore.start(),
    ]);
    const office = new ClusterOffice(
      dataDir,
      eventStore,
      redis,
      payments,
      await database.newDatabase(),
      env,
      outputFolder,
    );
    await office.start();
    return office;
  }

  /** The api processes in turn: no two requests in a row reach the same one. */
  get url(): string {
    const apis = this.#running('api');
    const api = apis[this.#next++ % apis.length];
    if (!api) throw new Error('no api process is running');
    return api.process.url;
  }

  get projectorUrl(): string {
    return this.urlOf('projector');
  }

  /** Where each process answers that runs. */
  get urls(): string[] {
    return this.#members.filter(({ process }) => process.isRunning).map(({ process }) => process.url);
  }

  /** Where the first process of a role answers. */
  urlOf(role: Role): string {
    return this.#oldest(role).process.url;
  }

  /** Starts one more process; `env` is for this one only. */
  async add(role: Role, env: Record<string, string> = {}): Promise<OfficeProcess> {
    const started = await OfficeProcess.start(
      { ...this.#environment, ROLE: role, ...env },
      join(this.outputFolder ?? this.dataDir, `${role}-${++this.#started}`),
    );
    this.#members.push({ role, process: started });
    return started;
  }

  /** Kills the oldest process of a role; nobody learns of it. */
  async kill(role: Role): Promise<void> {
    const member = this.#oldest(role);
    this.#members.splice(this.#members.indexOf(member), 1);
    await member.process.kill();
  }

  async killAll(role: Role): Promise<void> {
    while (this.#running(role).length > 0) await this.kill(role);
  }

  /** Tells the oldest process of a role to stop. @returns its exit status: 0 when it has ended by itself. */
  async retire(role: Role): Promise<number | null> {
    const member = this.#oldest(role);
    this.#members.splice(this.#members.indexOf(member), 1);
    return member.process.stop();
  }

  /** Tells all processes to stop, then starts as many. @returns the exit statuses of those that ended. */
  async restart(): Promise<(number | null)[]> {
    const roles = this.#members.filter(({ process }) => process.isRunning).map(({ role }) => role);
    const statuses = await this.#stopAll();
    await Promise.all(roles.map((role) => this.add(role)));
    return statuses;
  }

  /** Tells all processes to stop. The engines go on. */
  async stop(): Promise<void> {
    await this.#stopAll();
  }

  /** Starts the processes of an office that was stopped. */
  async start(): Promise<void> {
    await Promise.all(firstRoles.map((role) => this.add(role)));
  }

  startHalting(moments: readonly string[]): Promise<OfficeProcess> {
    return this.add('api', { HALT_AT: moments.join(',') });
  }

  /** The other processes go on. */
  async recover(): Promise<void> {}

  /** Freezes the oldest process of a role: its connections stay open, and it does nothing. @returns what thaws it. */
  freeze(role: Role): () => void {
    const { process } = this.#oldest(role);
    void process.freeze();
    return () => void process.thaw();
  }

  /** The oldest process of a role, for the operating system. */
  pidOf(role: Role): number {
    return this.#oldest(role).process.pid;
  }

  /** Points that the payment system says were bought. */
  async pointsBought(): Promise<number> {
    const headers = { authorization: `Bearer ${paymentSecret}` };
    const ledger = await call(this.payments.url, 'GET', '/ledger?limit=1', { headers });
    return ledger.body.totals.approved.amount;
  }

  async #stopAll(): Promise<(number | null)[]> {
    const left = this.#members.splice(0).filter(({ process }) => process.isRunning);
    return Promise.all(left.map(({ process }) => process.stop()));
  }

  #oldest(role: Role): Member {
    const [member] = this.#running(role);
    if (!member) throw new Error(`no ${role} is running`);
    return member;
  }

  #running(role: Role): Member[] {
    return this.#members.filter((member) => member.role === role && member.process.isRunning);
  }

  /** @throws when a process that was running had to be killed. */
  async close(): Promise<void> {
    const left = this.#members.filter(({ process }) => process.isRunning);
    const statuses = await Promise.all(left.map(({ process }) => process.stop()));
    await Promise.all([this.redis.stop(), this.payments.close(), this.eventStore.kill()]);
    rmSync(this.dataDir, { recursive: true, force: true });
    const stuck = left.filter((_, index) => statuses[index] !== 0);
    if (stuck.length > 0) throw new Error(`did not end by itself: ${stuck.map(({ role }) => role)}`);
  }
}
