import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface BenchServer {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Runs a file of this folder in a process of its own, until it says where it listens. */
export async function startServer(file: string, env: Record<string, string> = {}): Promise<BenchServer> {
  const child = fork(fileURLToPath(new URL(`./${file}`, import.meta.url)), {
    env: { ...process.env, ...env },
  });
  const ended = new AbortController();
  child.once('exit', () => ended.abort(new Error(`${file} ended before it listened`)));
  const [message] = await once(child, 'message', { signal: ended.signal }).catch(() => {
    throw ended.signal.reason;
  });
  return { url: (message as { url: string }).url, child }; // every server sends this when it listens
}

/** Operators' key of every office here. */
export const adminKey = 'benchmark-operator-key-0123456789abcdef';

/** What an office here needs: clients come from one address and in large numbers, and admission keeps nobody waiting. */
export function officeEnvironment(dataDir: string): Record<string, string> {
  return {
    ...attackedEnvironment(dataDir),
    RATE_LIMIT_COMMANDS_PER_MINUTE: '0',
    // Never reached, but counted: what that costs is part of what is measured.
    RATE_LIMIT_READS_PER_MINUTE: '1000000000',
    MAX_CONNECTIONS_PER_ADDRESS: '1000000',
    MAX_LIVE_STREAMS_PER_ADDRESS: '1000000',
  };
}

/** An office with the limits it has by default, but that the fans, who come from one address, may all register at once. */
export function attackedEnvironment(dataDir: string): Record<string, string> {
  return {
    PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'error',
    SAMPLE_CATALOG: 'false',
    ADMIN_KEY: adminKey,
    RATE_LIMIT_LOGIN_PER_MINUTE: '0',
    RATE_LIMIT_LOGIN_PER_MINUTE_OF_ACCOUNT: '0',
    RATE_LIMIT_REGISTRATIONS_PER_MINUTE: '0',
    RATE_LIMIT_REFRESHES_PER_MINUTE: '0',
    RATE_LIMIT_JOINS_PER_MINUTE: '0',
    ADMISSION_INTERVAL_MS: '20',
  };
}

/** The longest time, ms, that the event loop of a hold-server was kept since this was asked last. */
export async function longestStallOf({ child }: BenchServer): Promise<number> {
  child.send('longest stall');
  const [message] = await once(child, 'message');
  return (message as { longestStallMs: number }).longestStallMs; // what it answers
}

export async function stopServer({ child }: BenchServer): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
