import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBoxoffice, type StartOptions, startBoxoffice } from '../../src/boxoffice.js';
import { dataFiles } from '../../src/engines.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/open.js';
import { type Config, readConfig } from '../../src/platform/config.js';
import { PasswordHasher } from '../../src/platform/password-hasher.js';

/** Passwords are not what these tests are about: a thousand fans must not take a minute to register. */
class CheapHasher extends PasswordHasher {
  override async hash(password: string): Promise<string> {
    return `cheap ${password}`;
  }
  override async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    return passwordHash === `cheap ${password}`;
  }
}

export const testEnvironment = {
  PORT: '0',
  LOG_LEVEL: 'silent',
  SAMPLE_CATALOG: 'false',
  SECRET: 'a secret for tests, long enough to be one',
  ADMIN_KEY: 'operator-key-for-tests-that-is-long-enough',
  RATE_LIMIT_LOGIN_PER_MINUTE: '0',
  RATE_LIMIT_COMMANDS_PER_MINUTE: '0',
  ADMISSION_INTERVAL_MS: '20',
  SWEEP_INTERVAL_MS: '200',
  CATALOG_MAX_AGE_MS: '0',
} as const;

/** An office in this process on a folder of its own. */
export class Office {
  private constructor(
    readonly dataDir: string,
    readonly config: Config,
    private readonly options: StartOptions,
    private running: RunningBoxoffice,
  ) {}

  static async open(env: Record<string, string> = {}, options: StartOptions = {}): Promise<Office> {
    const dataDir = mkdtempSync(join(tmpdir(), 'boxoffice-e2e-'));
    const config = readConfig({ ...testEnvironment, DATA_DIR: dataDir, ...env });
    const withHasher = { hasher: new CheapHasher(), ...options };
    return new Office(dataDir, config, withHasher, await startBoxoffice(config, withHasher));
  }

  get url(): string {
    return this.running.url;
  }

  get paymentUrl(): string {
    return this.running.paymentUrl;
  }

  /** The events of a category, from the log file itself, which the office goes on writing. */
  async readLog(category: string) {
    const store = await openSqliteEventStore({ file: join(this.dataDir, dataFiles.log), readOnly: true });
    try {
      const events = await store.readCategory(category);
      return events.map(({ type, data, metadata }) => ({
        type,
        data: data as Record<string, unknown>, // every event's data and metadata are JSON objects
        metadata: metadata as Record<string, unknown>,
      }));
    } finally {
      await store.close();
    }
  }

  /** Closes in good order and starts again on the same data. */
  async restart(): Promise<void> {
    await this.running.close();
    this.running = await startBoxoffice(this.config, this.options);
  }

  async stop(): Promise<void> {
    await this.running.close();
  }

  /** Stops and removes everything. */
  async close(): Promise<void> {
    await this.running.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
