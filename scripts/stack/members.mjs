import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const guard = fileURLToPath(new URL('./guard.sh', import.meta.url));
/** More than the 20 seconds an office process gives itself. */
const stopTimeoutMs = 25_000;
/** How long a server may take until it answers, its first start on a busy machine included. */
export const startTimeoutMs = 120_000;
const probeTimeoutMs = 5_000;
const probePauseMs = 200;
const nameWidth = 14;

/** One program of the stack; its output goes to this terminal, each line behind its name. */
export class Member {
  #child;
  #isStopping = false;

  /**
   * Starts the program in a process group of its own, so that Ctrl-C reaches this process alone. It ends when this
   * process does, however that happens.
   * @param name what its lines begin with.
   * @param command program and arguments.
   * @param env its environment variables.
   * @param onEnd told the exit code when it ends though nobody asked it to.
   */
  constructor(name, command, env, onEnd) {
    this.name = name;
    const child = spawn('/bin/sh', [guard, ...command], {
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (line) => say(name, line));
    }
    // Whether it ended is told by 'exit'; a broken pipe to it tells nothing more.
    child.stdin.on('error', () => undefined);
    child.once('exit', (code, signal) => {
      if (!this.#isStopping) onEnd(signal ?? code);
    });
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Lets the program finish, or kills it when that takes too long. */
  async stop() {
    this.#isStopping = true;
    if (!this.isRunning) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    const timer = setTimeout(() => {
      say(this.name, `does not end within ${stopTimeoutMs / 1000} s: killed`);
      process.kill(-this.#child.pid, 'SIGKILL');
    }, stopTimeoutMs);
    await ended;
    clearTimeout(timer);
  }
}

/**
 * Waits until `probe` succeeds.
 * @param member whose end ends the wait; left out when the server is somebody else's.
 * @throws naming what did not become ready, and why.
 */
export async function ready(name, probe, timeoutMs, member) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (member && !member.isRunning)
        throw new Error(`${name} ended instead of starting; see its lines above`);
      if (Date.now() > deadline) {
        throw new Error(`${name} is not ready after ${timeoutMs / 1000} s: ${error.message}`);
      }
    }
    await wait(probePauseMs);
  }
}

/** Resolves if a GET is answered with 2xx. @throws otherwise. */
export async function answers(url) {
  const reply = await fetch(url, { signal: AbortSignal.timeout(probeTimeoutMs) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${url} answers ${reply.status} ${text.slice(0, 300)}`);
}

/** Writes a line behind the name of whom it is about. */
export function say(name, line) {
  process.stdout.write(`${name.padEnd(nameWidth)}| ${line}\n`);
}

/** A URL without its password. */
export function masked(url) {
  return url.replace(
    /^([^:]+:\/\/)(?:([^:@/?]*):[^/?]*@|[^@/?]*@)/,
    (_, scheme, user = '') => `${scheme}${user}:…@`,
  );
}
