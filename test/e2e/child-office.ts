import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { testEnvironment } from './office.js';

/** A server in a process of its own, which can be killed and started again on the same data. */
export class ChildOffice {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'boxoffice-crash-'));
  readonly config = { ADMIN_KEY: testEnvironment.ADMIN_KEY };
  url = '';
  paymentUrl = '';
  #child: ChildProcess | undefined;

  constructor(private readonly env: Record<string, string> = {}) {}

  /** @param dieAt `before:<event type>` or `after:<event type>`; empty: it lives. */
  async start(dieAt = ''): Promise<void> {
    const child = spawn(process.execPath, [join(__dirname, 'server-that-dies.mjs')], {
      env: { PATH: process.env.PATH, ...testEnvironment, ...this.env, DATA_DIR: this.dataDir, DIE_AT: dieAt },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
    if (typeof line !== 'string') throw new Error(`the server ended before it was ready: ${String(line)}`);
    ({ url: this.url, paymentUrl: this.paymentUrl } = JSON.parse(line));
  }

  /** Resolves once the server is gone, with the signal that ended it. */
  async death(): Promise<NodeJS.Signals | null> {
    const child = this.#child;
    if (!child) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.signalCode;
  }

  /** Of the last server; null when a signal ended it. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child?.kill(signal);
    await this.death();
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
