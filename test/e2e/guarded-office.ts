import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GuardedServer } from '../services/guarded-server.js';
import { waitUntil } from '../services/wait-until.js';
import { testEnvironment } from './test-environment.js';

const program = fileURLToPath(new URL('./office-process.mjs', import.meta.url));
/** How long it may take to finish what it has accepted. */
const stopTimeoutMs = 120_000;

/** Where a process of the office answers. */
interface Addresses {
  readonly url: string;
  readonly paymentUrl: string;
}

/** One process of the office, in whatever role; it cannot outlive the process that started it. */
export class OfficeProcess {
  private constructor(
    private readonly server: GuardedServer,
    private readonly addresses: Addresses,
  ) {}

  /**
   * Resolves when it answers.
   * @param env all of its environment but {@link testEnvironment}, which it overrides.
   * @param folder gets what the process prints; removed when this process dies before it.
   * @throws with what the process printed when it ends before it answers.
   */
  static async start(env: Record<string, string>, folder: string): Promise<OfficeProcess> {
    mkdirSync(folder, { recursive: true });
    const variables = { PATH: process.env.PATH ?? '', ...testEnvironment, ...env };
    const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const command = ['env', '-i', ...settings, process.execPath, program];
    const server = await GuardedServer.spawn(folder, { command });
    try {
      let addresses: Addresses | undefined;
      const hasAnswered = () => {
        addresses = addressesIn(server.output());
        return addresses !== undefined || !server.isRunning;
      };
      await waitUntil('the office answers', hasAnswered);
      addresses ??= addressesIn(server.output());
      if (!addresses)
        throw new Error(`a process of the office ended before it was ready: ${server.output()}`);
      return new OfficeProcess(server, addresses);
    } catch (error) {
      await server.kill();
      throw error;
    }
  }

  get url(): string {
    return this.addresses.url;
  }

  get paymentUrl(): string {
    return this.addresses.paymentUrl;
  }

  get pid(): number {
    return this.server.pid;
  }

  get isRunning(): boolean {
    return this.server.isRunning;
  }

  /** What it has printed so far. */
  output(): string {
    return this.server.output();
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.server.kill();
  }

  /** SIGTERM, and SIGKILL when that takes too long. @returns the exit status: 0 when it has ended by itself. */
  async stop(): Promise<number | null> {
    await this.server.stop(stopTimeoutMs);
    return this.server.exitStatus;
  }

  /** Waits until so many requests have halted: see moments.mjs. */
  async halted(requests: number): Promise<void> {
    const lines = () => this.server.output().split('\n');
    const count = () => lines().filter((line) => line.startsWith('halted ')).length;
    await waitUntil(`${requests} requests have halted`, () => count() === requests);
  }

  /** Waits until it has ended by itself. */
  async ended(): Promise<void> {
    await waitUntil('the process ends', () => !this.isRunning);
  }

  /** SIGSTOP: its connections stay open, and it does nothing. */
  freeze(): Promise<void> {
    return this.server.pause();
  }

  thaw(): Promise<void> {
    return this.server.resume();
  }
}

/** Log lines may come before the line that tells where the office answers. */
function addressesIn(output: string): Addresses | undefined {
  const line = output.split('\n').findLast((one) => one.startsWith('{"url":') && one.endsWith('}'));
  return line === undefined ? undefined : JSON.parse(line);
}
