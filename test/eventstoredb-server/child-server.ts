import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FaultPlan } from './faults.js';
import type { WireServerOptions } from './server.js';

type ChildOptions = Omit<WireServerOptions, 'die'>;

/** A wire server in a child process, which can really be killed, and started again on the same port and file. */
export class ChildServer {
  private child: ChildProcess | undefined;
  private exited: Promise<unknown> = Promise.resolve();
  /** Where it listens, once it has been started; the same over restarts. */
  port: number;

  constructor(private readonly options: ChildOptions = {}) {
    this.port = options.port ?? 0;
  }

  get connectionString(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  /** Resolves when it listens. */
  async start(): Promise<this> {
    const compiled = fileURLToPath(new URL('./server-process.js', import.meta.url));
    const loader = new URL('./run-typescript.mjs', import.meta.url).href;
    const [file, execArgv] = existsSync(compiled)
      ? [compiled, []]
      : [compiled.replace(/\.js$/, '.ts'), ['--import', loader]];
    const options: ChildOptions = { ...this.options, port: this.port };
    const child = fork(file, [JSON.stringify(options)], { execArgv });
    this.child = child;
    this.exited = once(child, 'exit');
    const exitedEarly = this.exited.then(() => {
      throw new Error('the wire server did not start');
    });
    // The other outcome of the race does not matter.
    exitedEarly.catch(() => undefined);
    const [message] = (await Promise.race([once(child, 'message'), exitedEarly])) as [{ port: number }];
    this.port = message.port;
    return this;
  }

  /** Replaces the plan of faults; resolves when it has effect. */
  async plan(plan: FaultPlan): Promise<void> {
    const { child } = this;
    if (child === undefined) throw new Error('the wire server is not running');
    const planned = once(child, 'message');
    child.send(plan);
    await planned;
  }

  /** Resolves when the process has ended, by a fault or {@link kill}. */
  async ended(): Promise<void> {
    await this.exited;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.exited;
  }

  /** Stands still (SIGSTOP), connections open; {@link kill} still works. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  /** Continues after {@link freeze}. */
  thaw(): void {
    this.child?.kill('SIGCONT');
  }
}
