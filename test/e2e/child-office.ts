import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../../src/platform/config.js';
import { OfficeProcess } from './guarded-office.js';
import { testEnvironment } from './test-environment.js';

/** An office in one process of its own, which can be ended in any way and started again on the same data. */
export class ChildOffice {
  readonly config: Config;
  readonly #folder: string;
  #process: OfficeProcess | undefined;
  #started = 0;

  private constructor(private readonly env: Readonly<Record<string, string>>) {
    this.#folder = mkdtempSync(join(tmpdir(), 'boxoffice-child-'));
    this.config = readConfig({ ...testEnvironment, DATA_DIR: join(this.#folder, 'data'), ...env });
  }

  static async open(env: Record<string, string> = {}): Promise<ChildOffice> {
    const office = new ChildOffice(env);
    await office.#start();
    return office;
  }

  get url(): string {
    return this.#running().url;
  }

  get projectorUrl(): string {
    return this.url;
  }

  async restart(): Promise<(number | null)[]> {
    const status = await this.#running().stop();
    await this.#start();
    return [status];
  }

  async startHalting(moments: readonly string[]): Promise<OfficeProcess> {
    await this.#running().stop();
    // What halts must not be taken up by its own process.
    return this.#start({ HALT_AT: moments.join(','), RESUME_AFTER_MS: '600000' });
  }

  async recover(): Promise<void> {
    await this.#start();
  }

  async close(): Promise<void> {
    await this.#process?.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(env: Record<string, string> = {}): Promise<OfficeProcess> {
    const output = join(this.#folder, `process-${++this.#started}`);
    this.#process = await OfficeProcess.start(
      { DATA_DIR: this.config.DATA_DIR, ...this.env, ...env },
      output,
    );
    return this.#process;
  }

  #running(): OfficeProcess {
    if (!this.#process) throw new Error('the office has not been started');
    return this.#process;
  }
}
