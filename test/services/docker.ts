import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);
const timeoutMs = 10_000;

/** A container to be run in the foreground, so that its client ends when it does. */
export interface Container {
  readonly name: string;
  readonly image: string;
  /** Port of 127.0.0.1, and the server's own. */
  readonly port: readonly [host: number, inside: number];
  /** Folders and files of this machine, by their path inside. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

/** Whether there is a Docker engine that answers. */
export async function hasDockerEngine(): Promise<boolean> {
  return run('docker', ['info'], { timeout: timeoutMs }).then(
    () => true,
    () => false,
  );
}

/** A name no other container has. */
export function containerName(): string {
  return `boxoffice-test-${randomBytes(6).toString('hex')}`;
}

/** The command line that runs the container as this user, whose files it therefore makes. */
export function dockerCommand(container: Container, args: readonly string[]): string[] {
  const { name, image, port, mounts, env } = container;
  return [
    ...['docker', 'run', '--rm', '--name', name, '--publish', `127.0.0.1:${port[0]}:${port[1]}`],
    ...['--user', `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`],
    ...Object.entries(mounts).flatMap(([inside, path]) => ['--volume', `${path}:${inside}`]),
    ...Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
    image,
    ...args,
  ];
}

/** Sends the container's server a signal; one that has ended already gets none. */
export async function signalContainer(name: string, signal: NodeJS.Signals): Promise<void> {
  await run('docker', ['kill', '--signal', signal, name], { timeout: timeoutMs }).catch(() => undefined);
}
