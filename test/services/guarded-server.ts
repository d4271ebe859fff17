import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { signalContainer } from './docker.js';
import { errorCode } from './error-code.js';

/** How long a server that was asked to end may take before it is killed, ms. */
const stopTimeoutMs = 60_000;
/** How long the guard may take to start it, ms. */
const spawnTimeoutMs = 120_000;
const guardScript = fileURLToPath(new URL('./guard.sh', import.meta.url));

/** How a server is run. */
export interface ServerCommand {
  readonly command: readonly string[];
  /** The name of the Docker container that `command` runs, if it does. */
  readonly container?: string;
}

/** One run of a server program that cannot outlive the test process: guard.sh watches over it. */
export class GuardedServer {
  private constructor(
    private readonly guard: ChildProcess,
    readonly pid: number,
    private readonly folder: string,
    private readonly container: string | undefined,
  ) {}

  /**
   * @param folder the server's own folder: its output goes to server.log in it.
   * @throws when the program cannot be run.
   */
  static async spawn(folder: string, { command, container }: ServerCommand): Promise<GuardedServer> {
    const guard = spawn('/bin/sh', [guardScript, folder, ...command], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // A group of its own: Ctrl-C reaches the test process first, which then closes the pipe.
      detached: true,
      env: { ...process.env, CONTAINER: container ?? '' },
    });
    const lines = createInterface({ input: guard.stdout });
    const [pid] = await once(lines, 'line', { signal: AbortSignal.timeout(spawnTimeoutMs) });
    lines.close();
    guard.stdout.destroy();
    // It waits for this process, not the other way round.
    guard.unref();
    if (guard.stdin instanceof Socket) guard.stdin.unref();
    return new GuardedServer(guard, Number(pid), folder, container);
  }

  get isRunning(): boolean {
    return this.guard.exitCode === null && this.guard.signalCode === null;
  }

  /** Of a server that has ended, as a shell tells it: 128 and the signal's number if it was killed. */
  get exitStatus(): number | null {
    return this.guard.exitCode;
  }

  /** What the server has written so far. */
  output(): string {
    return readFileSync(join(this.folder, 'server.log'), 'utf8');
  }

  /** Freezes the server, as an overloaded or unreachable one would seem. */
  pause(): Promise<void> {
    return this.signal('SIGSTOP');
  }

  resume(): Promise<void> {
    return this.signal('SIGCONT');
  }

  /** Ends the server at once, as a crash would. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
    await this.ended();
  }

  /** Lets the server end by itself, or kills it when it does not. @param patienceMs how long it may take. */
  async stop(patienceMs = stopTimeoutMs): Promise<void> {
    if (!this.isRunning) return;
    await this.resume();
    await this.signal('SIGTERM');
    const patience = setTimeout(() => void this.signal('SIGKILL'), patienceMs);
    await this.ended();
    clearTimeout(patience);
  }

  private async signal(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    if (this.container !== undefined) {
      await signalContainer(this.container, signal);
      return;
    }
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }

  private async ended(): Promise<void> {
    this.guard.ref();
    if (this.isRunning) await once(this.guard, 'exit');
    this.guard.stdin?.destroy();
  }
}
