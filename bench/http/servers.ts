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
  const [message] = await once(child, 'message');
  return { url: (message as { url: string }).url, child }; // every server sends this when it listens
}

export async function stopServer({ child }: BenchServer): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
