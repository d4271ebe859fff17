import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningBoxoffice, type StartOptions, startBoxoffice } from '../../src/app/boxoffice.js';
import { type Config, readConfig } from '../../src/platform/config.js';
import { PasswordHasher } from '../../src/platform/password-hasher.js';
import { testEnvironment } from './test-environment.js';

/** Passwords are not what these tests are about: a thousand fans must not take a minute to register. */
class CheapHasher extends PasswordHasher {
  override async hash(password: string): Promise<string> {
    return `cheap ${password}`;
  }
  override async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    return passwordHash === `cheap ${password}`;
  }
}

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

  get environment(): Readonly<Record<string, string>> {
    return { ...testEnvironment, DATA_DIR: this.dataDir };
  }

  get paymentUrl(): string {
    return this.running.paymentUrl;
  }

  /** Closes in good order and starts again on the same data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.running.close();
  }

  /** Starts again after a stop, on the same data. */
  async start(): Promise<void> {
    this.running = await startBoxoffice(this.config, this.options);
  }

  /** Stops and removes everything. */
  async close(): Promise<void> {
    await this.running.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
